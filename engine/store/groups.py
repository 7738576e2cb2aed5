"""Groups of runs that share slots: who waits in them, and who is let in."""

from collections.abc import Sequence
from datetime import timedelta
from typing import LiteralString
from uuid import UUID

from psycopg.rows import class_row

from engine.core.admission import Admission, Conflict, Rules
from engine.core.frozen import frozen
from engine.core.values import Json
from engine.store import line
from engine.store.pool import Connection

_LONGEST = 20_000

_FULL: LiteralString = """
    SELECT slot_group AS name, array_agg(id ORDER BY priority DESC, id) AS waiting,
           (array_agg(slot_rules ORDER BY id DESC))[1] AS rules,
           (SELECT coalesce(array_agg(id ORDER BY id), '{}') FROM runs AS live
             WHERE live.slot_group = runs.slot_group AND admitted_at IS NOT NULL
               AND ended_at IS NULL) AS live
      FROM runs
     WHERE slot_group IS NOT NULL AND admitted_at IS NULL AND ended_at IS NULL
     GROUP BY slot_group ORDER BY slot_group LIMIT %(limit)s
"""
# One that was cancelled while it waited has its place already.
_ADMIT: LiteralString = "".join(
    (
        """
    UPDATE runs SET admitted_at = now(),
           due_at = CASE WHEN runs.due_at = '9999-01-01Z' THEN told.place ELSE runs.due_at END
      FROM (SELECT new.id, """,
        line.PLACE,
        """ AS place FROM runs AS new, """,
        line.FIRST,
        """ WHERE new.id = ANY(%(ids)s)) AS told
     WHERE runs.id = told.id AND admitted_at IS NULL AND ended_at IS NULL
    RETURNING pool
""",
    )
)
_END: LiteralString = """
    WITH ended AS (
        UPDATE runs SET status = 'cancelled', ended_at = now(), error = %(error)s::json,
               flags = %(flags)s
         WHERE id = ANY(%(ids)s) AND owner IS NULL AND started_at IS NULL AND ended_at IS NULL
        RETURNING id, namespace, workflow
    )
    INSERT INTO outbox (run_id, namespace, kind, path, data)
    SELECT id, namespace, 'ended', '', 'null' FROM ended
     WHERE EXISTS (SELECT FROM follows WHERE follows.namespace = ended.namespace
                                         AND follows.workflow = ended.workflow)
"""
# What was started by a version before has no bound of its own. One that was cancelled ends so.
_LATE: LiteralString = """
    SELECT id, queue
      FROM runs, LATERAL (SELECT coalesce((slot_rules->>'queue')::bigint, 3600000)
                                 * interval '1 ms' AS queue) AS bound
     WHERE slot_group IS NOT NULL AND admitted_at IS NULL AND ended_at IS NULL AND cancel IS NULL
       AND created_at + queue <= now()
     ORDER BY id LIMIT %(limit)s
"""


@frozen
class Group:
    """A group in which runs wait: `waiting` in the order of their turn, `live` oldest first."""

    name: str
    waiting: Sequence[UUID]
    rules: Json
    live: Sequence[UUID]

    def told(self) -> Rules:
        """Return the rules, which are those of the run that came last."""
        assert isinstance(self.rules, dict)
        return Rules(
            int(str(self.rules["limit"])), Conflict(str(self.rules["on_conflict"])),
            int(str(self.rules["max_queue"])),
        )  # fmt: skip


async def crowded(connection: Connection) -> Sequence[Group]:
    """Return the groups in which runs wait."""
    async with connection.cursor(row_factory=class_row(Group)) as cursor:
        await cursor.execute(_FULL, {"limit": _LONGEST})
        return await cursor.fetchall()


async def settle(connection: Connection, told: Admission[UUID], error: str) -> list[str]:
    """Let runs in and end those that are refused; return the pools that have new runs."""
    if told.refused:
        await end(connection, told.refused, error)
    if not told.admitted:
        return []
    cursor = await connection.execute(_ADMIT, {"ids": list(told.admitted), **line.VALUES})
    return [row[0] for row in await cursor.fetchall()]


async def late(connection: Connection) -> list[tuple[UUID, timedelta]]:
    """Return runs that have waited for their place as long as they may, and how long that is."""
    cursor = await connection.execute(_LATE, {"limit": _LONGEST})
    return await cursor.fetchall()


async def end(
    connection: Connection, ids: Sequence[UUID], error: str, flags: Sequence[str] = ()
) -> None:
    """End runs that have not begun, as cancelled."""
    await connection.execute(_END, {"ids": list(ids), "error": error, "flags": list(flags)})
