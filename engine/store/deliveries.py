"""Webhook requests, each recorded once by its route and the id that its sender gave it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import LiteralString
from uuid import UUID

from engine.store.arrays import Jsons, Texts, Uuids
from engine.store.pool import Connection

_INSERT: LiteralString = """
    INSERT INTO deliveries (id, route, delivery, kind, body)
    SELECT * FROM unnest(%(ids)s, %(routes)s, %(deliveries)s, %(kinds)s, %(bodies)s)
    ON CONFLICT (route, delivery) DO NOTHING
    RETURNING id
"""
_DECIDE: LiteralString = """
    INSERT INTO decisions (delivery, namespace, workflow, trigger, said, reason, run)
    SELECT * FROM unnest(%(deliveries)s, %(namespaces)s, %(workflows)s, %(triggers)s,
        %(said)s, %(reasons)s, %(runs)s)
"""
_KNOWN: LiteralString = """
    SELECT route, deliveries.delivery,
           coalesce(array_agg(run ORDER BY run) FILTER (WHERE run IS NOT NULL), '{}')
      FROM deliveries
      JOIN unnest(%(routes)s, %(deliveries)s) AS asked (route, delivery)
     USING (route, delivery)
      LEFT JOIN decisions ON decisions.delivery = deliveries.id
     GROUP BY route, deliveries.delivery
"""


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """A request whose signature was good. `delivery` is its sender's id, `body` its raw JSON."""

    id: UUID
    route: str
    delivery: str
    kind: str
    body: bytes


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """What a delivery came to for one trigger; `run` only where it started one."""

    delivery: UUID
    namespace: str
    workflow: str
    trigger: str
    said: str
    reason: str
    run: UUID | None


async def insert(connection: Connection, rows: Iterable[DeliveryRow]) -> frozenset[UUID]:
    """Record deliveries; return the ids of those that were not known before.

    They are taken in one order by everybody, so that two servers never wait for each other.
    """
    told = sorted(rows, key=lambda row: (row.route, row.delivery))
    cursor = await connection.execute(
        _INSERT,
        {
            "ids": Uuids([row.id for row in told]),
            "routes": Texts([row.route for row in told]),
            "deliveries": Texts([row.delivery for row in told]),
            "kinds": Texts([row.kind for row in told]),
            "bodies": Jsons([row.body for row in told]),
        },
    )
    return frozenset(row[0] for row in await cursor.fetchall())


async def decide(connection: Connection, rows: Sequence[DecisionRow]) -> None:
    """Write what was decided on new deliveries."""
    await connection.execute(
        _DECIDE,
        {
            "deliveries": Uuids([row.delivery for row in rows]),
            "namespaces": Texts([row.namespace for row in rows]),
            "workflows": Texts([row.workflow for row in rows]),
            "triggers": Texts([row.trigger for row in rows]),
            "said": Texts([row.said for row in rows]),
            "reasons": Texts([row.reason.replace("\0", "\ufffd") for row in rows]),
            "runs": Uuids([row.run for row in rows]),
        },
    )


async def known(
    connection: Connection, asked: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], tuple[UUID, ...]]:
    """Return the runs that each known delivery started, by its route and its sender's id."""
    cursor = await connection.execute(
        _KNOWN,
        {
            "routes": Texts([route for route, _ in asked]),
            "deliveries": Texts([delivery for _, delivery in asked]),
        },
    )
    return {(row[0], row[1]): tuple(row[2]) for row in await cursor.fetchall()}
