"""The active set: which plan each workflow has, and the one transaction that changes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString

from psycopg.rows import class_row

from engine.store.arrays import Texts
from engine.store.pool import Connection

_ACTIVATE: LiteralString = """
    UPDATE sources SET active = %(commit)s
     WHERE name = %(source)s AND active IS NOT DISTINCT FROM %(expected)s
    RETURNING name
"""
_PUT: LiteralString = """
    INSERT INTO workflows (namespace, name, source, commit_sha, plan, file, title)
    SELECT %(namespace)s, new.name, %(source)s, %(commit)s, new.plan, new.file, new.title
      FROM unnest(%(names)s, %(plans)s, %(files)s, %(titles)s) AS new (name, plan, file, title)
    ON CONFLICT (namespace, name) DO UPDATE
       SET source = EXCLUDED.source, commit_sha = EXCLUDED.commit_sha, plan = EXCLUDED.plan,
           file = EXCLUDED.file, title = EXCLUDED.title, updated_at = now()
     WHERE workflows.source = EXCLUDED.source
       AND (workflows.plan, workflows.file, workflows.title)
           <> (EXCLUDED.plan, EXCLUDED.file, EXCLUDED.title)
"""
_DROP: LiteralString = """
    DELETE FROM workflows WHERE source = %(source)s AND name <> ALL(%(names)s)
"""
_FOREIGN: LiteralString = """
    SELECT name, source FROM workflows
     WHERE namespace = %(namespace)s AND source <> %(source)s AND name = ANY(%(names)s)
     ORDER BY name LIMIT 1
"""
_COUNT: LiteralString = "UPDATE activation SET number = number + 1"
_NUMBER: LiteralString = "SELECT number FROM activation"
_COLUMNS: LiteralString = """
    SELECT workflows.namespace, workflows.name, source, coalesce(active, commit_sha) AS commit_sha,
           plan, file, title
      FROM workflows LEFT JOIN sources ON sources.name = source
"""


@dataclass(frozen=True, slots=True)
class Active:
    """A workflow that can be started. `plan` is a digest, `commit_sha` its source's active one."""

    namespace: str
    name: str
    source: str
    commit_sha: str
    plan: str
    file: str
    title: str


async def activate(
    connection: Connection, namespace: str, source: str, expected: str | None, commit: str,
    workflows: Sequence[Active],
) -> bool:  # fmt: skip
    """Make a commit the active one of its source, in the caller's transaction.

    False, and nothing is written, if another commit than `expected` is active by now.
    """
    told = {"source": source, "commit": commit, "expected": expected, "namespace": namespace}
    if await (await connection.execute(_ACTIVATE, told)).fetchone() is None:
        return False
    names = Texts([each.name for each in workflows])
    await connection.execute(_DROP, {"source": source, "names": names})
    await connection.execute(
        _PUT,
        {
            **told,
            "names": names,
            "plans": Texts([each.plan for each in workflows]),
            "files": Texts([each.file for each in workflows]),
            "titles": Texts([each.title for each in workflows]),
        },
    )
    await connection.execute(_COUNT)
    return True


async def foreign(
    connection: Connection, namespace: str, source: str, names: Sequence[str]
) -> tuple[str, str] | None:
    """Return a name among these that another source of the namespace has, and that source."""
    told = {"namespace": namespace, "source": source, "names": Texts(names)}
    row = await (await connection.execute(_FOREIGN, told)).fetchone()
    return None if row is None else (str(row[0]), str(row[1]))


async def number(connection: Connection) -> int:
    """Return how many activations there have been."""
    row = await (await connection.execute(_NUMBER)).fetchone()
    return 0 if row is None else int(row[0])


async def all_of(connection: Connection, namespace: str | None = None) -> list[Active]:
    """Return the active workflows, by namespace and name."""
    async with connection.cursor(row_factory=class_row(Active)) as cursor:
        if namespace is None:
            await cursor.execute(_COLUMNS + " ORDER BY workflows.namespace, workflows.name")
        else:
            where: LiteralString = (
                " WHERE workflows.namespace = %(namespace)s ORDER BY workflows.name"
            )
            await cursor.execute(_COLUMNS + where, {"namespace": namespace})
        return await cursor.fetchall()
