"""The sources: what is wanted, what was seen, what is active, and what is in the way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from engine.core.values import Json
from engine.store.pool import Connection

_DECLARE: LiteralString = """
    INSERT INTO sources (name, namespace, environment, url, ref, root)
    VALUES (%(name)s, %(namespace)s, %(environment)s, %(url)s, %(ref)s, %(root)s)
    ON CONFLICT (name) DO UPDATE
       SET namespace = EXCLUDED.namespace, environment = EXCLUDED.environment,
           url = EXCLUDED.url, ref = EXCLUDED.ref, root = EXCLUDED.root
"""
_COLUMNS: LiteralString = """
    SELECT name, namespace, environment, url, ref, root, observed, attempted, active, conditions,
           wanted, handled, updated_at FROM sources
"""
_WANT: LiteralString = (
    "UPDATE sources SET wanted = wanted + 1 WHERE name = %(name)s RETURNING wanted"
)
_HANDLE: LiteralString = """
    UPDATE sources
       SET handled = greatest(handled, %(handled)s), observed = %(observed)s,
           attempted = %(attempted)s, conditions = %(conditions)s, updated_at = now()
     WHERE name = %(name)s
"""


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A source as it stands. `wanted` counts requests to look, `handled` those that were served."""

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
    updated_at: object


async def declare(connection: Connection, told: Mapping[str, str]) -> None:
    """Make a source's row what the configuration says; what it has shown stays."""
    await connection.execute(_DECLARE, told)


async def read(connection: Connection, name: str) -> SourceRow | None:
    async with connection.cursor(row_factory=class_row(SourceRow)) as cursor:
        await cursor.execute(_COLUMNS + " WHERE name = %(name)s", {"name": name})
        return await cursor.fetchone()


async def all_of(connection: Connection) -> list[SourceRow]:
    """Return every source, by name."""
    async with connection.cursor(row_factory=class_row(SourceRow)) as cursor:
        await cursor.execute(_COLUMNS + " ORDER BY name")
        return await cursor.fetchall()


async def request(connection: Connection, name: str) -> int | None:
    """Ask for a look; return the number to wait for, or None if there is no such source."""
    row = await (await connection.execute(_WANT, {"name": name})).fetchone()
    return None if row is None else int(row[0])


async def handle(
    connection: Connection, name: str, handled: int, observed: str | None, attempted: str | None,
    conditions: Json,
) -> None:  # fmt: skip
    """Write what a pass has seen, and that requests up to `handled` were served."""
    await connection.execute(
        _HANDLE,
        {
            "name": name,
            "handled": handled,
            "observed": observed,
            "attempted": attempted,
            "conditions": Jsonb(conditions),
        },
    )
