"""A run told whole: its row, and its steps replayed from the journal."""

from collections.abc import Sequence
from functools import lru_cache

import orjson

from engine.core import replay
from engine.core.binding import Bound
from engine.core.codec import decode
from engine.core.event import Row
from engine.core.run import Header
from engine.core.values import Json
from engine.store import plans
from engine.store.pool import Connection
from engine.store.views import RunRow


def told(row: RunRow) -> dict[str, Json]:
    """Return a run as the API tells it, without its steps."""
    return {
        "id": str(row.id),
        "namespace": row.namespace,
        "workflow": row.workflow,
        "status": row.status,
        "flags": list(row.flags),
        "commit": row.commit_sha,
        "plan": row.plan,
        "trigger": row.trigger,
        "inputs": row.inputs,
        "outputs": row.outputs,
        "error": row.error,
        "created_at": row.created_at.isoformat(),
        "started_at": row.started_at.isoformat() if row.started_at else None,
        "ended_at": row.ended_at.isoformat() if row.ended_at else None,
    }


async def steps(connection: Connection, row: RunRow, rows: Sequence[Row]) -> list[Json]:
    """Return a run's steps as they stand after these journal rows; none before it began."""
    body = await plans.read(connection, row.plan)
    if row.started_at is None or body is None:
        return []
    header = Header(
        str(row.id), row.namespace, row.workflow, row.commit_sha, row.plan, row.trigger,
        row.inputs, row.created_at,
    )  # fmt: skip
    run = replay.replay(_bound(orjson.dumps(body)), header, row.started_at, rows)
    return list(replay.steps(run))


@lru_cache(maxsize=256)
def _bound(body: bytes) -> Bound:
    return Bound(decode(orjson.loads(body)))
