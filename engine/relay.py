"""The relay: what runs have sent to the world is followed, in order, by one leader.

Events are kept, started from, and told to whoever waits for them; waits and approvals become
visible. One leader does it in the order of the outbox, so a wait and the event that it is for can
cross each other nowhere: whichever is taken second finds the first. Each row may be followed
twice, after a crash in between; all that it does is done once under a key of its own.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime, timedelta
from uuid import UUID, uuid5

import dramatiq
import orjson
import psycopg

from engine import gates
from engine.broker import RELAY, Bell, HintBroker, Rings, ring
from engine.core import forge, objective
from engine.core.admission import admit
from engine.core.machine import IDS
from engine.core.objective import Objective
from engine.core.values import Json, canonical, format_duration
from engine.errors import Conflict, SarkError, Unavailable
from engine.hints import Listener
from engine.intake import Decides, Delivery, Intake, Kind, Start
from engine.settings import Settings
from engine.store import (
    approvals,
    cache,
    callbacks,
    circuits,
    deliveries,
    events,
    groups,
    inbox,
    objectives,
    outbox,
    rates,
    runs,
    slots,
)
from engine.store import gates as held
from engine.store.events import Event
from engine.store.inbox import Telling
from engine.store.leases import Session, patiently
from engine.store.objectives import Watched
from engine.store.outbox import Sending, Sent, Work
from engine.store.pool import Connection, is_final, pool
from engine.store.runs import Ended
from engine.telemetry import METRICS
from engine.ticks import until_tick

_LOG = logging.getLogger("sark.relay")
_GROUP = 500
_BAD_DATA = (psycopg.DataError, ValueError, LookupError, TypeError)
_FAULTS = (psycopg.Error, *_BAD_DATA)
# As PostgreSQL keeps them, compressed: a report of GitHub may have many megabytes.
_GROUP_BYTES = 4 << 20
_PERIOD = 1.0
_SWEEP_EVERY = timedelta(minutes=1)
_REFUSED = canonical(
    {
        "type": "sark.concurrency",
        "detail": "its group has no place for it, by the `concurrency` of the workflow",
        "class": "permanent",
    }
).decode()


class RelayDuty:
    """Takes the outbox whenever it is rung, and once a second."""

    def __init__(self, settings: Settings, policy: Decides) -> None:
        self._settings = settings
        self._policy = policy

    async def lead(self, session: Session) -> None:
        """Follow the outbox until the session ends; raise what ended it."""
        url, redis_url = self._settings.database_url, self._settings.redis_url
        assert url is not None
        rung = asyncio.Event()
        async with AsyncExitStack() as stack:
            bell = None
            if redis_url is not None:
                bell = await stack.enter_async_context(heard(redis_url, rung.set))
            connections = await stack.enter_async_context(pool(url, "relay", 2))
            intake = Intake(url, connections, bell, self._policy)
            relay = Relay(session, await stack.enter_async_context(intake), bell)
            await relay.serve(rung)


@asynccontextmanager
async def heard(redis_url: str, ring: Callable[[], None]) -> AsyncIterator[Bell]:
    """Hear what is rung for the relay, and give the bell by which it rings others."""
    loop, broker = asyncio.get_running_loop(), HintBroker(redis_url)

    def relay(*_: object) -> None:
        loop.call_soon_threadsafe(ring)

    dramatiq.actor(actor_name="relay", queue_name=RELAY, broker=broker)(relay)
    listener = Listener(broker)
    try:
        yield Bell(broker)
    finally:
        await asyncio.to_thread(listener.close)


class Relay:
    """Follows the outbox on its leader's session."""

    def __init__(self, session: Session, intake: Intake, bell: Rings | None) -> None:
        self._session = session
        self._intake = intake
        self._bell = bell

    async def serve(self, rung: asyncio.Event) -> None:
        """Follow what was sent when it is rung for, and once a second."""
        loop, swept = asyncio.get_running_loop(), float("-inf")
        while True:
            rung.clear()
            followed, next_due = await patiently("relay", self._round)
            if loop.time() - swept > _SWEEP_EVERY.total_seconds():
                swept = loop.time()
                await patiently("relay", self._sweep)
            if followed:  # there may be more; whatever comes, the rest has its turn in between
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(_pause(next_due)):
                    await rung.wait()

    async def _round(self) -> tuple[int, timedelta | None]:
        """Do what there is to do; return how many rows were followed, and how soon more is due."""
        work = await self._work()
        followed, next_due = await self._do(work), work.next_due
        if next_due is not None and next_due <= timedelta(0):
            next_due = await gates.fire(self._session, self._intake)
        return followed, next_due

    async def _sweep(self) -> None:
        async with self._session.turn() as connection:
            await sweep(connection)

    async def _work(self) -> Work:
        async with self._session.glance() as connection:
            return await outbox.work(connection)

    async def _do(self, work: Work) -> int:
        """Do what there is to do; return how many rows were followed."""
        if work.watched:
            while await self.watch() == _GROUP:
                pass
        followed = await self.follow() if work.sent or work.watched else 0
        if followed or work.crowded:
            await self.let_in()
        return followed

    async def follow(self) -> int:
        """Follow the oldest rows; return how many there were."""
        async with self._session.turn() as connection:
            sent = await outbox.take(connection, _GROUP, _GROUP_BYTES)
            ids = [each.run_id for each in sent if each.kind == "ended" and each.run_id is not None]
            ended = await runs.ended(connection, ids) if ids else {}
        if not sent:
            return 0
        started = [(each.id, await self._start(each, ended)) for each in sent]
        refused = {row: reason for row, reason in started if reason}
        ring(self._bell, await self._tell(sent, refused))
        return len(sent)

    async def _tell(
        self, sent: Sequence[Sent], refused: Mapping[int, str]
    ) -> list[tuple[int | None, str]]:
        """Write down what rows say; return whom to ring.

        What fails alone is set aside, and so is what was `refused` when it was to start something.
        """
        try:
            async with self._session.turn() as connection:
                told = [one for each in sent for one in await _follow(connection, each)]
                rung = await inbox.tell(connection, told) if told else []
                for each in sent:
                    if each.id in refused:
                        await outbox.refuse(connection, each.id, refused[each.id])
                await outbox.forget(
                    connection, [each.id for each in sent if each.id not in refused]
                )
                return rung
        except _FAULTS as error:
            if not _is_final(error):
                raise
            if len(sent) > 1:
                return [one for each in sent for one in await self._tell([each], refused)]
            _LOG.exception("%s of run %s is set aside", sent[0].path, sent[0].run_id)
            async with self._session.turn() as connection:
                await outbox.refuse(connection, sent[0].id, str(error))
            return []

    async def let_in(self) -> None:
        """Let runs of full groups in as slots come free, and end those that wait no longer."""
        rung: set[str] = set()
        async with self._session.turn() as connection:
            for group in await groups.crowded(connection):
                told = admit(group.told(), group.live, group.waiting)
                rung.update(await groups.settle(connection, told, _REFUSED))
                for run in told.cancelled:
                    reason = {"by": "concurrency", "reason": "a newer run of its group has come"}
                    asked = await runs.cancel(connection, run, reason)
                    ring(self._bell, [asked] if asked is not None else [])
            await self._give_up(connection)
        ring(self._bell, [(None, pool) for pool in rung])

    async def _give_up(self, connection: Connection) -> None:
        """End runs that have waited for their place as long as they may."""
        bounds: dict[timedelta, list[UUID]] = {}
        for run, queue in await groups.late(connection):
            bounds.setdefault(queue, []).append(run)
        for queue, waited in bounds.items():
            await groups.end(connection, waited, _late(queue), ("timed_out",))

    async def watch(self) -> int:
        """Tell of objectives that are missed, each once; return how many runs it looked at.

        The run's row and the event are written together.
        """
        sent: list[Sending] = []
        async with self._session.turn() as connection:
            watched = await objectives.due(connection, _GROUP)
            for run in watched:
                before = objective.from_json(run.objectives)
                told = objective.judge(before, run.ended_at, run.now)
                # Of a run that has ended there is nothing more to see.
                again = None if run.ended_at is not None else objective.next_due(told)
                await objectives.judged(connection, run.id, objective.to_json(told), again)
                sent += [_missed(run, now) for now, was in zip(told, before, strict=True)
                         if now.missed and not was.missed]  # fmt: skip
            if sent:
                await outbox.send(connection, sent)
        return len(watched)

    async def _start(self, sent: Sent, ended: Mapping[UUID, Ended]) -> str:
        """Start what a row asks for, once; what cannot be started is told to the log.

        Return why a row can never be followed, or an empty text.
        """
        try:
            match sent.kind, sent.data:
                case "emitted", Mapping() as data:
                    delivery = _delivery(sent, data)
                    if await self._is_heard(delivery):
                        await self._intake.deliver(delivery)
                case "started", Mapping() as data:
                    told = await self._intake.start(_started(sent, data))
                    if told.duplicate:
                        raise Conflict(f"run {told.run} has its idempotency.key")
                case "ended", _ if isinstance(sent.run_id, UUID) and sent.run_id in ended:
                    await self._intake.deliver(_ended(sent, ended[sent.run_id]))
        except Unavailable:
            raise
        except SarkError as error:
            _LOG.warning("%s of run %s starts nothing: %s", sent.path, sent.run_id, error)
        except _FAULTS as error:
            if not _is_final(error):
                raise
            _LOG.exception("%s of run %s starts nothing", sent.path, sent.run_id)
            return str(error)
        return ""

    async def _is_heard(self, delivery: Delivery) -> bool:
        """True if an event may set something off; a report of GitHub is on record already."""
        if not delivery.type.startswith(forge.PREFIX):
            return True
        active = await self._intake.look()
        return any(active.happened(delivery.namespace, delivery.type))


