"""Webhook deliveries, each recorded once, and the decision for each trigger they might start."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import LiteralString
from uuid import UUID

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
    SELECT route, delivery,
           coalesce(array_agg(run_id ORDER BY run_id) FILTER (WHERE run_id IS NOT NULL), '{}')
      FROM unnest(%(routes)s, %(ids)s) AS asked (route, delivery)
      LEFT JOIN decisions USING (route, delivery)
     GROUP BY route, delivery
"""
_LONGEST_REASON = 2000


@dataclass(frozen=True, slots=True, order=True)
class Name:
    """What a delivery is known by: its route below /hooks/, and its sender's id for it."""

    route: str
    id: str


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """A request whose signature was good; `body` is its raw JSON."""

    name: Name
    event: str
    body: bytes


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """What a delivery came to for one trigger of one workflow; `run` only if it started one."""

    delivery: Name
    namespace: str
    workflow: str
    trigger: str
    said: str
    reason: str
    run: UUID | None


async def record(connection: Connection, rows: Iterable[DeliveryRow]) -> frozenset[Name]:
    """Record deliveries; return those that were not known before.

    They are taken in one order by everybody, so that two servers never wait for each other.
    """
    told = sorted(rows, key=lambda row: row.name)
    cursor = await connection.execute(
        _RECORD,
        {
            **_names([row.name for row in told]),
            "events": Texts([row.event for row in told]),
            "bodies": Jsons([row.body for row in told]),
        },
    )
    return frozenset(Name(*row) for row in await cursor.fetchall())


async def decide(connection: Connection, rows: Sequence[DecisionRow]) -> None:
    """Write what was decided on new deliveries, with the reason."""
    await connection.execute(
        _DECIDE,
        {
            **_names([row.delivery for row in rows]),
            "namespaces": Texts([row.namespace for row in rows]),
            "workflows": Texts([row.workflow for row in rows]),
            "triggers": Texts([row.trigger for row in rows]),
            "said": Texts([row.said for row in rows]),
            "reasons": Texts([_plain(row.reason) for row in rows]),
            "runs": Uuids([row.run for row in rows]),
        },
    )


async def started(connection: Connection, names: Sequence[Name]) -> dict[Name, tuple[UUID, ...]]:
    """Return the runs that each delivery started when it first came."""
    cursor = await connection.execute(_STARTED, _names(sorted(set(names))))
    return {Name(row[0], row[1]): tuple(row[2]) for row in await cursor.fetchall()}


def _names(names: Sequence[Name]) -> dict[str, Texts]:
    return {
        "routes": Texts([each.route for each in names]),
        "ids": Texts([each.id for each in names]),
    }


def _plain(reason: str) -> str:
    """Return a reason as a text column takes it: a value told in it may hold a NUL."""
    return reason[:_LONGEST_REASON].replace("\0", "\ufffd")
