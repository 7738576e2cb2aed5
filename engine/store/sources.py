"""The sources: what is wanted, what was seen, what is active, and what is in the way."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from engine.core.frozen import frozen
from engine.core.values import Json
from engine.store.arrays import Texts
from engine.store.pool import Connection

_DECLARE: LiteralString = """
    INSERT INTO sources (name, namespace, environment, url, ref, root, verify)
    VALUES (%(name)s, %(namespace)s, %(environment)s, %(url)s, %(ref)s, %(root)s, %(verify)s)
    ON CONFLICT (name) DO UPDATE
       SET namespace = EXCLUDED.namespace, environment = EXCLUDED.environment,
           url = EXCLUDED.url, ref = EXCLUDED.ref, root = EXCLUDED.root, verify = EXCLUDED.verify,
           configured = true
"""
_LEAVE: LiteralString = """
    UPDATE sources SET configured = false, updated_at = now()
     WHERE configured AND name <> ALL(%(names)s)
    RETURNING name
"""
_COLUMNS: LiteralString = """
    SELECT name, namespace, environment, url, ref, root, observed, attempted, active, conditions,
           wanted, handled, updated_at, active_since, judged, configured, verify,
           asked_by FROM sources
"""
_LOCK: LiteralString = "SELECT 1 FROM sources WHERE name = %(name)s FOR UPDATE"
_WANT: LiteralString = """
    UPDATE sources SET wanted = wanted + 1, asked_by = %(by)s
     WHERE name = %(name)s RETURNING wanted
"""
_WANTED: LiteralString = "SELECT name FROM sources WHERE wanted > handled AND configured"
_REPORT: LiteralString = """
    UPDATE sources
       SET handled = greatest(handled, %(handled)s),
           observed = coalesce(%(observed)s, observed),
           attempted = coalesce(%(attempted)s, attempted), conditions = %(conditions)s,
           judged = %(judged)s, updated_at = now()
     WHERE name = %(name)s
"""


@frozen
class SourceRow:
    """A source as it stands.

    `wanted` counts requests to look, `handled` those that were served. `judged` is the digest of
    all that went into the last verdict: while it is the same, so is the verdict. A source that is
    not `configured` any more keeps its workflows, and gives a name up to whoever claims it.
    `verify` says which signatures are asked for: none, head or range. `asked_by` is who asked for a
    look last.
    """

    name: str
    namespace: str
    environment: str
    url: str
    ref: str
    root: str
    observed: str | None
    attempted: str | None
    active: str | None
    conditions: Sequence[Mapping[str, Any]]
    wanted: int
    handled: int
    updated_at: datetime
    active_since: datetime | None
    judged: str
    configured: bool
    verify: str
    asked_by: str


@frozen
class Report:
    """What a pass has to say of a source; None leaves a commit as it was."""

    name: str
    handled: int
    conditions: Json
    judged: str
    observed: str | None = None
    attempted: str | None = None


async def declare(connection: Connection, told: Mapping[str, str]) -> None:
    """Make a source's row what the configuration says; what it has shown stays."""
    await connection.execute(_DECLARE, told)


async def leave_out(connection: Connection, names: Sequence[str]) -> list[str]:
    """Mark the sources that are not among `names` as out of the configuration; return theirs."""
    cursor = await connection.execute(_LEAVE, {"names": Texts(names)})
    return [str(row[0]) for row in await cursor.fetchall()]


async def read(connection: Connection, name: str) -> SourceRow | None:
    async with connection.cursor(row_factory=class_row(SourceRow)) as cursor:
        await cursor.execute(_COLUMNS + " WHERE name = %(name)s", {"name": name})
        return await cursor.fetchone()


async def all_of(connection: Connection) -> list[SourceRow]:
    """Return every source, by name."""
    async with connection.cursor(row_factory=class_row(SourceRow)) as cursor:
        await cursor.execute(_COLUMNS + " ORDER BY name")
        return await cursor.fetchall()


async def lock(connection: Connection, name: str) -> None:
    """Keep a source's row from whoever would change it until the transaction ends."""
    await connection.execute(_LOCK, {"name": name})


async def request(connection: Connection, name: str, by: str) -> int | None:
    """Ask for a look, and say who does; return the number to wait for, None if there is no such
    source.
    """
    row = await (await connection.execute(_WANT, {"name": name, "by": by})).fetchone()
    return None if row is None else int(row[0])


async def wanted(connection: Connection) -> list[str]:
    """Return the sources that somebody asked to look at and nobody has since."""
    return [str(row[0]) for row in await (await connection.execute(_WANTED)).fetchall()]


async def report(connection: Connection, told: Report) -> None:
    """Write what a pass has seen, and that requests up to `handled` were served."""
    await connection.execute(
        _REPORT,
        {
            "name": told.name,
            "handled": told.handled,
            "conditions": Jsonb(told.conditions),
            "judged": told.judged,
            "observed": told.observed,
            "attempted": told.attempted,
        },
    )
