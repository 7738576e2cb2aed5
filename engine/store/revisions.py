"""Which workflows the commits had that were active last, so that one of them can be so again."""

from typing import LiteralString

from psycopg.rows import class_row

from engine.store.pool import Connection
from engine.store.workflows import Active

MOST = 50
_KEEP: LiteralString = """
    INSERT INTO revisions (source, sha, binding, number)
    SELECT %(source)s, %(sha)s, %(binding)s, number FROM activation
    ON CONFLICT (source, sha) DO UPDATE SET binding = EXCLUDED.binding, number = EXCLUDED.number
"""
_FORGET: LiteralString = """
    WITH kept AS (
        SELECT sha, number FROM revisions WHERE source = %(source)s
         ORDER BY number DESC LIMIT %(most)s
    ), forgotten AS (
        DELETE FROM revisions
         WHERE source = %(source)s AND number < (SELECT min(number) FROM kept)
    )
    DELETE FROM retired
     WHERE source = %(source)s AND until <= (SELECT min(number) FROM kept)
"""
_FIND: LiteralString = """
    SELECT number FROM revisions
     WHERE source = %(source)s AND sha = %(sha)s AND binding = %(binding)s
"""
_SET: LiteralString = """
    SELECT %(namespace)s AS namespace, name, source, %(sha)s AS commit_sha, plan, file, title
      FROM (SELECT source, name, plan, file, title FROM workflows
             WHERE source = %(source)s AND since <= %(number)s
            UNION ALL
            SELECT source, name, plan, file, title FROM retired
             WHERE source = %(source)s AND since <= %(number)s AND until > %(number)s) AS stood
"""


async def keep(connection: Connection, source: str, sha: str, binding: str) -> None:
    """Write down that a commit became active just now; forget what is older than the last 50.

    `binding` is the digest of all that a commit is compiled for beside its files.
    """
    told = {"source": source, "sha": sha, "binding": binding, "most": MOST}
    await connection.execute(_KEEP, told)
    await connection.execute(_FORGET, told)


async def find(
    connection: Connection, source: str, sha: str, binding: str, namespace: str
) -> dict[str, Active] | None:
    """Return the workflows that a commit had by name, or None if they are not kept."""
    told: dict[str, object] = {"source": source, "sha": sha, "binding": binding}
    row = await (await connection.execute(_FIND, told)).fetchone()
    if row is None:
        return None
    told |= {"number": row[0], "namespace": namespace}
    async with connection.cursor(row_factory=class_row(Active)) as cursor:
        await cursor.execute(_SET, told)
        return {each.name: each for each in await cursor.fetchall()}
