"""Webhook deliveries, each recorded once, and what they have started."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString
from uuid import UUID

from engine.store.arrays import Texts
from engine.store.pool import Connection

_STARTED: LiteralString = """
    SELECT route, delivery,
           coalesce(array_agg(DISTINCT run_id ORDER BY run_id)
                    FILTER (WHERE run_id IS NOT NULL), '{}')
      FROM unnest(%(routes)s, %(ids)s) AS asked (route, delivery)
      LEFT JOIN decisions USING (route, delivery)
     GROUP BY route, delivery
"""


@dataclass(frozen=True, slots=True, order=True)
class Name:
    """What a delivery is known by: its route below /hooks/, and its sender's id for it."""

    route: str
    id: str


async def started(connection: Connection, names: Sequence[Name]) -> dict[Name, tuple[UUID, ...]]:
    """Return the runs that each delivery started when it first came."""
    told = sorted(set(names))
    cursor = await connection.execute(
        _STARTED,
        {"routes": Texts([each.route for each in told]), "ids": Texts([each.id for each in told])},
    )
    return {Name(row[0], row[1]): tuple(row[2]) for row in await cursor.fetchall()}
