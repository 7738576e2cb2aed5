"""One turn of the intake: everything that waits, judged in memory and written in one statement."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol, TypeAlias
from uuid import UUID

import psycopg
from uuid_utils.compat import uuid7

from engine.active import ActiveSet, BoundPlan, Cache, Hook
from engine.core.expression import EvaluationError
from engine.core.inputs import InputsError
from engine.core.trigger import Decision, Said, overlong
from engine.core.values import Json
from engine.errors import Conflict, Invalid, NotFound
from engine.intake import firing, recall
from engine.intake.firing import Fired, Refusal
from engine.intake.passage import Candidate, Passage
from engine.intake.recall import Asked
from engine.intake.request import Delivered, Delivery, Fire, Kind, Start, Started, Waiting
from engine.store import deliveries
from engine.store.deliveries import Name
from engine.store.gates import Held
from engine.store.keys import Key
from engine.store.pool import Connection
from engine.store.starts import NewDecision, NewDelivery, NewRun, Starts, Written
from engine.store.workflows import Active
from policies.facts import Action, Actor, Resource, Verdict

Answers: TypeAlias = Mapping[UUID, Started | Delivered | Exception]

_START = Action("run.start")
# What the controller finds out by itself: nobody has sent it.
_BY_OURSELVES = frozenset({Kind.SCHEDULE, Kind.ABSENT, Kind.FILE})
# What the copies of a delivery's event may have together, and what begins the next turn.
_MOST_COPIED = 64 << 20
_HEAVIEST = 64 << 20


class Decides(Protocol):
    """Says whether an actor may do something."""

    def decide(self, actor: Actor, action: Action, resource: Resource) -> Verdict: ...


class Turn:
    """A group of requests, judged by one active set. `answers` count once it is written.

    `has_due` is true if events that wait are due already. `left` are requests for which this turn
    has no room: what goes before them fans out to too much.
    """

    def __init__(self, cache: Cache, policy: Decides, group: Sequence[Waiting]) -> None:
        self._cache = cache
        self._policy = policy
        self._group = group
        self._active = ActiveSet()
        self._deliveries: dict[Name, NewDelivery] = {}
        self._runs: list[NewRun] = []
        self._decisions: list[NewDecision] = []
        self._candidates: list[Candidate] = []
        self._asked: dict[UUID, Name] = {}
        self._fires: dict[UUID, Fire] = {}
        self._begun = frozenset[UUID]()
        self._only: dict[UUID, Asked] = {}
        self.answers: dict[UUID, Started | Delivered | Exception] = {}
        self.has_due = False
        self.left: Sequence[Waiting] = ()
        self._weight = 0

    @property
    def pools(self) -> frozenset[str]:
        """The pools that have new runs."""
        return frozenset(
            run.pool for run in self._runs if run.id in self._begun and run.group is None
        )

    @property
    def is_for_relay(self) -> bool:
        """True if new runs wait to be let in, something was emitted, or what was held is due."""
        return (
            self.has_due
            or any(run.group is not None for run in self._runs)
            or any(each.emitted is not None for each in self._deliveries.values())
        )

    async def write(self, connection: Connection, starts: Starts) -> None:
        """Judge and write the group; judge it anew where an activation came in between."""
        while True:
            self._active = self._cache.active
            await self._judge(connection)
            if self._fires or any(each.gates for each in self._candidates):
                written = await self._pass(connection, starts)
            else:
                self._let(self._candidates)
                written = await self._written(starts)
            if written is not None:
                break
            await self._cache.refresh(connection)
        self._begun = written.begun
        self.answers = {each: _begun(told, written) for each, told in self.answers.items()}
        await self._recall(connection, written)

    async def _pass(self, connection: Connection, starts: Starts) -> Written | None:
        """Write a group of which some go through gates, or nothing if it is to be judged anew.

        That is so, too, if a delivery came in over another server since it was looked for.
        """
        async with connection.transaction() as transaction:
            passage = Passage(connection)
            await passage.open(self._deliveries, self._candidates, self._fires.values())
            for name in passage.known:
                del self._deliveries[name]
            new = [each for each in self._candidates if each.told.delivery not in passage.known]
            self._let(passage.settle(new))
            fired = await self._fire(connection, passage)
            written = await self._written(starts)
            if written is None or not self._deliveries.keys() <= written.recorded:
                raise psycopg.Rollback(transaction)
            for each in fired:
                taken = [run for run in each.runs if run.id not in written.begun]
                reasons = await recall.holders(connection, taken)
                passage.changes.gone += each.ended(written.begun, reasons)
            self.has_due = await passage.write()
            return written
        return None

    async def _fire(self, connection: Connection, passage: Passage) -> list[Fired]:
        """Return what becomes of the bunches that are to leave; note the runs that they start."""
        found = await passage.bunches(list(self._fires.values()))
        told: list[Fired] = []
        for identity, fire in self._fires.items():
            held = found.pop(fire.bunch, [])
            made = await self._fired(connection, fire, held) if held else Fired((), ())
            self._runs += made.runs
            told.append(made)
            self.answers[identity] = Delivered(tuple(each.id for each in made.runs), not held)
        return told

    async def _fired(self, connection: Connection, fire: Fire, held: Sequence[Held]) -> Fired:
        """Return what becomes of a bunch, by the plan that is active by now."""
        active = self._active.workflows.get((fire.namespace, fire.workflow))
        if active is None:
            return firing.lost(held)
        plan = await self._cache.plan(connection, active.plan)
        trigger = plan.triggers.get(fire.trigger)
        if trigger is None:
            return firing.lost(held)
        hook = Hook(active, fire.trigger, {}, trigger.plan.type)
        return firing.fired(
            trigger, held, lambda last, about, inputs: self._made(
                Actor("webhook", last.route, fire.namespace), hook, plan, about, inputs, last.chain
            ),
        )  # fmt: skip

    async def _written(self, starts: Starts) -> Written | None:
        return await starts.write(
            self._active.number, self._runs, self._deliveries.values(), self._decisions
        )

    def _let(self, settled: Iterable[Candidate]) -> None:
        """Note the decisions and runs of candidates that are through."""
        begun: dict[Name, list[UUID]] = {name: [] for name in self._deliveries}
        for each in settled:
            self._decisions.append(each.told)
            if each.run is not None:
                self._runs.append(each.run)
                begun[each.told.delivery].append(each.run.id)
        for identity, name in self._asked.items():
            if name in begun:
                self.answers[identity] = Delivered(tuple(begun[name]), False)

    async def _judge(self, connection: Connection) -> None:
        """Decide on every request as if nothing of it had been told before."""
        for held in (self._deliveries, self._runs, self._decisions, self._candidates, self._only,
                     self._asked, self._fires, self.answers):  # fmt: skip
            held.clear()
        self._weight = 0
        for place, each in enumerate(self._group):
            if self._weight > _HEAVIEST:
                self.left = (*self._group[place:], *self.left)
                self._group = self._group[:place]
                break
            match each.request:
                case Delivery() as delivery:
                    if _name(delivery) not in self._deliveries:
                        self._asked[each.id] = _name(delivery)
                        await self._decide(connection, delivery)
                case Start() as start:
                    await self._take(connection, each.id, start)
                case Fire() as fire:
                    self._fires[each.id] = fire

    async def _decide(self, connection: Connection, delivery: Delivery) -> None:
        name = _name(delivery)
        self._deliveries[name] = NewDelivery(
            name, delivery.type or delivery.kind, delivery.body, delivery.namespace,
            delivery.emitted,
        )  # fmt: skip
        for hook in self._meant(delivery):
            plan = await self._cache.plan(connection, hook.workflow.plan)
            trigger = plan.triggers[hook.trigger]
            for decision in self._affordable(trigger.decide(delivery.event), len(delivery.body)):
                told = NewDecision(
                    name, delivery.namespace, hook.workflow.name, hook.trigger, decision.said,
                    decision.reason, None, decision.item,
                )  # fmt: skip
                self._candidates.append(self._candidate(delivery, hook, plan, told, decision))

    def _affordable(self, told: Sequence[Decision], size: int) -> Sequence[Decision]:
        """Return decisions, or an error in their place if their runs would be too much to write.

        Each run of an event has a copy of it.
        """
        count = sum(each.said in (Said.STARTED, Said.HELD) for each in told)
        if count > 1 and count * size > _MOST_COPIED:
            reason = (
                f"fan_out: {count:,} runs of an event of {size:,} bytes are too much; "
                f"their copies may have {_MOST_COPIED >> 20} MiB together"
            )
            return (Decision(told[0].trigger, Said.ERROR, reason),)
        self._weight += count * size
        return told

    def _candidate(
        self, delivery: Delivery, hook: Hook, plan: BoundPlan, told: NewDecision, decision: Decision
    ) -> Candidate:
        """Return a decision with the run that it starts, or says why it starts none after all."""
        trigger = plan.triggers[hook.trigger]
        refusal = trigger.overlong(delivery.chain)
        if decision.said is Said.HELD and refusal:  # it must not spoil what it would wait with
            return Candidate(replace(told, said=Said.DENIED, reason=refusal))
        if decision.inputs is None:
            return Candidate(told, gates=decision.gates, actor=delivery.actor, chain=delivery.chain)
        about = trigger.delivered(delivery.event, delivery.id, delivery.actor, delivery.chain)
        kind = "webhook" if delivery.kind not in _BY_OURSELVES else "clock"
        actor = Actor(kind, delivery.route, delivery.namespace)
        made = self._made(actor, hook, plan, about, decision.inputs, delivery.chain)
        if isinstance(made, NewRun):
            run = replace(made, delivery=_name(delivery))
            return Candidate(
                replace(told, run=run.id), run, decision.gates, delivery.actor, delivery.chain
            )
        return Candidate(replace(told, said=made.said, reason=made.reason), gates=decision.gates)

    def _made(
        self, actor: Actor, hook: Hook, plan: BoundPlan, about: Mapping[str, Json],
        inputs: Mapping[str, Json], chain: int,
    ) -> NewRun | Refusal:  # fmt: skip
        """Return the run of an event, or why there is none."""
        workflow = hook.workflow
        resource = Resource("workflow", workflow.name, workflow.namespace)
        verdict = self._policy.decide(actor, _START, resource)
        if not verdict.allowed:
            return Refusal(Said.DENIED, verdict.reason)
        if refusal := plan.triggers[hook.trigger].overlong(chain):
            return Refusal(Said.DENIED, refusal)
        try:
            return replace(_row(uuid7(), workflow, plan, about, inputs), chain=chain)
        except (EvaluationError, ValueError) as error:
            return Refusal(Said.ERROR, str(error))

    def _meant(self, delivery: Delivery) -> Iterable[Hook]:
        """Yield the triggers that a delivery is meant for and that are still active."""
        match delivery.kind:
            case Kind.GITHUB:
                told = delivery.namespace, delivery.source, delivery.type
                yield from self._active.reported(*told)
            case Kind.WEBHOOK:
                path = delivery.route.removeprefix(f"{delivery.namespace}/")
                yield from _named(
                    self._active.webhooks.get((delivery.namespace, path), ()), delivery
                )
            case Kind.EVENT:
                yield from self._active.happened(delivery.namespace, delivery.type)
            case Kind.ENDED:
                yield from self._active.followers.get((delivery.namespace, delivery.source), ())
            case Kind.SCHEDULE | Kind.ABSENT:
                place = delivery.namespace, delivery.source
                yield from _named(self._active.clocks.get(place, ()), delivery)
            case Kind.FILE:
                place = delivery.namespace, delivery.source
                yield from _named(self._active.files.get(place, ()), delivery)

    async def _take(self, connection: Connection, identity: UUID, start: Start) -> None:
        try:
            row = await self._run(connection, identity, start)
            self._runs.append(row)
            self.answers[identity] = Started(row.id, False)
        except (NotFound, Conflict, Invalid) as fault:
            self.answers[identity] = fault

    async def _run(self, connection: Connection, identity: UUID, start: Start) -> NewRun:
        """Return the run that a start makes; raise NotFound, Conflict or Invalid."""
        name = f"{start.namespace}/{start.workflow}"
        active = self._active.workflows.get((start.namespace, start.workflow))
        if active is None:
            raise NotFound(f"no active workflow is called {name}")
        plan = await self._cache.plan(connection, active.plan)
        if refusal := overlong(start.chain):
            raise Conflict(f"{name} is not started: {refusal}")
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
        asked = Asked(identity, row.id, start, row.key, plan.whole.rejects)
        if start.key is not None:
            own = asked.name if row.key is not None else None
            row = replace(row, key=row.key or asked.name, digest=start.digest, name=own)
        self._only[identity] = asked
        return replace(row, chain=start.chain)

    async def _recall(self, connection: Connection, written: Written) -> None:
        """Answer what had been told before by what it came to then.

        That holds for a start under a key whatever would be said of it now.
        """
        await recall.explain(connection, self._runs, self._decisions, written)
        known = [
            (each.id, one) for each in self._group
            if isinstance(one := each.request, Delivery)
            and (_name(one) not in written.recorded or each.id not in self.answers)
        ]  # fmt: skip
        if known:
            runs = await deliveries.started(connection, [_name(one) for _, one in known])
            self.answers |= {each: Delivered(runs[_name(one)], True) for each, one in known}
        asked = [
            self._only.get(each.id) or Asked(each.id, one.run or each.id, one)
            for each in self._group if isinstance(one := each.request, Start)
        ]  # fmt: skip
        asked = [
            each for each in asked
            if each.run not in written.begun and (each.name is not None or each.only is not None)
        ]  # fmt: skip
        if asked:
            self.answers |= await recall.answers(connection, asked)


def _about(name: str, plan: BoundPlan, start: Start) -> dict[str, Json]:
    """Return what the run reads as `trigger`; raise Conflict where it may not be started so."""
    told: dict[str, Json] = {"event": {}, "actor": start.actor}
    if start.run is not None:
        return {"id": "call", "type": "call", "kind": "call", **told, "chain": start.chain}
    if plan.by_hand is None:
        raise Conflict(
            f"{name} is started by its events alone; to start it by hand or over the API, "
            "give it a trigger of type manual or api"
        )
    kind = plan.by_hand.type
    return {"id": plan.by_hand.id, "type": kind, "kind": kind, **told}


def _begun(
    told: Started | Delivered | Exception, written: Written
) -> Started | Delivered | Exception:
    """Return an answer without the runs whose idempotency key was taken."""
    if not isinstance(told, Delivered):
        return told
    return replace(told, runs=tuple(run for run in told.runs if run in written.begun))


def _named(hooks: Iterable[Hook], delivery: Delivery) -> Iterable[Hook]:
    """Yield those triggers that a delivery names itself."""
    return (each for each in hooks if (each.workflow.name, each.trigger) in delivery.hooks)


def _name(delivery: Delivery) -> Name:
    return Name(delivery.route, delivery.id)


def _row(
    identity: UUID, active: Active, plan: BoundPlan, about: Json, inputs: Mapping[str, Json]
) -> NewRun:  # fmt: skip
    """Return a run on the terms of its workflow; raise EvaluationError or ValueError."""
    terms = plan.whole.terms(inputs, about)
    group = None if terms.group is None else f"{active.namespace}:{terms.group}"
    only = terms.idempotency
    key = None if only is None else Key(active.namespace, only.workflow, f"run:{only.key}")
    return NewRun(
        identity, active.namespace, active.name, active.source, active.commit_sha, active.plan,
        about, inputs, priority=terms.priority, fair_key=terms.fair_key, key=key, group=group,
        rules=terms.rules, objectives=plan.whole.objectives(datetime.now(UTC)),
        key_ttl=None if only is None else only.ttl,
    )  # fmt: skip
