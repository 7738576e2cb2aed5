"""What is done first when the database has become another one.

PostgreSQL tells so itself: a restored dump, a recovery to an instant and a promoted standby have
another identity than the one that was written down. Whoever was at work in the database before has
no session in it, and so can write nothing; but what it did after the instant from which the
database comes is not written there either. So an attempt that somebody had is one of which nobody
knows whether it was begun, even where the journal does not say that it was.
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

from engine.core import replay
from engine.core.binding import Bound
from engine.core.codec import Undecodable, UnknownFormat, decode
from engine.core.event import Row, Started, to_row
from engine.core.run import Header, Run
from engine.core.values import Json
from engine.store import epochs, journal, plans, turns
from engine.store.epochs import Epoch, InHand
from engine.store.pool import Connection

_LOG = logging.getLogger("sark.epoch")
_AT_ONCE = 100


async def enter(connection: Connection) -> Epoch | None:
    """Begin an epoch if this is another database than it was; return it, or None if it is not.

    Whoever becomes a worker asks first. Where PostgreSQL does not say which database it is, a
    person has to. Not to be called in a transaction.
    """
    world = await epochs.here(connection)
    if not world or await _is_current(connection, world):
        return None
    async with connection.transaction():
        await epochs.alone(connection)
        latest = await epochs.latest(connection)
        if latest is None:
            return await epochs.add(connection, world)
        if latest.world == world:
            return None
        epoch = await _begin(connection, world)
    _LOG.warning(
        "the database has become another one: epoch %s begins, with %s attempts in doubt",
        epoch.number, epoch.doubted,
    )  # fmt: skip
    return epoch


async def begin(connection: Connection, cancel: Json = None) -> tuple[Epoch, int]:
    """Begin an epoch, whatever the database is; return it, and how many runs were cancelled.

    With a reason to `cancel`, all runs in flight are. No worker may live in the database. Not to be
    called in a transaction.
    """
    world = await epochs.here(connection)
    async with connection.transaction():
        await epochs.alone(connection)
        epoch = await _begin(connection, world)
        return epoch, 0 if cancel is None else await epochs.cancel_all(connection, cancel)


async def _is_current(connection: Connection, world: str) -> bool:
    epoch = await epochs.latest(connection)
    return epoch is not None and epoch.world == world


async def _begin(connection: Connection, world: str) -> Epoch:
    """Leave runs to anybody, doubt what somebody had, and give no number of the past again."""
    doubted = await _doubt(connection) + await epochs.doubt_handouts(connection)
    await epochs.bury_all(connection)
    await epochs.jump(connection)
    return await epochs.add(connection, world, doubted)


async def _doubt(connection: Connection) -> int:
    """Journal that attempts which must not be repeated have begun, for they may have."""
    last, count, bounds = UUID(int=0), 0, dict[str, Bound]()
    while found := await epochs.in_hand(connection, last, _AT_ONCE):
        last = found[-1].id
        await _bind(connection, {each.plan for each in found}, bounds)
        journals = await journal.read_many(connection, [each.id for each in found])
        rows = [
            (each.id, row)
            for each in found
            if each.plan in bounds
            for row in _begun(bounds[each.plan], each, journals[each.id])
        ]
        if rows:
            await turns.append(connection, rows)
        count += len(rows)
    return count


async def _bind(connection: Connection, digests: set[str], bounds: dict[str, Bound]) -> None:
    """Bind plans; a run whose plan this program cannot read is left to one that can."""
    if len(bounds) > _AT_ONCE:
        bounds.clear()
    bodies = await plans.read_many(connection, digests - bounds.keys())
    for digest, body in bodies.items():
        try:
            bounds[digest] = Bound(decode(body))
        except (UnknownFormat, Undecodable) as error:
            _LOG.error("plan %s cannot be read: %s", digest, error)


def _begun(bound: Bound, told: InHand, rows: Sequence[Row]) -> Iterator[Row]:
    """Yield the rows by which attempts that somebody had, and may have begun, have begun."""
    header = Header(
        str(told.id), told.namespace, told.workflow, told.commit_sha, told.plan, told.trigger,
        told.inputs, told.created_at,
    )  # fmt: skip
    try:
        run = replay.replay(bound, header, told.started_at, rows)
    except Exception:
        # A defect of ours, but one of this run alone: its owner will set it aside.
        _LOG.exception("run %s cannot be rebuilt", told.id)
        return
    now = datetime.now(UTC)
    for number, event in enumerate(_doubtful(run), len(rows) + 1):
        yield to_row(event, number, now)


def _doubtful(run: Run) -> Iterator[Started]:
    for step in run.active.values():
        uses = step.step.uses
        may_repeat = uses is None or uses.repeatable
        if step.under_way and not (may_repeat or step.marked or step.step.is_handed_out):
            yield Started(step.path, step.attempt)
