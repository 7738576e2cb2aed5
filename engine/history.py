"""A run told whole: its row, and its steps replayed by the machine that wrote its journal."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from engine import stored
from engine.core import replay
from engine.core.binding import Bound
from engine.core.event import Row
from engine.core.frozen import frozen
from engine.core.run import Header
from engine.core.values import Json
from engine.store import handouts, journal, views
from engine.store.handouts import Standing
from engine.store.pool import Connection, Pool
from engine.store.views import RunRow

_PLANS_KEPT = 256


@frozen
class Whole:
    """A run's row, its steps, and who has paused it, why and until when, if anybody has."""

    row: RunRow
    steps: list[dict[str, Json]]
    paused: Json


class History:
    """Reads runs whole. Keeps the plans that it has compiled."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._bounds: dict[str, Bound] = {}

    async def run(self, identity: UUID) -> Whole | None:
        """Return a run as of one instant, or None.

        The replay is Python at work, so it is a thread's: a long run holds up no other request.
        """
        async with self._pool.connection() as connection, connection.transaction():
            await views.freeze(connection)
            found = await views.run(connection, identity)
            if found is None:
                return None
            rows = await journal.read(connection, identity)
            standing = await handouts.of_run(connection, identity)
            bound = await self._bound(connection, found.plan)
        steps, paused = await asyncio.to_thread(_replayed, bound, found, rows)
        return Whole(found, _with_pools(steps, standing) if standing else steps, paused)

    async def _bound(self, connection: Connection, digest: str) -> Bound:
        found = self._bounds.pop(digest, None)
        if found is None:
            found = await stored.bound(connection, digest)
            while len(self._bounds) >= _PLANS_KEPT:
                self._bounds.pop(next(iter(self._bounds)))
        self._bounds[digest] = found
        return found


def _replayed(
    bound: Bound, found: RunRow, rows: Sequence[Row]
) -> tuple[list[dict[str, Json]], Json]:
    """Return the steps, and the pause; the steps of a run that nobody has begun are all pending."""
    if found.started_at is None:
        return [_pending(step.id) for step in bound.root.steps], None
    header = Header(
        str(found.id), found.namespace, found.workflow, found.commit_sha, found.plan,
        found.trigger, found.inputs, found.created_at,
    )  # fmt: skip
    run = replay.replay(bound, header, found.started_at, rows)
    return replay.steps(run), replay.paused(run)


def _with_pools(
    steps: list[dict[str, Json]], standing: Sequence[Standing]
) -> list[dict[str, Json]]:
    """Return the steps, of which those that no worker of their pool has taken yet say so."""
    waiting = {each.path: each for each in standing if each.worker is None}
    for step in steps:
        told = waiting.get(str(step["path"]))
        if told is not None and step["attempts"] == told.attempt and step["status"] == "running":
            until = told.expires_at.isoformat()
            step["waits_for"] = {"what": "worker", "event": None, "pool": told.pool, "until": until}
    return steps


def _pending(path: str) -> dict[str, Json]:
    return {
        "path": path,
        "status": "pending",
        "reason": None,
        "attempts": 0,
        "started_at": None,
        "ended_at": None,
        "error": None,
        "outputs": None,
        "spilled": {},
        "artifacts": {},
        "flags": [],
        "waits_for": None,
    }
