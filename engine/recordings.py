"""Recorded runs of workflows, newest first, to be driven through other plans."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from engine.core.run import Header
from engine.core.whatif import LAST, Extent, Room, Stored, StoredRun
from engine.store import journal, plans, recordings
from engine.store.pool import Connection
from engine.store.recordings import Found, HeaderRow


async def newest(
    connection: Connection, namespace: str, workflows: Sequence[str], last: int = LAST
) -> Stored:
    """Return the last runs of workflows that have begun and ended, up to `last` of each.

    The first workflows get room first, and of each the newest runs. The caller's transaction has
    one statement for each kind of row, whatever there is.
    """
    found = await recordings.newest(connection, namespace, workflows, last)
    if not found:
        return Stored()
    chosen = await _chosen(connection, found)
    runs = [each.id for each in chosen]
    rows = await journal.read_many(connection, runs)
    headers = await recordings.headers(connection, runs)
    told: dict[str, list[StoredRun]] = {}
    for each in headers:
        told.setdefault(each.workflow, []).append(
            StoredRun(_header(each), each.started_at, rows[each.id])
        )
    bodies = await plans.read_many(connection, {each.plan for each in chosen})
    return Stored(told, bodies, _left(found, chosen))


async def _chosen(connection: Connection, found: Sequence[Found]) -> list[Found]:
    """Return the runs that there is room for; a plan takes its room once."""
    extents = await recordings.extents(connection, [each.id for each in found])
    weights = await recordings.weights(connection, sorted({each.plan for each in found}))
    room, chosen = Room(), list[Found]()
    for each in found:
        if each.plan in weights and room.take(_extent(each.id, extents, weights[each.plan])):
            weights[each.plan] = 0
            chosen.append(each)
    return chosen


def _extent(run: UUID, extents: Mapping[UUID, tuple[int, int]], weight: int) -> Extent:
    # A run that retention has taken meanwhile has no extent, and comes to nothing.
    rows, size = extents.get(run, (0, 0))
    return Extent(rows, size + weight)


def _left(found: Sequence[Found], chosen: Sequence[Found]) -> dict[str, int]:
    names = {each.workflow for each in found}
    counts = {
        name: sum(each.workflow == name for each in found)
        - sum(each.workflow == name for each in chosen)
        for name in sorted(names)
    }
    return {name: count for name, count in counts.items() if count}


def _header(row: HeaderRow) -> Header:
    return Header(
        str(row.id), row.namespace, row.workflow, row.commit_sha, row.plan, row.trigger,
        row.inputs, row.created_at,
    )  # fmt: skip
