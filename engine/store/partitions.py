"""The partitions of the journal: ranges of run ids, and so of time.

They are made ahead, and dropped whole. What none of them holds, because none was made in time or a
clock was wrong, is in the default one, so that nothing ever has no place.
"""

import re
from datetime import datetime, timedelta
from typing import LiteralString
from uuid import UUID

from psycopg import sql

from engine.core import ids
from engine.core.frozen import frozen
from engine.core.retention import LOWEST, Span
from engine.store import runs
from engine.store.pool import Connection

_LISTED: LiteralString = """
    SELECT relname, pg_get_expr(relpartbound, pg_class.oid), pg_total_relation_size(pg_class.oid)
      FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
     WHERE inhparent = 'journal'::regclass
"""
_BOUND = re.compile(r"FOR VALUES FROM \((?:MINVALUE|'([0-9a-f-]{36})')\) TO \('([0-9a-f-]{36})'\)")
_NEWEST: LiteralString = """
    SELECT run_id FROM journal_default WHERE run_id >= %(begin)s AND run_id < %(end)s
     ORDER BY run_id DESC LIMIT 1
"""
_STAYING: LiteralString = """
    SELECT count(*) FROM {} JOIN runs ON runs.id = run_id AND runs.id >= %(begin)s
                                     AND runs.id < %(end)s AND ("""
_NOT_OVER: LiteralString = ") IS NOT TRUE"
# Who appends to the journal waits behind who waits for it, so nobody does for long.
_WAIT_AT_MOST: LiteralString = "SELECT set_config('lock_timeout', %(most)s, true)"
# To attach is to look whether the default partition holds something of the new one.
_LOOK_AT_MOST: LiteralString = "SELECT set_config('statement_timeout', %(most)s, true)"
_LOCK: LiteralString = "LOCK TABLE journal IN ACCESS EXCLUSIVE MODE"
_CARRIED: LiteralString = """
    CREATE TEMPORARY TABLE carried ON COMMIT DROP AS
    SELECT old.* FROM {} AS old JOIN runs ON runs.id = run_id
     WHERE runs.id >= {} AND runs.id < {}
"""
_BACK: LiteralString = "INSERT INTO journal SELECT * FROM carried"
_PATIENCE = timedelta(milliseconds=100)
_LOOK = timedelta(seconds=1)


@frozen
class Partition:
    """The rows of runs whose ids are from `begin` to before `end`, and their size in bytes."""

    name: str
    begin: UUID
    end: UUID
    size: int

    @property
    def span(self) -> Span:
        """Return it in time, to the millisecond."""
        return Span(ids.instant(self.begin), ids.instant(self.end))


async def listed(connection: Connection) -> tuple[list[Partition], int]:
    """Return the partitions, oldest first, and the size of the default one in bytes."""
    found, default = list[Partition](), 0
    for name, bound, size in await (await connection.execute(_LISTED)).fetchall():
        if (told := _BOUND.fullmatch(bound)) is None:
            default = size
        else:
            begin = UUID(told[1]) if told[1] else LOWEST
            found.append(Partition(name, begin, UUID(told[2]), size))
    return sorted(found, key=lambda each: each.begin), default


async def newest_loose(connection: Connection, span: Span) -> UUID | None:
    """Return the newest run of a span whose rows are in the default partition, or None."""
    values = {"begin": ids.first(span.begin), "end": ids.first(span.end)}
    row = await (await connection.execute(_NEWEST, values)).fetchone()
    return None if row is None else row[0]


async def make(connection: Connection, span: Span) -> str:
    """Make the partition of a span; return its name. In the caller's transaction.

    Whoever appends to other partitions is not held up. Raise psycopg's LockNotAvailable where
    others are at work too long, QueryCanceled where the default partition is too large to be
    looked through, CheckViolation where it has rows of the span.
    """
    name = f"journal_{span.begin:%Y%m%d}"
    table = sql.Identifier(name)
    await connection.execute(_WAIT_AT_MOST, {"most": _setting(_PATIENCE)})
    await connection.execute(sql.SQL("CREATE TABLE {} (LIKE journal INCLUDING ALL)").format(table))
    await connection.execute(_LOOK_AT_MOST, {"most": _setting(_LOOK)})
    await connection.execute(
        sql.SQL("ALTER TABLE journal ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(
            table, _literal(ids.first(span.begin)), _literal(ids.first(span.end))
        )
    )
    return name


async def staying(connection: Connection, told: Partition, before: datetime) -> int:
    """Return how many rows a partition has of runs that are not over since `before`."""
    values = {"begin": told.begin, "end": told.end, "before": before}
    statement = sql.SQL(_STAYING + runs.OVER + _NOT_OVER).format(sql.Identifier(told.name))
    row = await (await connection.execute(statement, values)).fetchone()
    assert row is not None
    return int(row[0])


async def drop(connection: Connection, told: Partition) -> int:
    """Drop a partition; return how many rows of runs that are still there it has handed on.

    Those go to the default partition. In the caller's transaction, which nobody sees halfway.
    Raise psycopg's LockNotAvailable where others are at work too long.
    """
    table = sql.Identifier(told.name)
    await connection.execute(_WAIT_AT_MOST, {"most": _setting(_PATIENCE)})
    await connection.execute(_LOCK)
    carried = await connection.execute(
        sql.SQL(_CARRIED).format(table, _literal(told.begin), _literal(told.end))
    )
    await connection.execute(sql.SQL("DROP TABLE {}").format(table))
    await connection.execute(_BACK)
    return carried.rowcount


def _literal(bound: UUID) -> sql.Literal:
    return sql.Literal(str(bound))


def _setting(span: timedelta) -> str:
    return f"{span // timedelta(milliseconds=1)}ms"
