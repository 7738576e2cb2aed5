"""Which starts of a schedule may be made while the run before still goes on."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from engine.core.frozen import frozen

MOST_WAITING = 1_000
"""How many starts wait for the run before, at most."""


class Overlap(StrEnum):
    """What happens while the run before still goes on."""

    ALLOW = "allow"
    QUEUE = "queue"
    SKIP = "skip"
    CANCEL_RUNNING = "cancel_running"


@frozen
class Turnout:
    """`starts` are made now and `waits` later, the earliest first; `dropped` are not, by `reason`.

    `cancels`: the run before is to end.
    """

    starts: tuple[datetime, ...] = ()
    waits: tuple[datetime, ...] = ()
    dropped: tuple[datetime, ...] = ()
    reason: str = ""
    cancels: bool = False


def turnout(overlap: Overlap, due: Sequence[datetime], *, is_live: bool) -> Turnout:
    """Return what becomes of the starts that are due; `is_live`: the run before still goes on."""
    first, rest = tuple(due[:1]), tuple(due[1:])
    match overlap:
        case Overlap.ALLOW:
            return Turnout(tuple(due))
        case Overlap.QUEUE:
            starts, queue = ((), tuple(due)) if is_live else (first, rest)
            reason = f"{MOST_WAITING:,} starts wait already (overlap: queue)"
            return Turnout(starts, queue[:MOST_WAITING], queue[MOST_WAITING:], reason)
        case Overlap.SKIP:
            reason = "the run before still goes on (overlap: skip)"
            starts, dropped = ((), tuple(due)) if is_live else (first, rest)
            return Turnout(starts, dropped=dropped, reason=reason)
        case Overlap.CANCEL_RUNNING:
            reason = "a later start has come (overlap: cancel_running)"
            last, dropped = tuple(due[-1:]), tuple(due[:-1])
            if is_live:
                return Turnout(waits=last, dropped=dropped, reason=reason, cancels=bool(last))
            return Turnout(last, dropped=dropped, reason=reason)
        case _:
            assert_never(overlap)
