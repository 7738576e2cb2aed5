"""How runs are started: everything that waits goes into one transaction a turn.

A delivery, the decision for each trigger and the runs it starts are durable together, before the
sender hears 202. Requests gather while a commit is under way, so a burst costs few commits.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import psycopg
from uuid_utils.compat import uuid7

from engine.active import ActiveSet, Startable
from engine.broker import Bell
from engine.core.plan import Trigger
from engine.core.trigger import Decision, InputsError, Said, complete, decide
from engine.core.values import Json
from engine.errors import Conflict, Invalid, SarkError, Unavailable
from engine.store import deliveries, runs
from engine.store.deliveries import Decided, Delivery
from engine.store.pool import Connection, Pool
from engine.store.runs import NewRun

_LOG = logging.getLogger("sark.intake")
_LARGEST_TURN = 500


@dataclass(frozen=True, slots=True)
class Start:
    """A person or a program wants a run."""

    namespace: str
    workflow: str
    inputs: Json
    trigger: str
    actor: str
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """A verified delivery with the event that triggers read, and the source it was told to."""

    delivery: Delivery
    event: Mapping[str, Json]
    source: str | None = None
    namespace: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The runs that were started. `created` is false where that happened before."""

    runs: tuple[UUID, ...]
    created: bool


@dataclass(slots=True, eq=False)
class _Waiting:
    asked: Start | Arrival
    answer: "asyncio.Future[Answer]"
    new: list[NewRun]
    decided: list[Decided]


class Intake:
    """One committer over one pool. `serve` must run; `start` and `deliver` wait for its commit."""

    def __init__(self, pool: Pool, bell: Bell | None) -> None:
        self._pool = pool
        self._bell = bell
        self._waiting: list[_Waiting] = []
        self._wake = asyncio.Event()
        self.active = ActiveSet()

    async def start(self, asked: Start) -> Answer:
        """Start a run; raise NotFound, Invalid, Conflict or Unavailable."""
        return await self._ask(asked)

    async def deliver(self, arrival: Arrival) -> Answer:
        """Record a delivery and start what it triggers; a known one starts nothing again."""
        return await self._ask(arrival)

    async def serve(self) -> None:
        """Take turns for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                turn, self._waiting = self._waiting[:_LARGEST_TURN], self._waiting[_LARGEST_TURN:]
                await self._turn(turn)

    async def refresh(self) -> None:
        """Bring the active set up to date outside of a turn."""
        async with self._pool.connection() as connection:
            await self.active.refresh(connection)

    async def _ask(self, asked: Start | Arrival) -> Answer:
        waiting = _Waiting(asked, asyncio.get_running_loop().create_future(), [], [])
        self._waiting.append(waiting)
        self._wake.set()
        return await waiting.answer

    async def _turn(self, turn: list[_Waiting]) -> None:
        """Commit a turn and answer everybody in it; whatever fails, all of them hear of it."""
        try:
            async with self._pool.connection() as connection, connection.transaction():
                answers = await self._write(connection, turn)
        except (psycopg.Error, OSError, TimeoutError, Unavailable) as error:
            _LOG.warning("a turn of %d requests was not committed: %s", len(turn), error)
            answers = [
                (each, Unavailable("the database does not answer; try again")) for each in turn
            ]
        except Exception as error:
            _LOG.exception("a turn of %d requests failed", len(turn))
            answers = [(each, error) for each in turn]
        for each, answer in answers:
            if each.answer.done():
                continue
            if isinstance(answer, BaseException):
                each.answer.set_exception(answer)
            else:
                each.answer.set_result(answer)
        if self._bell is not None:
            for pool in sorted({new.pool for each in turn for new in each.new}):
                await asyncio.to_thread(self._bell.ring_pool, pool)

    async def _write(
        self, connection: Connection, turn: Sequence[_Waiting]
    ) -> list[tuple[_Waiting, Answer | Exception]]:
        """Write everything of a turn in the transaction at hand; return each one's answer."""
        await self.active.refresh(connection)
        failed: dict[int, Exception] = {}
        told = [each.asked.delivery for each in turn if isinstance(each.asked, Arrival)]
        fresh = set(await deliveries.record(connection, told)) if told else set()
        for each in turn:
            try:
                self._plan(each, fresh)
            except SarkError as error:
                failed[id(each)] = error
        new = [run for each in turn for run in each.new]
        created = await runs.insert(connection, new) if new else frozenset()
        decided = [one for each in turn for one in each.decided]
        if decided:
            await deliveries.decide(connection, decided)
        answers: list[tuple[_Waiting, Answer | Exception]] = []
        for each in turn:
            answers.append((each, failed.get(id(each)) or await _answer(connection, each, created)))
        return answers

    def _plan(self, waiting: _Waiting, fresh: set[tuple[str, str]]) -> None:
        """Fill in the runs that a request starts; raise what keeps it from that."""
        asked = waiting.asked
        if isinstance(asked, Start):
            waiting.new.append(_requested(self.active.find(asked.namespace, asked.workflow), asked))
            return
        known = (asked.delivery.route, asked.delivery.id)
        if known not in fresh:
            return
        fresh.discard(known)  # the same delivery twice in one turn starts one run
        for startable, trigger in self._candidates(asked):
            decision = decide(startable.bound, trigger, asked.event)
            run = _triggered(startable, trigger, asked, decision)
            if run is not None:
                waiting.new.append(run)
            waiting.decided.append(_decided(startable, asked, decision, run))

    def _candidates(self, asked: Arrival) -> list[tuple[Startable, Trigger]]:
        if asked.source is not None:
            return self.active.pushed(asked.source)
        return self.active.hooked(asked.namespace, asked.path)


