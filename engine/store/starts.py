"""What a turn of the intake writes: deliveries, keys, runs and decisions, in one statement.

The statement is one transaction and one round trip, and it may be sent again by whoever does not
know what became of it: what is there already is not written a second time. It writes nothing if
the active set by which everything was judged has changed.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, LiteralString
from uuid import UUID

import psycopg

from engine.core.frozen import frozen
from engine.core.objective import Objective, next_due, to_json
from engine.core.values import Json, canonical
from engine.store import keys, line
from engine.store.arrays import Array, Instants, Ints, Jsons, Smalls, Texts, Uuids
from engine.store.deliveries import Name
from engine.store.keys import Key
from engine.store.pool import Connection
from engine.store.statement import Statement

_LONGEST_REASON = 2000
TAKEN = "idempotency.key: another run has it"

# Rows go in one order everywhere, so that two servers with the same keys never wait in a circle.
_SEEN: LiteralString = "WITH seen AS (SELECT number FROM activation WHERE number = %(number)s)"
_RECORDED: LiteralString = """, recorded AS (
        INSERT INTO deliveries (route, delivery, event, body)
        SELECT new.* FROM seen, unnest(%(d_routes)s, %(d_ids)s, %(d_events)s, %(d_bodies)s) AS new
        ON CONFLICT DO NOTHING RETURNING route, delivery
    ), emitted AS (
        INSERT INTO outbox (run_id, namespace, kind, path, data)
        SELECT NULL, namespace, 'emitted', '', data
          FROM unnest(%(e_routes)s, %(e_ids)s, %(e_namespaces)s, %(e_data)s)
            AS new (route, delivery, namespace, data)
          JOIN recorded USING (route, delivery)
    )"""
_CLAIMED: LiteralString = """, claimed AS (
        INSERT INTO idempotency_keys (namespace, workflow, key, digest, run)
        SELECT namespace, workflow, key, digest, run
          FROM seen, unnest(%(k_namespaces)s, %(k_workflows)s, %(k_keys)s, %(k_digests)s,
                            %(k_runs)s, %(k_routes)s, %(k_deliveries)s)
            AS new (namespace, workflow, key, digest, run, route, delivery)
         WHERE true"""
_CLAIMED_ONCE: LiteralString = """
        ON CONFLICT (namespace, workflow, key) DO NOTHING RETURNING run
    )"""
_BEGUN: LiteralString = """, begun AS (
        INSERT INTO runs (id, namespace, workflow, source, commit_sha, plan, trigger, inputs,
                          pool, priority, fair_key, slot_group, slot_rules, objectives, watch_at,
                          chain, due_at)
        SELECT id, namespace, workflow, source, commit_sha, plan, trigger, inputs, pool, priority,
               fair_key, slot_group, slot_rules, objectives, watch_at, chain,
               CASE WHEN slot_group IS NULL THEN """
_OF_NEW: LiteralString = """ ELSE '9999-01-01Z' END
          FROM seen, unnest(%(ids)s, %(namespaces)s, %(workflows)s, %(sources)s, %(commits)s,
                            %(plans)s, %(triggers)s, %(inputs)s, %(pools)s, %(priorities)s,
                            %(keys)s, %(routes)s, %(deliveries)s, %(groups)s, %(rules)s,
                            %(objectives)s, %(watches)s, %(chains)s, %(fair_keys)s)
            AS new (id, namespace, workflow, source, commit_sha, plan, trigger, inputs, pool,
                    priority, key, route, delivery, slot_group, slot_rules, objectives, watch_at,
                    chain, fair_key)"""
_IF_CLAIMED: LiteralString = " AND (key IS NULL OR id IN (SELECT run FROM claimed))"
_IF_RECORDED: LiteralString = (
    " AND (route IS NULL OR (route, delivery) IN (SELECT route, delivery FROM recorded))"
)
_BEGUN_ONCE: LiteralString = " ON CONFLICT (id) DO NOTHING RETURNING id)"
_DECIDED: LiteralString = """, decided AS (
        INSERT INTO decisions (route, delivery, namespace, workflow, trigger, item, said, reason,
                               run_id)
        SELECT route, delivery, namespace, workflow, trigger, item,
               CASE WHEN new_run THEN said ELSE 'duplicate' END,
               CASE WHEN new_run THEN reason ELSE %(taken)s END,
               CASE WHEN new_run THEN run_id END
          FROM unnest(%(s_routes)s, %(s_ids)s, %(s_namespaces)s, %(s_workflows)s, %(s_triggers)s,
                      %(s_items)s, %(s_said)s, %(s_reasons)s, %(s_runs)s)
            AS new (route, delivery, namespace, workflow, trigger, item, said, reason, run_id)
          JOIN recorded USING (route, delivery)
         CROSS JOIN LATERAL (
               SELECT run_id IS NULL OR run_id IN (SELECT id FROM begun) AS new_run) AS known
    )"""
_TOLD: LiteralString = """
    SELECT 'seen', '', '' FROM seen UNION ALL SELECT 'begun', id::text, '' FROM begun
"""
_TOLD_RECORDED: LiteralString = " UNION ALL SELECT 'recorded', route, delivery FROM recorded"
_KINDS: dict[str, type[Array]] = {
    "d_routes": Texts, "d_ids": Texts, "d_events": Texts, "d_bodies": Jsons,
    "e_routes": Texts, "e_ids": Texts, "e_namespaces": Texts, "e_data": Jsons,
    "k_namespaces": Texts, "k_workflows": Texts, "k_keys": Texts, "k_digests": Texts,
    "k_runs": Uuids, "k_routes": Texts, "k_deliveries": Texts,
    "ids": Uuids, "namespaces": Texts, "workflows": Texts, "sources": Texts, "commits": Texts,
    "plans": Texts, "triggers": Jsons, "inputs": Jsons, "pools": Texts, "priorities": Smalls,
    "keys": Texts, "routes": Texts, "deliveries": Texts, "groups": Texts, "rules": Jsons,
    "objectives": Jsons, "watches": Instants,
    "chains": Smalls, "fair_keys": Texts,
    "s_routes": Texts, "s_ids": Texts, "s_namespaces": Texts, "s_workflows": Texts,
    "s_triggers": Texts, "s_items": Ints, "s_said": Texts, "s_reasons": Texts, "s_runs": Uuids,
}  # fmt: skip


@frozen
class NewRun:
    """A run to be started. `id` is a UUIDv7, so that runs sort by their start.

    One that a delivery sets off begins only if the `delivery` was not known before, one under a
    `key` only if that was free; `digest` is then that of the request's body. A key that somebody
    took longer than `key_ttl` ago is free, without one as soon as its run is gone. `name` is what
    the client calls a start that has a `key` besides: where only that is taken, its run is the
    one of both from then on. One of a `group` waits until it is let in by the
    `rules` of the group. Runs of one `priority` take turns by their `fair_key`. Its `objectives`
    are watched. `chain` is which of those that start each other in turn it is.
    """

    id: UUID
    namespace: str
    workflow: str
    source: str
    commit: str
    plan: str
    trigger: Json
    inputs: Json
    pool: str = "default"
    priority: int = 1
    fair_key: str = ""
    delivery: Name | None = None
    key: Key | None = None
    digest: str = ""
    key_ttl: timedelta | None = None
    name: Key | None = None
    group: str | None = None
    rules: Json = None
    objectives: tuple[Objective, ...] = ()
    chain: int = 1


@frozen
class NewDelivery:
    """A request whose signature was good; `body` is its raw JSON.

    What is `emitted` goes to the relay, if the delivery was not known before.
    """

    name: Name
    event: str
    body: bytes
    namespace: str = ""
    emitted: Json = None


@frozen
class NewDecision:
    """What a delivery came to for one trigger of one workflow; `run` only if it started one.

    `item` is the place in the list of a `fan_out`, 0 without one.
    """

    delivery: Name
    namespace: str
    workflow: str
    trigger: str
    said: str
    reason: str
    run: UUID | None
    item: int = 0


@frozen
class Written:
    """What was not there before: deliveries that were recorded, and runs that have begun."""

    recorded: frozenset[Name]
    begun: frozenset[UUID]


class Starts:
    """The turns of one intake, on a connection of its own."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._statements: dict[tuple[bool, bool, bool], Statement] = {}

    async def write(
        self, number: int, runs: Iterable[NewRun], deliveries: Iterable[NewDelivery] = (),
        decisions: Iterable[NewDecision] = (),
    ) -> Written | None:  # fmt: skip
        """Commit a turn that was judged after `number` activations, or None if there were more.

        Raise psycopg.Error for what PostgreSQL refuses, and if the connection is lost.
        """
        runs, told = list(runs), (list(deliveries), list(decisions))
        named = [(run.name, run) for run in runs if run.name is not None]
        if not named:
            return await self._write(number, runs, *told)
        link = self._connection
        async with link.transaction() as transaction:
            own = await keys.claim(link, [(name, run.digest, run.id) for name, run in named])
            new = [run for run in runs if run.name is None or run.id in own]
            written = await self._write(number, new, *told)
            second = [
                (name, run.key) for name, run in named
                if run.id in own and run.key and written and run.id not in written.begun
            ]  # fmt: skip
            if written is None or (second and not await keys.share(link, second)):
                raise psycopg.Rollback(transaction)
            return written
        return None

    async def _write(
        self, number: int, runs: Iterable[NewRun], deliveries: Iterable[NewDelivery],
        decisions: Iterable[NewDecision],
    ) -> Written | None:  # fmt: skip
        deliveries, runs = sorted(deliveries, key=lambda each: each.name), sorted(runs, key=_order)
        values: dict[str, Any] = {"number": number, "taken": TAKEN, **line.VALUES, **_runs(runs)}
        delivers = bool(deliveries) or any(run.delivery for run in runs)
        if delivers:
            values |= _deliveries(deliveries) | _decisions(list(decisions))
        has_keys, takes_turns = any(run.key for run in runs), any(run.fair_key for run in runs)
        if has_keys:
            values |= _keys(runs)
        if old := [(run.key, run.key_ttl) for run in runs if run.key and run.key_ttl is not None]:
            await keys.forget(self._connection, old)
        told = await self._of(delivers, has_keys, takes_turns).ask(values)
        if not told:
            return None
        return Written(
            frozenset(Name(one, two) for what, one, two in told if what == "recorded"),
            frozenset(UUID(one) for what, one, _ in told if what == "begun"),
        )

    def _of(self, delivers: bool, has_keys: bool, takes_turns: bool) -> Statement:
        """Return the statement of such turns: nobody pays for what a turn does not bring."""
        kind = delivers, has_keys, takes_turns
        if kind not in self._statements:
            name = f"starts_{delivers:d}{has_keys:d}{takes_turns:d}"
            self._statements[kind] = Statement(self._connection, name, _text(*kind), _KINDS)
        return self._statements[kind]


def _text(delivers: bool, has_keys: bool, takes_turns: bool) -> LiteralString:
    parts = [_SEEN]
    if delivers:
        parts.append(_RECORDED)
    if has_keys:
        parts += [_CLAIMED, *([_IF_RECORDED] if delivers else []), _CLAIMED_ONCE]
    place = [line.PLACE, _OF_NEW, ", ", line.FIRST] if takes_turns else [line.PLAIN, _OF_NEW]
    parts += [_BEGUN, *place, " WHERE true"]
    if has_keys:
        parts.append(_IF_CLAIMED)
    if delivers:
        parts.append(_IF_RECORDED)
    parts.append(_BEGUN_ONCE)
    parts += [_DECIDED, _TOLD, _TOLD_RECORDED] if delivers else [_TOLD]
    return "".join(parts)


def _order(run: NewRun) -> tuple[str, str, str]:
    key = run.key or Key(run.namespace, run.workflow, "")
    return key.namespace, key.workflow, key.key


def _deliveries(told: Sequence[NewDelivery]) -> dict[str, Array]:
    emitted = [each for each in told if each.emitted is not None]
    return {
        "e_routes": Texts([each.name.route for each in emitted]),
        "e_ids": Texts([each.name.id for each in emitted]),
        "e_namespaces": Texts([each.namespace for each in emitted]),
        "e_data": Jsons([canonical(each.emitted) for each in emitted]),
        "d_routes": Texts([each.name.route for each in told]),
        "d_ids": Texts([each.name.id for each in told]),
        "d_events": Texts([each.event for each in told]),
        "d_bodies": Jsons([each.body for each in told]),
    }


def _keys(runs: Sequence[NewRun]) -> dict[str, Array]:
    told = [(run.key, run) for run in runs if run.key is not None]
    return {
        "k_namespaces": Texts([key.namespace for key, _ in told]),
        "k_workflows": Texts([key.workflow for key, _ in told]),
        "k_keys": Texts([key.key for key, _ in told]),
        "k_digests": Texts(["" if run.name else run.digest for _, run in told]),
        "k_runs": Uuids([run.id for _, run in told]),
        "k_routes": Texts([run.delivery and run.delivery.route for _, run in told]),
        "k_deliveries": Texts([run.delivery and run.delivery.id for _, run in told]),
    }


def _runs(told: Sequence[NewRun]) -> dict[str, Array]:
    return {
        "ids": Uuids([run.id for run in told]),
        "namespaces": Texts([run.namespace for run in told]),
        "workflows": Texts([run.workflow for run in told]),
        "sources": Texts([run.source for run in told]),
        "commits": Texts([run.commit for run in told]),
        "plans": Texts([run.plan for run in told]),
        "triggers": Jsons([canonical(run.trigger) for run in told]),
        "inputs": Jsons([canonical(run.inputs) for run in told]),
        "pools": Texts([run.pool for run in told]),
        "priorities": Smalls([run.priority for run in told]),
        "fair_keys": Texts([run.fair_key or None for run in told]),
        "keys": Texts([run.key and run.key.key for run in told]),
        "routes": Texts([run.delivery and run.delivery.route for run in told]),
        "deliveries": Texts([run.delivery and run.delivery.id for run in told]),
        "groups": Texts([run.group for run in told]),
        "chains": Smalls([run.chain for run in told]),
        "rules": Jsons([None if run.group is None else canonical(run.rules) for run in told]),
        "objectives": Jsons([_objectives(run.objectives) for run in told]),
        "watches": Instants([next_due(run.objectives) for run in told]),
    }


def _objectives(told: tuple[Objective, ...]) -> bytes | None:
    return canonical(to_json(told)) if told else None


def _decisions(told: Sequence[NewDecision]) -> dict[str, Array]:
    return {
        "s_routes": Texts([each.delivery.route for each in told]),
        "s_ids": Texts([each.delivery.id for each in told]),
        "s_namespaces": Texts([each.namespace for each in told]),
        "s_workflows": Texts([each.workflow for each in told]),
        "s_triggers": Texts([each.trigger for each in told]),
        "s_items": Ints([each.item for each in told]),
        "s_said": Texts([each.said for each in told]),
        "s_reasons": Texts([plain(each.reason) for each in told]),
        "s_runs": Uuids([each.run for each in told]),
    }


def plain(reason: str) -> str:
    """Return a reason as a text column takes it: a value told in it may hold a NUL."""
    return reason[:_LONGEST_REASON].replace("\0", "\ufffd")
