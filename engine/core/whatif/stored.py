"""Recorded runs as data, handed to whoever reads the plans that they are held against.

A review has room for so much of them: whoever waits for it waits for all of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime

from engine.core.binding import Bound
from engine.core.change import Change, Kind
from engine.core.codec import Undecodable, UnknownFormat, decode
from engine.core.event import Row
from engine.core.frozen import frozen
from engine.core.run import Header
from engine.core.values import Json
from engine.core.whatif.recording import Recording

LAST = 20
"""How many runs of a workflow a review looks at, the newest that have ended."""
MOST_WORKFLOWS = 10
MOST_ROWS, MOST_ROWS_OF_ALL = 5_000, 20_000
MOST_BYTES = 8 << 20
"""The room for inputs, journals and plans of all the runs of a review, as JSON."""
_FORK = "not told of a fork, whose conditions could ask for what the runs hold"


@frozen
class Extent:
    """What a run takes: the rows of its journal, and the bytes of it and its header as JSON."""

    rows: int
    bytes: int


@frozen
class StoredRun:
    """A run that has ended, as it is kept."""

    header: Header
    started_at: datetime
    rows: Sequence[Row]


@frozen
class Stored:
    """Runs by workflow, newest first, and the bodies of their plans by digest.

    `left` counts, by workflow, the newest runs that there was no room for.
    """

    runs: Mapping[str, Sequence[StoredRun]] = field(default_factory=dict)
    plans: Mapping[str, Json] = field(default_factory=dict)
    left: Mapping[str, int] = field(default_factory=dict)

    def recordings(self) -> dict[str, tuple[Recording, ...]]:
        """Return them ready to be played, without those whose plan another program wrote."""
        made = {digest: _bound(body) for digest, body in self.plans.items()}
        bounds = {digest: bound for digest, bound in made.items() if bound is not None}
        return {
            name: tuple(
                Recording(bounds[each.header.plan], each.header, each.started_at, each.rows)
                for each in runs if each.header.plan in bounds
            )
            for name, runs in self.runs.items()
        }  # fmt: skip


class Room:
    """The room that a review has for recorded runs."""

    def __init__(self) -> None:
        self._rows, self._bytes = MOST_ROWS_OF_ALL, MOST_BYTES

    def take(self, extent: Extent) -> bool:
        """Return whether there is room for a run; then it is taken."""
        fits = extent.rows <= min(MOST_ROWS, self._rows) and extent.bytes <= self._bytes
        if fits:
            self._rows -= extent.rows
            self._bytes -= extent.bytes
        return fits


def asked(changes: Iterable[Change]) -> list[str]:
    """Return the workflows whose recorded runs a review asks for: those that change."""
    return [each.name for each in changes if each.kind is Kind.CHANGED][:MOST_WORKFLOWS]


def beyond(changes: Iterable[Change], left: Mapping[str, int], is_fork: bool) -> tuple[str, ...]:
    """Return the lines of a review on what of recorded runs it does not tell."""
    names = [each.name for each in changes if each.kind is Kind.CHANGED]
    if is_fork:
        return (_FORK,) if names else ()
    told = [
        f"{name}: {count} run{'s' * (count != 1)} not told, too long"
        for name, count in sorted(left.items()) if count
    ]  # fmt: skip
    more = len(names) - MOST_WORKFLOWS
    return (*told, *([f"the runs of {more} more workflows are not told"] if more > 0 else []))


def _bound(body: Json) -> Bound | None:
    try:
        return Bound(decode(body))
    except (UnknownFormat, Undecodable):
        return None