def _requested(startable: Startable, asked: Start) -> NewRun:
    plan = startable.bound.plan
    kinds = {trigger.type: trigger.id for trigger in plan.triggers}
    if asked.trigger not in kinds and "manual" not in kinds and "api" not in kinds:
        raise Conflict(f"workflow {plan.name!r} is not started by hand: it has no manual trigger")
    told: dict[str, Json] = {"id": kinds.get(asked.trigger, asked.trigger), "type": asked.trigger,
                             "event": {}, "actor": asked.actor}  # fmt: skip
    try:
        inputs = complete(startable.bound, asked.inputs, told)
    except InputsError as error:
        problems = tuple((f"/inputs{pointer}", words) for pointer, words in error.problems)
        raise Invalid(f"the inputs of {plan.name!r} do not fit", problems) from None
    return _new(startable, told, inputs, asked.key)


def _triggered(
    startable: Startable, trigger: Trigger, asked: Arrival, decision: Decision
) -> NewRun | None:
    if decision.said is not Said.STARTED or decision.inputs is None:
        return None
    told: dict[str, Json] = {"id": trigger.id, "type": trigger.type, "event": asked.event,
                             "delivery": asked.delivery.id}  # fmt: skip
    return _new(startable, told, decision.inputs, None)


def _new(
    startable: Startable, trigger: Json, inputs: Mapping[str, Json], key: str | None
) -> NewRun:
    active = startable.active
    return NewRun(
        uuid7(), active.namespace, active.name, active.source, active.commit_sha, active.plan,
        trigger, inputs, key,
    )  # fmt: skip


def _decided(
    startable: Startable, asked: Arrival, decision: Decision, run: NewRun | None
) -> Decided:
    return Decided(
        asked.delivery.route, asked.delivery.id, startable.active.namespace, startable.active.name,
        decision.trigger, decision.said.value, decision.reason, run.id if run else None,
    )  # fmt: skip


async def _answer(
    connection: Connection, waiting: _Waiting, created: frozenset[UUID]
) -> Answer | Exception:
    """Return what a request is told, reading what an earlier one with its key was told."""
    asked, new = waiting.asked, waiting.new
    if isinstance(asked, Arrival):
        if new or waiting.decided:
            return Answer(tuple(run.id for run in new), True)
        before = await deliveries.started(connection, asked.delivery.route, asked.delivery.id)
        return Answer(tuple(before), False)
    if new[0].id in created:
        return Answer((new[0].id,), True)
    first = await runs.by_key(connection, asked.namespace, asked.workflow, asked.key or "")
    if first is None:
        return Unavailable("the first request with this key is still being written; try again")
    identity, inputs = first
    if inputs != new[0].inputs:
        return Invalid("this Idempotency-Key was used with another body")
    return Answer((identity,), False)
