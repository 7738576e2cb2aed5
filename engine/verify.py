"""Whether a database is what it promises: its rows among themselves, and runs by their journals."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from engine.core import machine
from engine.core.binding import Bound
from engine.core.codec import Undecodable, UnknownFormat, decode
from engine.core.event import Row, from_row
from engine.core.run import Header
from engine.store import journal, plans, proofs, views
from engine.store.pool import Connection
from engine.store.proofs import InFlight

_AT_ONCE = 100
_MOST = 100


@dataclass
class Verified:
    """What was looked at, and what is wrong: a sentence each, up to 100 of them."""

    journals: int = 0
    replayed: int = 0
    problems: list[str] = field(default_factory=list)


async def verify(connection: Connection) -> Verified:
    """Look at all rows, and replay every run in flight. Not to be called in a transaction."""
    found = Verified()
    async with connection.transaction():
        await views.freeze(connection)
        found.journals = await proofs.journals(connection)
        for what in proofs.BROKEN:
            found.problems += [f"{each}: {what}" for each in await proofs.broken(connection, what)]
        last, bounds = UUID(int=0), dict[str, Bound]()
        while runs := await proofs.in_flight(connection, last, _AT_ONCE):
            last = runs[-1].id
            journals = await journal.read_many(connection, [each.id for each in runs])
            bodies = await plans.read_many(connection, {each.plan for each in runs} - bounds.keys())
            for digest, body in bodies.items():
                try:
                    bounds[digest] = Bound(decode(body))
                except (UnknownFormat, Undecodable) as error:
                    found.problems.append(f"plan {digest[:12]} cannot be read: {error}")
            for each in runs:
                if each.plan in bounds:
                    found.replayed += 1
                    found.problems += _wrong(bounds[each.plan], each, journals[each.id])
    del found.problems[_MOST:]
    return found


def _wrong(bound: Bound, told: InFlight, rows: Sequence[Row]) -> Iterator[str]:
    """Yield what is wrong with a run in flight."""
    header = Header(
        str(told.id), told.namespace, told.workflow, told.commit_sha, told.plan, told.trigger,
        told.inputs, told.created_at,
    )  # fmt: skip
    try:
        run, _ = machine.begin(bound, header, told.started_at)
        echoes = [row for row in rows if machine.advance(run, from_row(row), row.at).echo]
    except Exception as error:
        yield f"{told.id}: its journal cannot be replayed: {error}"
        return
    if echoes:
        yield f"{told.id}: row {echoes[0].seq} of its journal ({echoes[0].kind}) changes nothing"
    # One that ends as it begins has no journal, and its row says so a moment later.
    if rows and run.ended_at is not None:
        yield f"{told.id}: its journal says {machine.status(run)}, and its row {told.status}"
