"""The recorded runs that a review has room for, and what it says of the others."""

from dataclasses import replace

import pytest

from engine.core import codec, whatif
from engine.core.change import Change
from engine.core.values import Json
from engine.core.whatif import Extent, Room, Stored, StoredRun
from tests.core.runs import ok, step, whole
from tests.core.whatif.recording import record

PLAN = whole(step("a"))


def changed(count: int) -> list[Change]:
    return [Change(f"w{number:02}", PLAN, PLAN) for number in range(count)]


@pytest.mark.parametrize(
    ("extent", "fits"),
    [
        (Extent(0, 0), True),
        (Extent(whatif.MOST_ROWS, whatif.MOST_BYTES), True),
        (Extent(whatif.MOST_ROWS + 1, 0), False),
        (Extent(0, whatif.MOST_BYTES + 1), False),
    ],
)
def test_a_run_is_looked_at_if_there_is_room(extent: Extent, fits: bool) -> None:
    """
    A journal may have so many rows, and all that is read so many bytes.
    """
    assert fits is Room().take(extent)


def test_room_is_taken_once() -> None:
    """
    All runs of a review share the room; what does not fit leaves it to smaller ones.
    """
    room, most = Room(), whatif.MOST_ROWS
    full = [room.take(Extent(most, 0)) for _ in range(whatif.MOST_ROWS_OF_ALL // most + 1)]

    assert [True] * (len(full) - 1) + [False] == full
    assert room.take(Extent(0, whatif.MOST_BYTES))
    assert not room.take(Extent(0, 1))


def test_stored_runs_are_told_of_like_recordings() -> None:
    """
    A run is played from what is stored of it; one whose plan cannot be read is left out.
    """
    recording = record(PLAN, ok("a"))
    run = StoredRun(recording.header, recording.started_at, recording.rows)
    lost = replace(run, header=replace(run.header, plan="lost"))
    bodies: dict[str, Json] = {run.header.plan: codec.encode(PLAN), "lost": {"format": "none"}}
    stored = Stored({"w00": (run, lost)}, bodies, {"w00": 2, "w01": 1})
    new = Change("new", None, PLAN)

    assert (
        "w00: 1 run: 1 same path",
        "w00: 2 runs not told, too long",
        "w01: 1 run not told, too long",
    ) == whatif.reviewed([*changed(1), new], stored.recordings(), stored.left)


def test_a_review_asks_for_the_runs_of_a_few_workflows() -> None:
    """
    It says how many others change; new workflows have no runs.
    """
    most = whatif.MOST_WORKFLOWS
    many = [*changed(most + 3), Change("new", None, PLAN)]

    assert most == len(whatif.asked(many))
    assert [] == whatif.asked(many[-1:])
    assert ("the runs of 3 more workflows are not told",) == whatif.beyond(many, {}, False)
    assert () == whatif.beyond(many[:1], {"w00": 0}, False)
    assert () == whatif.beyond(many[-1:], {}, True)
    assert 1 == len(whatif.beyond(many, {}, True))
