"""Recorded runs of a workflow, newest first, to be driven through another plan."""

import logging
from collections.abc import Mapping

from engine.core.binding import Bound
from engine.core.codec import Undecodable, UnknownFormat, decode
from engine.core.run import Header
from engine.core.state import ENDED
from engine.core.values import Json
from engine.core.whatif import Recording
from engine.store import journal, plans, views
from engine.store.pool import Connection
from engine.store.views import RunRow, Wanted

_LOG = logging.getLogger("sark.recordings")
MOST_ROWS = 5_000
"""A run with a longer journal is left out: whoever reviews a change waits for the answer."""


async def newest(
    connection: Connection, namespace: str, workflow: str, last: int
) -> tuple[Recording, ...]:
    """Return the last runs of a workflow that have ended, up to `last`, newest first.

    Left out are those that never began, those with more than `MOST_ROWS` rows, and those whose
    plan another version of the program wrote.
    """
    lines = [
        each
        for status in sorted(ENDED)
        for each in await views.runs(connection, Wanted((namespace,), workflow, status), None, last)
    ]
    chosen = sorted(lines, key=lambda each: each.id, reverse=True)[:last]
    bodies = await plans.read_many(connection, {each.plan for each in chosen})
    bounds = _bounds(bodies)
    found = [
        await _recording(connection, await views.run(connection, each.id), bounds)
        for each in chosen
    ]
    return tuple(each for each in found if each is not None)


async def _recording(
    connection: Connection, row: RunRow | None, bounds: Mapping[str, Bound]
) -> Recording | None:
    if row is None or row.started_at is None or row.plan not in bounds:
        return None
    rows = await journal.read(connection, row.id, limit=MOST_ROWS + 1)
    if len(rows) > MOST_ROWS:
        return None
    header = Header(
        str(row.id), row.namespace, row.workflow, row.commit_sha, row.plan, row.trigger,
        row.inputs, row.created_at,
    )  # fmt: skip
    return Recording(bounds[row.plan], header, row.started_at, rows)


def _bounds(bodies: Mapping[str, Json]) -> dict[str, Bound]:
    """Return the plans that this program can read, each made ready once."""
    found: dict[str, Bound] = {}
    for digest, body in bodies.items():
        try:
            found[digest] = Bound(decode(body))
        except (UnknownFormat, Undecodable) as error:
            _LOG.info("plan not read", extra={"plan": digest, "reason": str(error)})
    return found
