"""The database as a whole: of which version it is, what is in it, and a snapshot of all of it."""

from collections.abc import Mapping, Sequence
from typing import LiteralString

from engine.store.pool import Connection

_SNAPSHOT: LiteralString = "SELECT pg_export_snapshot()"
# The caller's session is idle for as long as a dump takes.
_PATIENT: LiteralString = "SET LOCAL idle_in_transaction_session_timeout = 0"
_FREEZE: LiteralString = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_NAMES: LiteralString = """
    SELECT format('%s.%s', nspname, relname)
      FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
     WHERE relkind IN ('r', 'p', 'v', 'm', 'f')
       AND nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
       AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e')
     ORDER BY 1 LIMIT 100
"""
_MIGRATED: LiteralString = "SELECT to_regclass('migrations') IS NOT NULL"
_MIGRATIONS: LiteralString = "SELECT name FROM migrations ORDER BY name"
_RUNS: LiteralString = """
    SELECT CASE WHEN ended_at IS NULL THEN status ELSE 'ended' END, count(*)
      FROM runs GROUP BY 1 ORDER BY 1
"""


async def freeze(connection: Connection) -> str:
    """Let the caller's transaction, which has just begun, read one instant; return its snapshot."""
    await connection.execute(_FREEZE)
    await connection.execute(_PATIENT)
    row = await (await connection.execute(_SNAPSHOT)).fetchone()
    assert row is not None
    return str(row[0])


async def names(connection: Connection) -> Sequence[str]:
    """Return the tables and views that somebody has made, up to 100 of them."""
    return [row[0] for row in await (await connection.execute(_NAMES)).fetchall()]


async def migrations(connection: Connection) -> Sequence[str]:
    """Return the migrations that were applied, in order; none in a database that is not ours."""
    row = await (await connection.execute(_MIGRATED)).fetchone()
    if row is None or not row[0]:
        return []
    return [each[0] for each in await (await connection.execute(_MIGRATIONS)).fetchall()]


async def runs(connection: Connection) -> Mapping[str, int]:
    """Return how many runs there are in each status, those that have ended together."""
    return dict(await (await connection.execute(_RUNS)).fetchall())
