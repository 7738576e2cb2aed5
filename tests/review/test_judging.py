"""The process that makes plans: bounded, killed when it must be, and believed nothing."""

import asyncio
import os
import signal
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from engine.core.review import Annotation, Conclusion, Head, Links, Place
from engine.core.whatif import Stored
from engine.review import judging, keeping
from engine.review.keeping import Keeper, Keepers
from engine.review.task import Answer, Asked, Running, Task, Unjudged, decode

GOOD = Answer(
    "d", Conclusion.SUCCESS, "a title", "a comment", "a text", "s", ["w"], {"rule": ["acme/pay"]},
    [Annotation("a.yaml", 1, "failure", "code", "words")], ["w"], ["rule"],
)  # fmt: skip


def task(name: str) -> Task:
    return Task(
        Place(name, "production"), "shop", Head("main"), Head(""), None, None, Path("/nowhere"), {},
        Asked(7), Running({}, {}, {}), (), Links(""), datetime.now(UTC),
    )  # fmt: skip


def asked(
    *does: str, recall: judging.Recall = judging.nothing, seconds: float = 60.0
) -> list[Answer | Unjudged]:
    """Return what comes of tasks that one keeper is given in turn; of one alone, raise it."""

    async def ask() -> list[Answer | Unjudged]:
        keeper, told = Keeper("tests.review.rogue"), list[Answer | Unjudged]()
        try:
            for each in does:
                try:
                    told.append(await judging.judge(task(each), keeper, recall, seconds))
                except Unjudged as error:
                    if len(does) == 1:
                        raise
                    told.append(error)
        finally:
            await keeper.close()
        return told

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("does", "why"),
    [
        ("sleeps", "was not made within"),
        ("eats", "more memory"),
        ("floods", "has answered what is no plan"),
        ("babbles", "has answered what is no plan"),
        ("fails", "ended with 1"),
        ("writes", "ended with"),
    ],
)
def test_a_process_that_comes_to_no_plan_is_given_up(does: str, why: str):
    """
    Whatever a stranger's files make of it, it is ended, and not a word of his is repeated.
    """
    seconds = 5.0 if does == "sleeps" else 60.0
    with pytest.raises(Unjudged, match=why) as told:
        asked(does, seconds=seconds)

    assert "ann" not in str(told.value)


@pytest.mark.parametrize("does", ["spoils", "fails", "floods", "eats", "kills"])
def test_what_one_look_has_done_the_next_one_does_not_see(does: str):
    """
    Whatever a stranger's files make of a look, the next begins with what was kept before it.
    """
    first, second = asked(does, "tells")

    assert isinstance(first, Unjudged)
    assert isinstance(second, Answer)
    assert "spoilt: [] production" == second.title


def test_a_look_that_is_given_up_leaves_what_is_kept(monkeypatch: pytest.MonkeyPatch):
    """
    A look that takes too long is ended alone: the process that keeps what is live goes on.
    """
    monkeypatch.setattr(keeping, "_GRACE", 60.0)

    async def given_up() -> tuple[int, int, Answer]:
        keeper = Keeper("tests.review.rogue")
        try:
            await judging.judge(task("tells"), keeper)
            before = keeper.pid
            with pytest.raises(Unjudged):
                await judging.judge(task("sleeps"), keeper, seconds=1.0)
            return before, keeper.pid, await judging.judge(task("tells"), keeper)
        finally:
            await keeper.close()

    before, after, answer = asyncio.run(given_up())

    assert before == after
    assert "spoilt: [] production" == answer.title


@pytest.mark.parametrize(("does", "title"), [("dies",) * 2, ("dawdles",) * 2, ("recalls", "w")])
def test_what_comes_of_recorded_runs_keeps_no_plan_from_being_told(
    monkeypatch: pytest.MonkeyPatch, does: str, title: str
):
    """
    The process is handed the runs that it asks for; if nothing comes of it, its plan stands.
    """
    monkeypatch.setattr(judging, "REPLAY_SECONDS", 0.5 if does == "dawdles" else 60.0)

    async def recall(names: Sequence[str]) -> Stored:
        return Stored(left=dict.fromkeys(names, 1))

    (told,) = asked(does, recall=recall)

    assert isinstance(told, Answer)
    assert title == told.title


def test_a_process_that_was_killed_at_rest_begins_anew():
    """
    If the machine ends the process between two looks, the next look has another.
    """

    async def killed() -> Answer:
        keeper = Keeper("tests.review.rogue")
        try:
            await judging.judge(task("tells"), keeper)
            os.kill(keeper.pid, signal.SIGKILL)
            while keeper.pid:
                await asyncio.sleep(0.01)
            return await judging.judge(task("tells"), keeper)
        finally:
            await keeper.close()

    assert "spoilt: [] production" == asyncio.run(killed()).title


def test_no_more_processes_rest_than_are_told(monkeypatch: pytest.MonkeyPatch):
    """
    However many sources there are, those that were looked at last alone have a process.
    """
    monkeypatch.setattr(keeping, "PROGRAM", "tests.review.rogue")
    monkeypatch.setattr(keeping, "MOST", 1)

    async def looked() -> list[bool]:
        async with Keepers() as keepers:
            used = []
            for each in ("a", "b"):
                used.append(await keepers.of(each))
                await judging.judge(task("tells"), used[-1])
            return [each.pid > 0 for each in used]

    assert [False, True] == asyncio.run(looked())


def test_an_answer_is_what_it_was():
    """
    A plan that comes up from the process is read as it was written.
    """
    assert GOOD == decode(GOOD.encode())


@pytest.mark.parametrize(
    "wrong",
    [
        {"conclusion": "great"}, {"title": 7}, {"title": "x" * 501}, {"workflows": "w"},
        {"workflows": [7]}, {"asks": []}, {"asks": {"rule": 7}}, {"annotations": [{}]},
        {"annotations": [{"path": "a", "line": 0, "level": "x", "title": "", "message": ""}]},
        {"annotations": [{"path": "a", "line": True, "level": "x", "title": "", "message": ""}]},
        {"replays": ["w"] * 11}, {"replays": [7]}, {"comment": "x" * 100_000}, {"digest": None},
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_refused(wrong: dict[str, object]):
    """
    What is not of the right kind or length is no answer, whoever had the process in his hands.
    """
    with pytest.raises(Unjudged):
        decode(orjson.dumps({**orjson.loads(GOOD.encode()), **wrong}))


def test_a_process_that_begins_late_ends_with_the_others(monkeypatch: pytest.MonkeyPatch):
    """
    Where a source has to make room before its look has begun, what it begins then is no orphan.
    """
    monkeypatch.setattr(keeping, "PROGRAM", "tests.review.rogue")
    monkeypatch.setattr(keeping, "MOST", 1)

    async def story() -> int:
        async with Keepers() as keepers:
            late, other = await keepers.of("late"), await keepers.of("other")
            for each in (other, late):
                await judging.judge(task("tells"), each)
            assert late.pid
        return late.pid

    assert 0 == asyncio.run(story())
