"""One turn of the intake: everything that waits, judged and written in one transaction."""

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeAlias
from uuid import UUID

from uuid_utils.compat import uuid7

from engine.active import ActiveSet, Cache, Hook
from engine.core.expression import EvaluationError
from engine.core.trigger import InputsError, Said
from engine.core.values import Json
from engine.errors import Conflict, Invalid, NotFound
from engine.intake.request import Delivered, Delivery, Kind, Start, Started, Waiting
from engine.store import deliveries, keys, runs, views
from engine.store.deliveries import DecisionRow, DeliveryRow, Name
from engine.store.keys import Claim, Key
from engine.store.pool import Connection
from engine.store.runs import NewRun
from engine.store.workflows import Active
from policies.facts import Action, Actor, Resource, Verdict

Answers: TypeAlias = dict[UUID, Started | Delivered | Exception]

_START = Action("run.start")


class Decides(Protocol):
    """Says whether an actor may do something."""

    def decide(self, actor: Actor, action: Action, resource: Resource) -> Verdict: ...


class Turn:
    """A group of requests in one transaction. `answers` count once it has committed.

    `again`: the same group was sent before and nobody knows whether it was committed, so what
    is there already is not written a second time.
    """

    def __init__(
        self, cache: Cache, policy: Decides, group: Sequence[Waiting], *, again: bool
    ) -> None:
        self._cache = cache
        self._policy = policy
        self._group = group
        self._again = again
        self._active = ActiveSet()
        self._runs: list[NewRun] = []
        self._decisions: list[DecisionRow] = []
        self._claims: list[Claim] = []
        self.answers: Answers = {}

    @property
    def pools(self) -> frozenset[str]:
        """The pools that have new runs."""
        return frozenset(run.pool for run in self._runs)

    async def write(self, connection: Connection) -> None:
        """Judge and write the group, in a transaction of its own."""
        async with connection.transaction():
            self._active = await self._cache.refresh(connection)
            written = frozenset[UUID]()
            if self._again:
                written = await views.written(connection, [each.id for each in self._group])
            await self._take_deliveries(connection)
            await self._take_starts(connection, written)
            if self._runs:
                await runs.insert(connection, self._runs)
            if self._decisions:
                await deliveries.decide(connection, self._decisions)
            await self._recall(connection, written)

    async def _take_deliveries(self, connection: Connection) -> None:
        """Record deliveries, and decide on those that were not known."""
        told = [(each.id, one) for each in self._group if isinstance(one := each.request, Delivery)]
        if not told:
            return
        rows = [DeliveryRow(_name(one), one.kind, one.body) for _, one in told]
        new = set(await deliveries.record(connection, rows))
        for identity, one in told:
            if _name(one) in new:
                new.discard(_name(one))  # the same delivery twice in a turn starts nothing twice
                self.answers[identity] = await self._decide(connection, one)

    async def _decide(self, connection: Connection, delivery: Delivery) -> Delivered:
        begun = []
        for hook in self._meant(delivery):
            plan = await self._cache.plan(connection, hook.workflow.plan)
            trigger = plan.triggers[hook.trigger]
            decision = trigger.decide(delivery.event)
            said, reason, run = decision.said, decision.reason, None
            if decision.inputs is not None:
                verdict = self._may_start(delivery, hook.workflow)
                if verdict.allowed:
                    about = {**trigger.about(delivery.event), "delivery": delivery.id}
                    run = self._new(uuid7(), hook.workflow, about, decision.inputs)
                    begun.append(run)
                else:
                    said, reason = Said.DENIED, verdict.reason
            name = hook.workflow.name
            self._decisions.append(
                DecisionRow(
                    _name(delivery), delivery.namespace, name, hook.trigger, said, reason, run
                )
            )
        return Delivered(tuple(begun), False)

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
            case Kind.OTHER:
                return

    def _may_start(self, delivery: Delivery, workflow: Active) -> Verdict:
        actor = Actor("webhook", delivery.route, delivery.namespace)
        resource = Resource("workflow", workflow.name, workflow.namespace)
        return self._policy.decide(actor, _START, resource)

    async def _take_starts(self, connection: Connection, written: frozenset[UUID]) -> None:
        """Judge starts; those under a key that is taken are answered in the end."""
        told = [(each.id, each.request) for each in self._group if each.id not in written]
        starts = [(identity, one) for identity, one in told if isinstance(one, Start)]
        keyed = [_key(one) for _, one in starts if one.key is not None]
        taken = await keys.taken(connection, keyed) if keyed else {}
        judged: list[tuple[NewRun, Claim | None]] = []
        for identity, one in starts:
            if one.key is not None and _key(one) in taken:
                continue
            try:
                run = await self._judge(connection, identity, one)
            except (NotFound, Conflict, Invalid) as fault:
                self.answers[identity] = fault
                continue
            claim = None if one.key is None else Claim(_key(one), one.digest, identity)
            judged.append((run, claim))
        mine = await self._claim(connection, [claim for _, claim in judged if claim is not None])
        for run, claim in judged:
            if claim is None or run.id in mine:
                self._runs.append(run)
                self.answers[run.id] = Started(run.id, False)

    async def _claim(self, connection: Connection, claims: Sequence[Claim]) -> frozenset[UUID]:
        """Take keys; return the runs whose key nobody else was quicker to take."""
        if not claims:
            return frozenset()
        await keys.claim(connection, claims)
        taken = await keys.taken(connection, [each.key for each in claims])
        return frozenset(each.run for each in taken.values())

    async def _judge(self, connection: Connection, identity: UUID, start: Start) -> NewRun:
        """Return the run that a start makes; raise NotFound, Conflict or Invalid."""
        name = f"{start.namespace}/{start.workflow}"
        active = self._active.workflows.get((start.namespace, start.workflow))
        if active is None:
            raise NotFound(f"no active workflow is called {name}")
        plan = await self._cache.plan(connection, active.plan)
        if plan.by_hand is None:
            raise Conflict(
                f"{name} is started by its events alone; to start it by hand or over the API, "
                "give it a trigger of type manual or api"
            )
        by = plan.by_hand
        about: dict[str, Json] = {"id": by.id, "type": by.type, "event": {}, "actor": start.actor}
        try:
            inputs = plan.inputs.complete(start.inputs, about)
        except InputsError as error:
            problems = tuple((f"/inputs{pointer}", told) for pointer, told in error.problems)
            raise Invalid(f"the inputs of {name} do not fit", problems) from None
        except EvaluationError as error:
            raise Invalid(f"a default input of {name} has no value: {error}") from None
        return _row(identity, active, about, inputs)

    def _new(self, identity: UUID, active: Active, about: Json, inputs: Json) -> UUID:
        self._runs.append(_row(identity, active, about, inputs))
        return identity

    async def _recall(self, connection: Connection, written: frozenset[UUID]) -> None:
        """Answer what was taken before by what it came to then."""
        left = [each for each in self._group if each.id not in self.answers]
        known = [each.request for each in left if isinstance(each.request, Delivery)]
        keyed = [each.request for each in left if isinstance(each.request, Start)]
        runs_of = await deliveries.started(connection, list(map(_name, known))) if known else {}
        wanted = [_key(one) for one in keyed if one.key is not None]
        taken = await keys.taken(connection, wanted) if wanted else {}
        for each in left:
            one = each.request
            if isinstance(one, Delivery):
                self.answers[each.id] = Delivered(runs_of[_name(one)], True)
            elif each.id in written:
                self.answers[each.id] = Started(each.id, False)
            else:
                self.answers[each.id] = _repeated(taken[_key(one)], one)


def _name(delivery: Delivery) -> Name:
    return Name(delivery.route, delivery.id)


def _key(start: Start) -> Key:
    return Key(start.namespace, start.workflow, start.key or "")


def _repeated(claim: Claim, start: Start) -> Started | Exception:
    if claim.digest == start.digest:
        return Started(claim.run, True)
    return Invalid("the Idempotency-Key was used before, with another body")


def _row(identity: UUID, active: Active, about: Json, inputs: Json) -> NewRun:
    return NewRun(
        identity, active.namespace, active.name, active.source, active.commit_sha, active.plan,
        about, inputs,
    )  # fmt: skip
