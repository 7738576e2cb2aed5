"""Webhook deliveries, each recorded once, and the decision for each trigger they might start."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString
from uuid import UUID

from engine.core.values import Json, canonical
from engine.store.arrays import Jsons, Texts, Uuids
from engine.store.pool import Connection

_RECORD: LiteralString = """
    INSERT INTO deliveries (route, delivery, event, body)
    SELECT * FROM unnest(%(routes)s, %(ids)s, %(events)s, %(bodies)s)
    ON CONFLICT DO NOTHING RETURNING route, delivery
"""
_DECIDE: LiteralString = """
    INSERT INTO decisions (route, delivery, namespace, workflow, trigger, said, reason, run_id)
    SELECT * FROM unnest(%(routes)s, %(ids)s, %(namespaces)s, %(workflows)s, %(triggers)s,
                         %(said)s, %(reasons)s, %(runs)s)
"""
_STARTED: LiteralString = """
    SELECT run_id FROM decisions
     WHERE route = %(route)s AND delivery = %(id)s AND run_id IS NOT NULL ORDER BY run_id
"""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request of a sender: `id` is the sender's own, or a hash of the body."""

    route: str
    id: str
    event: str
    body: Json


@dataclass(frozen=True, slots=True)
class Decided:
    """What a delivery came to for one trigger of one workflow."""

    route: str
    delivery: str
    namespace: str
    workflow: str
    trigger: str
    said: str
    reason: str
    run: UUID | None


async def record(connection: Connection, new: Sequence[Delivery]) -> frozenset[tuple[str, str]]:
    """Record deliveries; return route and id of those that were not known before."""
    cursor = await connection.execute(
        _RECORD,
        {
            "routes": Texts([each.route for each in new]),
            "ids": Texts([each.id for each in new]),
            "events": Texts([each.event for each in new]),
            "bodies": Jsons([canonical(each.body) for each in new]),
        },
    )
    return frozenset((row[0], row[1]) for row in await cursor.fetchall())


async def decide(connection: Connection, decided: Sequence[Decided]) -> None:
    """Record what was decided, with its reason."""
    await connection.execute(
        _DECIDE,
        {
            "routes": Texts([each.route for each in decided]),
            "ids": Texts([each.delivery for each in decided]),
            "namespaces": Texts([each.namespace for each in decided]),
            "workflows": Texts([each.workflow for each in decided]),
            "triggers": Texts([each.trigger for each in decided]),
            "said": Texts([each.said for each in decided]),
            "reasons": Texts([each.reason[:2000] for each in decided]),
            "runs": Uuids([each.run for each in decided]),
        },
    )


async def started(connection: Connection, route: str, delivery: str) -> list[UUID]:
    """Return the runs that a delivery started when it first came."""
    cursor = await connection.execute(_STARTED, {"route": route, "id": delivery})
    return [row[0] for row in await cursor.fetchall()]
