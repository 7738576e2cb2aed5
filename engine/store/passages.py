"""What gates have changed: written in the transaction of the runs that they let through."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import LiteralString
from uuid import UUID

import orjson

from engine.core.frozen import frozen
from engine.core.trigger.ledger import First
from engine.core.trigger.quota import Use
from engine.store.arrays import Array, Instants, Ints, Jsons, Texts, Uuids
from engine.store.gates import Held, Spot
from engine.store.pool import Connection
from engine.store.starts import plain

_WRITE: LiteralString = """
    WITH claimed AS (
        INSERT INTO dedupe_keys (namespace, workflow, trigger, key, delivery, expires_at)
        SELECT * FROM unnest(%(k_namespaces)s, %(k_workflows)s, %(k_triggers)s, %(k_keys)s,
                             %(k_deliveries)s, %(k_expire)s)
        ON CONFLICT (namespace, workflow, trigger, key) DO UPDATE
           SET delivery = EXCLUDED.delivery, expires_at = EXCLUDED.expires_at
    ), used AS (
        INSERT INTO trigger_rates (namespace, workflow, trigger, name, uses, idle_at)
        SELECT * FROM unnest(%(r_namespaces)s, %(r_workflows)s, %(r_triggers)s, %(r_names)s,
                             %(r_uses)s, %(r_idle)s)
        ON CONFLICT (namespace, workflow, trigger, name) DO UPDATE
           SET uses = EXCLUDED.uses, idle_at = EXCLUDED.idle_at
    ), gone AS (
        DELETE FROM held USING unnest(%(g_ids)s, %(g_said)s, %(g_reasons)s, %(g_runs)s)
                            AS new (id, said, reason, run)
         WHERE held.id = new.id
        RETURNING held.*, said, reason, run
    ), waiting AS (
        INSERT INTO held (id, bunch, namespace, workflow, trigger, key, route, delivery, item,
                          actor, chain, names, size, since, due_at)
        SELECT id, bunch, namespace, workflow, trigger, key, route, delivery, item, actor,
               chain, names, size, since, due_at
          FROM unnest(%(h_ids)s, %(h_bunches)s, %(h_namespaces)s, %(h_workflows)s, %(h_triggers)s,
                      %(h_keys)s, %(h_routes)s, %(h_deliveries)s, %(h_items)s, %(h_actors)s,
                      %(h_chains)s, %(h_names)s, %(h_sizes)s, %(h_since)s, %(h_due)s)
               WITH ORDINALITY
            AS new (id, bunch, namespace, workflow, trigger, key, route, delivery, item, actor,
                    chain, names, size, since, due_at, place)
         ORDER BY place
    )
    UPDATE decisions SET said = gone.said, reason = gone.reason, run_id = gone.run FROM gone
     WHERE (decisions.route, decisions.delivery, decisions.namespace, decisions.workflow,
            decisions.trigger, decisions.item)
         = (gone.route, gone.delivery, gone.namespace, gone.workflow, gone.trigger, gone.item)
"""


@frozen
class Claim:
    """A key of a trigger's `dedupe`, and the event that counts for it."""

    spot: Spot
    key: str
    first: First


@frozen
class Used:
    """What a trigger's `rate` has let through of a group, until when that holds others back."""

    spot: Spot
    group: str
    uses: Sequence[Use]
    idle_at: datetime


@frozen
class Gone:
    """An event that waits no more, by its id, and what became of it."""

    id: UUID
    said: str
    reason: str
    run: UUID | None = None


@dataclass(slots=True)
class Changes:
    """What is to be written: keys and uses, events that wait from now on, and others no more."""

    claims: list[Claim] = field(default_factory=list)
    used: list[Used] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    gone: list[Gone] = field(default_factory=list)


async def write(connection: Connection, told: Changes) -> None:
    """Write what gates have changed, in the caller's transaction."""
    values = {
        **_claims(told.claims), **_used(told.used), **_held(told.held), **_gone(told.gone),
    }  # fmt: skip
    await connection.execute(_WRITE, values)


def _spots(prefix: str, spots: Iterable[Spot]) -> dict[str, Array]:
    told = list(spots)
    return {
        f"{prefix}_namespaces": Texts([each.namespace for each in told]),
        f"{prefix}_workflows": Texts([each.workflow for each in told]),
        f"{prefix}_triggers": Texts([each.trigger for each in told]),
    }


def _claims(told: Sequence[Claim]) -> dict[str, Array]:
    return {
        **_spots("k", (each.spot for each in told)),
        "k_keys": Texts([each.key for each in told]),
        "k_deliveries": Texts([each.first.delivery for each in told]),
        "k_expire": Instants([each.first.until for each in told]),
    }


def _used(told: Sequence[Used]) -> dict[str, Array]:
    return {
        **_spots("r", (each.spot for each in told)),
        "r_names": Texts([each.group for each in told]),
        "r_uses": Jsons(
            [orjson.dumps([[use.at.isoformat(), use.count] for use in each.uses]) for each in told]
        ),
        "r_idle": Instants([each.idle_at for each in told]),
    }


def _held(told: Sequence[Held]) -> dict[str, Array]:
    return {
        **_spots("h", (Spot(each.namespace, each.workflow, each.trigger) for each in told)),
        "h_ids": Uuids([each.id for each in told]),
        "h_bunches": Uuids([each.bunch for each in told]),
        "h_keys": Texts([each.key for each in told]),
        "h_routes": Texts([each.route for each in told]),
        "h_deliveries": Texts([each.delivery for each in told]),
        "h_items": Ints([each.item for each in told]),
        "h_actors": Texts([each.actor for each in told]),
        "h_chains": Ints([each.chain for each in told]),
        "h_names": Jsons([orjson.dumps(each.names) for each in told]),
        "h_sizes": Ints([each.size for each in told]),
        "h_since": Instants([each.since for each in told]),
        "h_due": Instants([each.due_at for each in told]),
    }


def _gone(told: Sequence[Gone]) -> dict[str, Array]:
    return {
        "g_ids": Uuids([each.id for each in told]),
        "g_said": Texts([each.said for each in told]),
        "g_reasons": Texts([plain(each.reason) for each in told]),
        "g_runs": Uuids([each.run for each in told]),
    }
