"""Compiled plans by digest; a plan is written once and never changed."""

from collections.abc import Collection, Sequence
from typing import LiteralString
from uuid import UUID

from psycopg.rows import class_row

from engine.core.frozen import frozen
from engine.core.values import Json, canonical
from engine.store.arrays import Ints, Jsons, Texts
from engine.store.pool import Connection

_INSERT: LiteralString = """
    INSERT INTO plans (digest, format, body)
    SELECT * FROM unnest(%(digests)s, %(formats)s, %(bodies)s)
    ON CONFLICT (digest) DO NOTHING
"""
_READ: LiteralString = "SELECT body FROM plans WHERE digest = %(digest)s"
_READ_MANY: LiteralString = "SELECT digest, body FROM plans WHERE digest = ANY(%(digests)s)"
_OF_RUN: LiteralString = """
    SELECT digest, source, coalesce(sources.root, '') AS root, body
      FROM runs JOIN plans ON digest = plan LEFT JOIN sources ON sources.name = source
     WHERE id = %(run)s
"""


@frozen
class StoredPlan:
    digest: str
    format: int
    body: Json


@frozen
class Origin:
    """The plan that a run follows, and the source that it came from; `root` is "" for one gone."""

    digest: str
    source: str
    root: str
    body: Json


async def insert(connection: Connection, plans: Sequence[StoredPlan]) -> None:
    """Keep plans; those that are known already stay as they are."""
    ordered = sorted(plans, key=lambda plan: plan.digest)
    await connection.execute(
        _INSERT,
        {
            "digests": Texts([plan.digest for plan in ordered]),
            "formats": Ints([plan.format for plan in ordered]),
            "bodies": Jsons([canonical(plan.body) for plan in ordered]),
        },
    )


async def read(connection: Connection, digest: str) -> Json:
    """Return a plan's body, or None."""
    row = await (await connection.execute(_READ, {"digest": digest})).fetchone()
    return None if row is None else row[0]


async def of_run(connection: Connection, run: UUID) -> Origin | None:
    """Return the plan of a run and where it is from, or None."""
    async with connection.cursor(row_factory=class_row(Origin)) as cursor:
        await cursor.execute(_OF_RUN, {"run": run})
        return await cursor.fetchone()


async def read_many(connection: Connection, digests: Collection[str]) -> dict[str, Json]:
    """Return the bodies of the plans that there are, by digest."""
    found = await connection.execute(_READ_MANY, {"digests": Texts(sorted(digests))})
    return dict(await found.fetchall())
