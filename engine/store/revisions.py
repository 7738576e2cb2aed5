"""Which workflows the commits had that were active last, so that one of them can be so again."""

from typing import LiteralString

from psycopg.rows import class_row

from engine.store.pool import Connection
from engine.store.workflows import Active

MOST = 50
# Of each workflow of a source, and of each that one of them follows, in no order: sorting ten
# thousand lines took five times as long. It tells a slip of a hand, and is no seal.
_DIGEST: LiteralString = """
    SELECT count(*) || ':' || coalesce(sum(('x' || md5(line))::bit(64)::bigint), 0)
      FROM (SELECT concat_ws(chr(10), namespace, name, plan, file, title) AS line
              FROM workflows WHERE source = %(source)s
            UNION ALL
            SELECT concat_ws(chr(10), follows.namespace, workflow, follower)
              FROM follows JOIN workflows
                ON (workflows.namespace, workflows.name) = (follows.namespace, follower)
             WHERE source = %(source)s) AS lines
"""
_KEEP: LiteralString = "".join(
    (
        """
    INSERT INTO revisions (source, sha, binding, number, digest)
    SELECT %(source)s, %(sha)s, %(binding)s, number, (""",
        _DIGEST,
        """) FROM activation
    ON CONFLICT (source, sha) DO UPDATE
       SET binding = EXCLUDED.binding, number = EXCLUDED.number, digest = EXCLUDED.digest
""",
    )
)
_DRIFTED: LiteralString = "".join(
    (
        "SELECT digest <> (",
        _DIGEST,
        ") FROM revisions WHERE source = %(source)s AND sha = %(sha)s",
    )
)
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
_DISTRUST: LiteralString = "DELETE FROM revisions WHERE source = %(source)s AND sha <> %(sha)s"
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


async def has_drifted(connection: Connection, source: str, sha: str) -> bool:
    """True if the workflows of a source are not as the activation of `sha`, which is live, left
    them; False where that is not known.
    """
    row = await (await connection.execute(_DRIFTED, {"source": source, "sha": sha})).fetchone()
    return row is not None and bool(row[0])


async def distrust(connection: Connection, source: str, sha: str) -> None:
    """Forget all commits of a source but one: what is kept of them may have been touched, too."""
    await connection.execute(_DISTRUST, {"source": source, "sha": sha})


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
