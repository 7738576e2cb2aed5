"""The active set: which plan each workflow has, and the one transaction that changes it."""

from collections.abc import Sequence
from typing import LiteralString

from psycopg.rows import class_row

from engine.core.frozen import frozen
from engine.errors import Conflict
from engine.store.arrays import Texts
from engine.store.pool import Connection

_COUNT: LiteralString = "UPDATE activation SET number = number + 1 RETURNING number"
_ACTIVATE: LiteralString = """
    UPDATE sources
       SET active = %(commit)s,
           active_since = CASE WHEN active = %(commit)s THEN active_since ELSE now() END
     WHERE name = %(source)s AND active IS NOT DISTINCT FROM %(expected)s
    RETURNING name
"""
_RETIRE: LiteralString = """
    INSERT INTO retired (source, name, plan, file, title, since, until)
    SELECT source, name, plan, file, title, since, %(number)s FROM workflows
     WHERE (namespace = %(namespace)s AND name = ANY(%(names)s))
        OR (source = %(source)s AND namespace <> %(namespace)s)
    ON CONFLICT DO NOTHING
"""
_PUT: LiteralString = """
    INSERT INTO workflows (namespace, name, source, commit_sha, plan, file, title, since)
    SELECT %(namespace)s, new.name, %(source)s, %(commit)s, new.plan, new.file, new.title,
           %(number)s
      FROM unnest(%(names)s, %(plans)s, %(files)s, %(titles)s) AS new (name, plan, file, title)
    ON CONFLICT (namespace, name) DO UPDATE
       SET source = EXCLUDED.source, commit_sha = EXCLUDED.commit_sha, plan = EXCLUDED.plan,
           file = EXCLUDED.file, title = EXCLUDED.title, since = EXCLUDED.since,
           updated_at = now()
"""
_DROP: LiteralString = """
    DELETE FROM workflows
     WHERE source = %(source)s AND (namespace <> %(namespace)s OR name = ANY(%(names)s))
"""
_UNFOLLOW: LiteralString = """
    DELETE FROM follows WHERE namespace = %(namespace)s AND follower = ANY(%(names)s)
"""
_FOLLOW: LiteralString = """
    INSERT INTO follows (namespace, workflow, follower)
    SELECT %(namespace)s, new.* FROM unnest(%(followed)s, %(followers)s) AS new
"""
_FOREIGN: LiteralString = """
    SELECT workflows.name, source FROM workflows JOIN sources ON sources.name = source
     WHERE workflows.namespace = %(namespace)s AND source <> %(source)s AND configured
       AND workflows.name = ANY(%(names)s)
     ORDER BY workflows.name LIMIT 1
"""
_NUMBER: LiteralString = "SELECT number FROM activation"
_COLUMNS: LiteralString = """
    SELECT workflows.namespace, workflows.name, source, coalesce(active, commit_sha) AS commit_sha,
           plan, file, title
      FROM workflows LEFT JOIN sources ON sources.name = source
"""

_IN_NAMESPACE: LiteralString = """
     WHERE workflows.namespace = %(namespace)s ORDER BY workflows.name
"""
_OF_SOURCE: LiteralString = """
     WHERE source = %(source)s AND workflows.namespace = %(namespace)s
"""


@frozen
class Active:
    """A workflow that can be started. `plan` is a digest, `commit_sha` its source's active one."""

    namespace: str
    name: str
    source: str
    commit_sha: str
    plan: str
    file: str
    title: str


@frozen
class Activation:
    """A commit that is to be the active one of a source, and what changes because of it.

    `follows` are pairs of names: a workflow of `put`, and one whose runs it waits for to end.
    """

    namespace: str
    source: str
    expected: str | None
    commit: str
    put: Sequence[Active]
    drop: Sequence[str]
    follows: Sequence[tuple[str, str]]


async def activate(connection: Connection, wanted: Activation) -> bool:
    """Make a commit the active one of its source, in the caller's transaction.

    False, and nothing is written, if another commit than `expected` is active by now. Raise
    Conflict, and the caller rolls back, if a name belongs to another source of the namespace: of
    two that want it at once the later sees the earlier, for they all count in one row.
    """
    told: dict[str, object] = {
        "source": wanted.source,
        "commit": wanted.commit,
        "expected": wanted.expected,
        "namespace": wanted.namespace,
    }
    if await (await connection.execute(_ACTIVATE, told)).fetchone() is None:
        return False
    counted = await (await connection.execute(_COUNT)).fetchone()
    told["number"] = counted and counted[0]
    names = Texts([each.name for each in wanted.put])
    await _refuse_foreign(connection, wanted, names)
    replaced = Texts([*names.values, *wanted.drop])
    await connection.execute(_RETIRE, {**told, "names": replaced})
    await connection.execute(_DROP, {**told, "names": Texts(wanted.drop)})
    await connection.execute(
        _PUT,
        {
            **told,
            "names": names,
            "plans": Texts([each.plan for each in wanted.put]),
            "files": Texts([each.file for each in wanted.put]),
            "titles": Texts([each.title for each in wanted.put]),
        },
    )
    await _follow(connection, wanted, names)
    return True


async def _follow(connection: Connection, wanted: Activation, names: Texts) -> None:
    """Write down who follows whom; a workflow that is dropped takes that along."""
    told: dict[str, object] = {"namespace": wanted.namespace, "names": names}
    await connection.execute(_UNFOLLOW, told)
    if wanted.follows:
        told["followers"] = Texts([follower for follower, _ in wanted.follows])
        told["followed"] = Texts([followed for _, followed in wanted.follows])
        await connection.execute(_FOLLOW, told)


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
            await cursor.execute(_COLUMNS + _IN_NAMESPACE, {"namespace": namespace})
        return await cursor.fetchall()


async def of_source(connection: Connection, source: str, namespace: str) -> dict[str, Active]:
    """Return the active workflows of one source in a namespace, by name."""
    async with connection.cursor(row_factory=class_row(Active)) as cursor:
        await cursor.execute(_COLUMNS + _OF_SOURCE, {"source": source, "namespace": namespace})
        return {each.name: each for each in await cursor.fetchall()}


async def _refuse_foreign(connection: Connection, wanted: Activation, names: Texts) -> None:
    """Raise Conflict if one of the names is another configured source's."""
    told = {"namespace": wanted.namespace, "source": wanted.source, "names": names}
    row = await (await connection.execute(_FOREIGN, told)).fetchone()
    if row is not None:
        raise Conflict(f"workflow {row[0]!r} belongs to source {row[1]!r} of the same namespace")
