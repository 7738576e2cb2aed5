"""Webhook deliveries, each recorded once, and what they have started."""

from collections.abc import Sequence
from datetime import timedelta
from typing import LiteralString
from uuid import UUID

from engine.core.frozen import frozen
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
# A delivery stays while something may still be decided on it: events of it that wait, a start that
# the scheduler or the lookout may make a second time, and the first event of a key that counts.
_SWEEP: LiteralString = """
    DELETE FROM deliveries WHERE (route, delivery) IN (
        SELECT route, delivery FROM deliveries AS old
         WHERE received_at < now() - %(keep)s::interval
           AND NOT EXISTS (SELECT FROM held
                            WHERE held.route = old.route AND held.delivery = old.delivery)
           AND NOT EXISTS (SELECT FROM schedules
                            WHERE old.route = namespace || ':schedule' AND waiting <> '{}'
                              AND starts_with(old.delivery, workflow || '/' || trigger || '/'))
           AND NOT EXISTS (SELECT FROM sightings
                            WHERE old.route = namespace || ':file'
                              AND sightings.delivery = old.delivery)
           AND NOT EXISTS (SELECT FROM dedupe_keys
                            WHERE dedupe_keys.delivery = old.delivery AND expires_at > now())
         ORDER BY received_at LIMIT %(most)s FOR UPDATE SKIP LOCKED)
"""
KEEP = timedelta(days=30)
MOST = 5_000
"""How many are forgotten at once, at most."""


@frozen(order=True)
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


async def sweep(connection: Connection, most: int = MOST) -> None:
    """Forget the oldest deliveries that came before `KEEP`, and the decisions on them."""
    await connection.execute(_SWEEP, {"keep": KEEP, "most": most})
