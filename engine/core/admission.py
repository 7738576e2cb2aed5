"""Which runs or steps of a group may begin, which wait, and which end because of others."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Generic, TypeVar, assert_never

from engine.core.frozen import frozen

Id = TypeVar("Id")


class Conflict(StrEnum):
    """What the next run of a full group does."""

    QUEUE = "queue"
    REJECT = "reject"
    CANCEL_RUNNING = "cancel_running"
    REPLACE_QUEUED = "replace_queued"


@frozen
class Rules:
    """At most `limit` runs at once, and `max_queue` that wait."""

    limit: int
    on_conflict: Conflict = Conflict.QUEUE
    max_queue: int = 1_000


@frozen
class Admission(Generic[Id]):
    """`admitted` begin now, `refused` end without having begun, `cancelled` are to end."""

    admitted: tuple[Id, ...] = ()
    refused: tuple[Id, ...] = ()
    cancelled: tuple[Id, ...] = ()


def admit(rules: Rules, live: Sequence[Id], waiting: Sequence[Id]) -> Admission[Id]:
    """Return what becomes of a group.

    `live` have a slot, oldest first; `waiting` have none, in the order in which they would get
    one. With `cancel_running` and `replace_queued` the last of them is the one that counts.
    """
    free = max(0, rules.limit - len(live))
    match rules.on_conflict:
        case Conflict.REJECT:
            return Admission(tuple(waiting[:free]), tuple(waiting[free:]))
        case Conflict.REPLACE_QUEUED:
            rest = waiting[free:]
            return Admission(tuple(waiting[:free]), tuple(rest[:-1]))
        case Conflict.CANCEL_RUNNING:
            kept = waiting[-rules.limit :]
            too_many = len(live) + len(kept) - rules.limit
            stale = tuple(live[:too_many]) if too_many > 0 else ()
            return Admission(tuple(kept[:free]), tuple(waiting[: -rules.limit]), stale)
        case Conflict.QUEUE:
            rest = waiting[free:]
            return Admission(tuple(waiting[:free]), tuple(rest[rules.max_queue :]))
        case _:
            assert_never(rules.on_conflict)


def arrive(rules: Rules, live: Sequence[Id], waiting: Sequence[Id], new: Id) -> Admission[Id]:
    """Return what becomes of a group of steps when one more comes, by the rules that it has.

    It may be refused, or end others that it replaces; `admitted` may begin if it is their turn.
    """
    told = admit(rules, live, [*waiting, new])
    if rules.on_conflict in (Conflict.QUEUE, Conflict.REJECT):
        return Admission(told.admitted, (new,) if new in told.refused else ())
    return told


def let_in(live: int, waiting: Sequence[tuple[Id, int]]) -> list[Id]:
    """Return who of a group may begin: the first ones, each while fewer are live than its limit.

    `waiting` are those in the order of their turn with their limits: nobody overtakes another.
    """
    found: list[Id] = []
    for identity, limit in waiting:
        if live + len(found) >= limit:
            break
        found.append(identity)
    return found
