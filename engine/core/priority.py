"""Who goes first where there is no room for all: by level, with ageing, and in turns of tenants.

What waits rises by a level every `AGEING`, so that what is urgent is first and nothing is last for
long. Within a level those of different fair keys take turns, by the rule of start-time fair
queueing (Goyal, Vin and Cheng, 1996): whoever comes takes the first turn that is not over and in
which no other of its key stands.

Steps of a group stand in one line (`ordered`): after `OVERDUE` a waiter goes before all that came
later, whatever they are. Runs may be a hundred thousand, so each gets a `place` once, when it
comes, and an index keeps the order. It is an instant, so that there is one currency: a level is
worth `AGEING`, and one more of a tenant that waits stands `TURN` behind the one before, as if it
had come that much later (the virtual clock of Zhang, 1990). Nothing starves: whoever has a place
goes before all that comes long enough after it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from engine.core.frozen import frozen

Id = TypeVar("Id")

LEVELS: Mapping[str, int] = {"low": 0, "normal": 1, "high": 2, "critical": 3}
AGEING = timedelta(minutes=1)
"""How long one of a level waits before a new one of the next has no lead over it."""
OVERDUE = timedelta(minutes=30)
TURN = timedelta(seconds=10)
"""How far apart the runs of one tenant stand."""
LONGEST_KEY = 200
"""The characters that a fair key may have."""
_HIGHEST = max(LEVELS.values())


@frozen
class Waiter(Generic[Id]):
    """One that waits `since` an instant, with the `turn` that it got then."""

    id: Id
    level: int
    turn: int
    since: datetime


def ordered(waiters: Iterable[Waiter[Id]], now: datetime) -> list[Waiter[Id]]:
    """Return waiters in the order in which they are to go; those of equal right as they came."""

    def place(waiter: Waiter[Id]) -> tuple[bool, int, int]:
        waited = now - waiter.since
        if waited >= OVERDUE:
            return (False, 0, 0)
        level = min(waiter.level + max(waited, timedelta(0)) // AGEING, _HIGHEST)
        return (True, -level, waiter.turn)

    return sorted(sorted(waiters, key=lambda each: each.since), key=place)


def turn(key: str, live: Sequence[tuple[str, int]], waiting: Sequence[tuple[str, int]]) -> int:
    """Return the turn of one that comes now; `live` and `waiting` are the keys and turns of others.

    Without a key it waits for nobody's turn: it is as one that has not had any.
    """
    begun = max((each for _, each in live), default=None)
    first = min((each for _, each in waiting), default=0) if begun is None else begun
    if not key:
        return first
    own = [each for name, each in (*live, *waiting) if name == key]
    return max(first, max(own) + 1) if own else first


def place(now: datetime, level: int, last: datetime | None = None) -> datetime:
    """Return the place of a run that comes now, by which it begins: the earliest goes first.

    `last` is the place of the last of its tenant and level that waits, if one does. A run without
    a tenant has none before it.
    """
    own = now - level * AGEING
    return own if last is None else max(own, last + TURN)