def _is_final(error: Exception) -> bool:
    """True if what is refused once always will be, so that others need not wait for it."""
    return not isinstance(error, psycopg.Error) or is_final(error)


def _late(queue: timedelta) -> str:
    """Return the error of a run that has waited too long."""
    words = f"its group had no place for it within {format_duration(queue)} (timeout.queue)"
    return canonical({"type": "sark.queue_timeout", "detail": words, "class": "transient"}).decode()


def _pause(next_due: timedelta | None) -> float:
    """Return how many seconds to wait: a period, or less if held events are due before."""
    pause = until_tick(_PERIOD)
    return pause if next_due is None else min(pause, max(0.0, next_due.total_seconds()))


async def sweep(connection: Connection) -> None:
    """Forget what is old, and what was for runs that have ended."""
    await events.sweep(connection)
    await approvals.sweep(connection)
    await callbacks.sweep(connection)
    await inbox.sweep(connection)
    for each in (cache, circuits, deliveries, held, rates, slots):
        await each.sweep(connection)


async def _follow(connection: Connection, sent: Sent) -> list[Telling]:
    """Write down what a row says; return what is to be told to runs because of it."""
    match sent.kind, sent.run_id, sent.data:
        case "emitted", _, Mapping() as data:
            event = _event(sent, data)
            if await events.keep(connection, event):
                return await events.watchers(connection, event)
        case "watched", UUID() as run, {"callback": schema} if schema is not None:
            await callbacks.wait(connection, run, sent.path, schema)
        case "watched", UUID() as run, Mapping() as data:
            return await events.watch(
                connection, run, sent.path, sent.namespace, str(data["event"]), str(data["at"]),
                _text(data["key"]), datetime.fromisoformat(str(data["since"])),
            )  # fmt: skip
        case "asked", UUID() as run, Mapping() as data:
            expires = datetime.fromisoformat(str(data["expires"]))
            await approvals.ask(
                connection, run, sent.path, sent.namespace, sent.workflow, data, expires
            )
        case "unwatched", UUID() as run, _:
            await events.unwatch(connection, run, sent.path)
            await approvals.withdraw(connection, run, sent.path)
            await callbacks.withdraw(connection, run, sent.path)
    return []


