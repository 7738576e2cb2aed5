"""One turn of the intake: everything that waits, judged in memory and written in one statement."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol, TypeAlias
from uuid import UUID

from uuid_utils.compat import uuid7

from engine.active import ActiveSet, BoundPlan, Cache, Hook
from engine.core.expression import EvaluationError
from engine.core.inputs import InputsError
from engine.core.trigger import BoundTrigger, Decision, Said
from engine.core.values import Json
from engine.errors import Conflict, Invalid, NotFound
from engine.intake.request import Delivered, Delivery, Kind, Start, Started, Waiting
from engine.store import deliveries, keys
from engine.store.deliveries import Name
from engine.store.keys import Claim, Key
from engine.store.pool import Connection
from engine.store.starts import NewDecision, NewDelivery, NewRun, Starts, Written
from engine.store.workflows import Active
from policies.facts import Action, Actor, Resource, Verdict

Answers: TypeAlias = Mapping[UUID, Started | Delivered | Exception]

_START = Action("run.start")


class Decides(Protocol):
    """Says whether an actor may do something."""

    def decide(self, actor: Actor, action: Action, resource: Resource) -> Verdict: ...


class Turn:
    """A group of requests, judged by one active set. `answers` count once it is written."""

    def __init__(self, cache: Cache, policy: Decides, group: Sequence[Waiting]) -> None:
        self._cache = cache
        self._policy = policy
        self._group = group
        self._active = ActiveSet()
        self._deliveries: dict[Name, NewDelivery] = {}
        self._runs: list[NewRun] = []
        self._decisions: list[NewDecision] = []
        self._begun = frozenset[UUID]()
        self._keys: dict[UUID, Key] = {}
        self.answers: dict[UUID, Started | Delivered | Exception] = {}

    @property
    def pools(self) -> frozenset[str]:
        """The pools that have new runs."""
        return frozenset(
            run.pool for run in self._runs if run.id in self._begun and run.group is None
        )

    @property
    def has_groups(self) -> bool:
        """True if new runs wait to be let in."""
        return any(run.group is not None for run in self._runs)

    async def write(self, connection: Connection, starts: Starts) -> None:
        """Judge and write the group; judge it anew where an activation came in between."""
        while True:
            self._active = self._cache.active
            await self._judge(connection)
            written = await starts.write(
                self._active.number, self._runs, self._deliveries.values(), self._decisions
            )
            if written is not None:
                break
            await self._cache.refresh(connection)
        self._begun = written.begun
        await self._recall(connection, written)

    async def _judge(self, connection: Connection) -> None:
        """Decide on every request as if nothing of it had been told before."""
        self._deliveries.clear()
        self._runs.clear()
        self._decisions.clear()
        self._keys.clear()
        self.answers.clear()
        for each in self._group:
            match each.request:
                case Delivery() as delivery:
                    if _name(delivery) not in self._deliveries:
                        self.answers[each.id] = await self._decide(connection, delivery)
                case Start() as start:
                    await self._take(connection, each.id, start)

    async def _decide(self, connection: Connection, delivery: Delivery) -> Delivered:
        name = _name(delivery)
        self._deliveries[name] = NewDelivery(name, delivery.kind, delivery.body)
        begun = []
        for hook in self._meant(delivery):
            plan = await self._cache.plan(connection, hook.workflow.plan)
            for decision in plan.triggers[hook.trigger].decide(delivery.event):
                told = self._told(delivery, hook, plan, decision)
                self._decisions.append(told)
                begun += [told.run] if told.run is not None else []
        return Delivered(tuple(begun), False)

    def _told(
        self, delivery: Delivery, hook: Hook, plan: BoundPlan, decision: Decision
    ) -> NewDecision:
        """Return a decision as it is written down; note the run that it starts."""
        told = NewDecision(
            _name(delivery), delivery.namespace, hook.workflow.name, hook.trigger, decision.said,
            decision.reason, None, decision.item,
        )  # fmt: skip
        if decision.inputs is None:
            return told
        verdict = self._may_start(delivery, hook.workflow)
        if not verdict.allowed:
            return replace(told, said=Said.DENIED, reason=verdict.reason)
        about = _delivered(plan.triggers[hook.trigger], delivery)
        try:
            row = _row(uuid7(), hook.workflow, plan, about, decision.inputs, _name(delivery))
        except (EvaluationError, ValueError) as error:
            return replace(told, said=Said.ERROR, reason=str(error))
        self._runs.append(row)
        return replace(told, run=row.id)

    def _meant(self, delivery: Delivery) -> Iterable[Hook]:
        """Yield the triggers that a delivery is meant for and that are still active."""
        match delivery.kind:
            case Kind.PUSH:
                yield from self._active.pushed(delivery.namespace, delivery.source)
            case Kind.WEBHOOK:
                path = delivery.route.removeprefix(f"{delivery.namespace}/")
                for hook in self._active.webhooks.get((delivery.namespace, path), ()):
                    if (hook.workflow.name, hook.trigger) in delivery.hooks:
                        yield hook
            case Kind.EVENT:
                yield from self._active.events.get((delivery.namespace, delivery.source), ())
            case Kind.OTHER:
                return

    def _may_start(self, delivery: Delivery, workflow: Active) -> Verdict:
        actor = Actor("webhook", delivery.route, delivery.namespace)
        resource = Resource("workflow", workflow.name, workflow.namespace)
        return self._policy.decide(actor, _START, resource)

    async def _take(self, connection: Connection, identity: UUID, start: Start) -> None:
        try:
            row = await self._run(connection, identity, start)
            self._runs.append(row)
            self.answers[identity] = Started(row.id, False)
            if row.key is not None:
                self._keys[identity] = row.key
        except (NotFound, Conflict, Invalid) as fault:
            self.answers[identity] = fault

    async def _run(self, connection: Connection, identity: UUID, start: Start) -> NewRun:
        """Return the run that a start makes; raise NotFound, Conflict or Invalid."""
        name = f"{start.namespace}/{start.workflow}"
        active = self._active.workflows.get((start.namespace, start.workflow))
        if active is None:
            raise NotFound(f"no active workflow is called {name}")
        plan = await self._cache.plan(connection, active.plan)
        about = _about(name, plan, start)
        try:
            inputs = plan.inputs.complete(start.inputs, about)
        except InputsError as error:
            problems = tuple((f"/inputs{pointer}", told) for pointer, told in error.problems)
            raise Invalid(f"the inputs of {name} do not fit", problems) from None
        except EvaluationError as error:
            raise Invalid(f"a default input of {name} has no value: {error}") from None
        try:
            row = _row(start.run or identity, active, plan, about, inputs)
        except (EvaluationError, ValueError) as error:
            raise Invalid(f"{name} cannot be started: {error}") from None
        return row if start.key is None else replace(row, key=_key(start), digest=start.digest)

    async def _recall(self, connection: Connection, written: Written) -> None:
        """Answer what had been told before by what it came to then.

        That holds for a start under a key whatever would be said of it now.
        """
        known = [
            (each.id, one) for each in self._group
            if isinstance(one := each.request, Delivery)
            and (_name(one) not in written.recorded or each.id not in self.answers)
        ]  # fmt: skip
        if known:
            runs = await deliveries.started(connection, [_name(one) for _, one in known])
            self.answers |= {each: Delivered(runs[_name(one)], True) for each, one in known}
        keyed = [
            (each.id, one) for each in self._group
            if isinstance(one := each.request, Start) and each.id not in written.begun
            and (one.key is not None or each.id in self._keys)
        ]  # fmt: skip
        if keyed:
            known_as = {each: self._keys.get(each) or _key(one) for each, one in keyed}
            taken = await keys.taken(connection, list(known_as.values()))
            self.answers |= {
                each: _repeated(each, claim, one) for each, one in keyed
                if (claim := taken.get(known_as[each])) is not None
            }  # fmt: skip


def _delivered(trigger: BoundTrigger, delivery: Delivery) -> dict[str, Json]:
    """Return what the run of a delivery reads as `trigger`."""
    sender = {"actor": delivery.actor} if delivery.actor else {}
    return {**trigger.about(delivery.event), "delivery": delivery.id, **sender}


def _about(name: str, plan: BoundPlan, start: Start) -> dict[str, Json]:
    """Return what the run reads as `trigger`; raise Conflict where it may not be started so."""
    told: dict[str, Json] = {"event": {}, "actor": start.actor}
    if start.run is not None:
        return {"id": "call", "type": "call", **told}
    if plan.by_hand is None:
        raise Conflict(
            f"{name} is started by its events alone; to start it by hand or over the API, "
            "give it a trigger of type manual or api"
        )
    return {"id": plan.by_hand.id, "type": plan.by_hand.type, **told}


def _name(delivery: Delivery) -> Name:
    return Name(delivery.route, delivery.id)


def _key(start: Start) -> Key:
    return Key(start.namespace, start.workflow, start.key or "")


def _repeated(identity: UUID, claim: Claim, start: Start) -> Started | Exception:
    if claim.digest == start.digest:
        return Started(claim.run, claim.run != identity)
    return Invalid("the Idempotency-Key was used before, with another body")


def _row(
    identity: UUID, active: Active, plan: BoundPlan, about: Json, inputs: Mapping[str, Json],
    delivery: Name | None = None,
) -> NewRun:  # fmt: skip
    """Return a run on the terms of its workflow; raise EvaluationError or ValueError."""
    terms = plan.whole.terms(inputs, about)
    group = None if terms.group is None else f"{active.namespace}:{terms.group}"
    key = None if terms.key is None else Key(active.namespace, active.name, f"run:{terms.key}")
    return NewRun(
        identity, active.namespace, active.name, active.source, active.commit_sha, active.plan,
        about, inputs, priority=terms.priority, delivery=delivery, key=key, group=group,
        rules=terms.rules, objectives=plan.whole.objectives(datetime.now(UTC)),
    )  # fmt: skip
