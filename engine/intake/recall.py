"""Whose run a start gets that makes none, and which run is in the way of an event's."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from engine.core.frozen import frozen
from engine.errors import Conflict, Invalid, SarkError, Unavailable
from engine.intake.request import Start, Started
from engine.store import decisions, keys
from engine.store.keys import Claim, Key
from engine.store.pool import Connection
from engine.store.starts import NewDecision, NewRun, Written


@frozen
class Asked:
    """A start that has made no run, whose `run` it would have been.

    `only` is the key of its workflow's `idempotency`, if that was looked at; `rejects`: what is
    second by it is refused.
    """

    id: UUID
    run: UUID
    start: Start
    only: Key | None = None
    rejects: bool = False

    @property
    def name(self) -> Key | None:
        """What the client itself calls this start."""
        start = self.start
        return None if start.key is None else Key(start.namespace, start.workflow, start.key)


async def answers(
    connection: Connection, asked: Sequence[Asked]
) -> Mapping[UUID, Started | SarkError]:
    """Return what those starts are answered of which a key is taken, or was until just now."""
    wanted = {key for each in asked for key in (each.name, each.only) if key is not None}
    taken = await keys.taken(connection, sorted(wanted))
    told: dict[UUID, Started | SarkError] = {}
    for each in asked:
        by_name = None if each.name is None else taken.get(each.name)
        by_only = None if each.only is None else taken.get(each.only)
        if by_name is not None:
            told[each.id] = _again(each, by_name)
        elif by_only is not None:
            told[each.id] = _second(each, by_only)
        elif each.only is not None:
            told[each.id] = Unavailable("a run of the same key was forgotten just now: try again")
    return told


async def holders(connection: Connection, runs: Iterable[NewRun]) -> Mapping[UUID, str]:
    """Return for those runs whose key another one has, which that is, as a reason."""
    wanted = {run.id: run.key for run in runs if run.key is not None}
    if not wanted:
        return {}
    taken = await keys.taken(connection, sorted(set(wanted.values())))
    return {
        run: f"idempotency.key: {_called(claim)} has it"
        for run, key in wanted.items()
        if (claim := taken.get(key)) is not None and claim.run != run
    }


async def explain(
    connection: Connection, runs: Iterable[NewRun], made: Sequence[NewDecision], written: Written
) -> None:
    """Say in the decisions of a turn which run has the key that an event's would have had.

    The statement of the turn cannot see that: it may have come while it went on.
    """
    second = [
        run for run in runs
        if run.key and run.delivery in written.recorded and run.id not in written.begun
    ]  # fmt: skip
    reasons = await holders(connection, second)
    told = [(each, reasons[each.run]) for each in made if each.run and each.run in reasons]
    if told:
        await decisions.explain(connection, told)


def _again(asked: Asked, claim: Claim) -> Started | SarkError:
    """Answer a start that the client has told before, under the same name of its own."""
    if claim.digest != asked.start.digest:
        return Invalid("the Idempotency-Key was used before, with another body")
    if claim.is_of_another:
        return _second(asked, claim)
    return Started(claim.run, claim.run != asked.run)


def _second(asked: Asked, claim: Claim) -> Started | SarkError:
    """Answer a start whose workflow's key a run has: its own, if this one is only told again."""
    if claim.run == asked.run:
        return Started(claim.run, False)
    if asked.rejects:
        return Conflict(
            f"{asked.start.namespace}/{asked.start.workflow} is not started: {_called(claim)}, "
            f"which is {claim.status}, has its idempotency.key, and on_duplicate is reject"
        )
    return Started(claim.run, True, True, claim.workflow, claim.status)


def _called(claim: Claim) -> str:
    return f"run {claim.run} of {claim.key.namespace}/{claim.workflow}"