def _missed(run: Watched, told: Objective) -> Sending:
    """Return the event of a missed objective; the log and a metric tell of it too."""
    _LOG.warning(
        "run %s of %s/%s has missed its objective %s, due %s",
        run.id, run.namespace, run.workflow, told.id, told.due.isoformat(),
    )  # fmt: skip
    METRICS.objectives_missed.inc()
    path = f"objectives.{told.id}"
    about: dict[str, Json] = {
        "run": str(run.id), "workflow": run.workflow, "objective": told.id,
        "due": told.due.isoformat(),
    }  # fmt: skip
    identity = str(uuid5(IDS, f"{run.id}:{path}"))
    data: dict[str, Json] = {
        "id": identity, "type": objective.MISSED, "subject": run.workflow, "data": about,
    }  # fmt: skip
    return Sending(run.id, run.namespace, "emitted", path, data)


def _event(sent: Sent, data: Mapping[str, Json]) -> Event:
    source = f"run/{sent.run_id}" if sent.run_id is not None else str(data["source"])
    return Event(
        UUID(str(data["id"])), sent.namespace, _text(data["type"]) or "",
        _text(data.get("subject")), source, data.get("data"), str(data.get("identity", "")),
    )  # fmt: skip


def _delivery(sent: Sent, data: Mapping[str, Json]) -> Delivery:
    """Return an event as the intake takes it: once by its id, whatever it starts.

    No webhook can have this route: a colon stands in none of their paths.
    """
    event = _event(sent, data)
    told, route = event.told(), f"{sent.namespace}:events"
    actor = f"run/{sent.run_id}" if sent.run_id is not None else str(data.get("actor", ""))
    return Delivery(
        route, str(event.id), Kind.EVENT, sent.namespace, orjson.dumps(told), told,
        actor=actor, type=event.type, chain=sent.chain + 1,
    )  # fmt: skip


def _started(sent: Sent, data: Mapping[str, Json]) -> Start:
    inputs = data["inputs"]
    assert isinstance(inputs, Mapping)
    return Start(
        sent.namespace, str(data["workflow"]), inputs, f"run/{sent.run_id}",
        run=UUID(str(data["run"])), chain=sent.chain + 1,
    )  # fmt: skip


def _ended(sent: Sent, run: Ended) -> Delivery:
    """Return the end of a run as the intake takes it: once by the run's id, whatever it starts."""
    told = run.told()
    return Delivery(
        f"{sent.namespace}:ended", str(run.id), Kind.ENDED, sent.namespace, orjson.dumps(told),
        told, source=run.workflow, actor=f"run/{run.id}", chain=sent.chain + 1,
    )  # fmt: skip


def _text(value: Json) -> str | None:
    """Return a text as PostgreSQL can hold it, without NUL."""
    return None if value is None else str(value).replace("\0", "\ufffd")
