"""One schedule: the world is made, its load is let in, its faults happen, and it comes to rest."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any
from uuid import UUID

import psycopg

from engine.broker import EVERY, RELAY, RUNS
from engine.core.values import Json
from engine.errors import Unavailable
from engine.intake.request import Started
from engine.owner import Owner
from engine.performer import Performer
from engine.relay import Relay
from engine.settings import Settings
from engine.settings import Worker as WorkerSettings
from engine.store import events, inbox, leases, runs
from engine.store.starts import NewRun, Starts
from engine.worker import WorkerProcess
from tests.simulation.bus import Bus
from tests.simulation.chance import SLOTS, Chance, Fault, Plan
from tests.simulation.invariants import Broken, Watchman, at_rest
from tests.simulation.load import NAMESPACE, bodies, plans
from tests.simulation.loop import Process, Stuck, VirtualLoop
from tests.simulation.service import Service, makes
from tests.simulation.wire import Server

_AWAY = (psycopg.Error, Unavailable, OSError)
# How long a world may take that has come through its faults, in seconds of its own time.
_LONGEST = 300.0
_LAST_FAULT = 25.0
_PAUSE = 0.5


@dataclass(eq=False)
class Slot:
    """A place for one process after another; its steps are counted through all of them."""

    name: str
    work: Callable[["Slot"], Coroutine[Any, Any, None]]
    process: Process
    faults: dict[int, Fault] = field(default_factory=dict)
    steps: int = 0
    running: Any = None


class Worker(WorkerProcess):
    """A worker process that hears its hints from the world's bus."""

    def __init__(self, bus: Bus, pools: tuple[str, ...]) -> None:
        super().__init__(_settings(pools), makes())
        self._bus = bus
        self._bell: Any = bus

    @asynccontextmanager
    async def _listening(self, owner: Owner, performer: Performer | None) -> AsyncIterator[None]:
        def look() -> None:
            owner.look()
            if performer is not None:
                performer.look()

        told = {f"worker.{owner.worker}": look}
        if self._owns:
            told[f"pool.{RUNS}"] = owner.attend
        if performer is not None:
            told[f"serving.{EVERY}"] = performer.attend
        with self._bus.hearing(told):
            yield


class Door:
    """Starts what the relay is asked to start, as the intake does: once by its id."""

    def __init__(self, starts: Starts) -> None:
        self._starts = starts

    async def start(self, start: Any) -> Started:
        try:
            await self._starts.write(1, [_run(start.run, start.workflow, start.chain)])
        except psycopg.Error as error:
            raise Unavailable("PostgreSQL does not answer") from error
        return Started(start.run, repeated=False)

    async def deliver(self, delivery: Any) -> None:
        """No workflow here is set off by an event."""


class World:
    """Everything that there is in one schedule."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.loop = VirtualLoop()
        self.chance = Chance(plan)
        self.server = Server(self.loop, self.chance)
        self.loop.world = self
        self.service = Service(plan.seed, self.chance, trace=self.server.trace)
        self.bus = Bus(self.loop, self.chance)
        self.acknowledged: list[UUID] = []
        self.watchman = Watchman(self.server)
        self.slots = {name: Slot(name, self._work_of(name), Process(name)) for name in SLOTS}
        for digest, body in bodies().items():
            row = {"digest": digest, "format": 1, "body": body}
            self.server.database.tables["plans"][digest,] = row

    def run(self) -> str:
        """Let it come to rest; return what is broken, or nothing."""
        random.seed(self.plan.seed)
        asyncio.set_event_loop(self.loop)
        try:
            return self.loop.run_until_complete(self._live())
        except Stuck as stuck:
            return str(stuck)
        finally:
            self._clear()
            asyncio.set_event_loop(None)
            self.loop.close()

    async def _live(self) -> str:
        for each in self.plan.faults:
            self._arm(each)
        for slot in self.slots.values():
            self._begin(slot)
        try:
            await self._rest()
            at_rest(self.server.database, self.service, self.acknowledged)
        except Broken as broken:
            return str(broken)
        return self.watchman.broken

    async def _rest(self) -> None:
        """Wait until all runs have ended and everything is tidied up after them."""
        last = max((each.at for each in self.plan.faults if each.kind == "restart"), default=0)
        while self.loop.time() < last or not self._is_done():
            await asyncio.sleep(1.0)
            if self.watchman.broken:
                return
            if self.loop.time() > _LONGEST:
                raise Broken("a run does not end, or something is left of one")

    def _is_done(self) -> bool:
        tables = self.server.database.tables
        left = any(tables[name] for name in ("outbox", "inbox", "handouts", "watches"))
        is_over = all(run["ended_at"] is not None for run in tables["runs"].values())
        return len(self.acknowledged) == len(self.plan.load) and is_over and not left

    def _begin(self, slot: Slot) -> None:
        slot.process = Process(slot.name, watch=partial(self._step, slot))
        self.loop.spawn(slot.process, slot.work(slot)).add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        """A process ends by itself only by a defect."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self.watchman.broken = self.watchman.broken or f"a process broke: {error!r}"

    def _work_of(self, name: str) -> Callable[[Slot], Coroutine[Any, Any, None]]:
        kind = name.partition("-")[0]
        return {"worker": self._worker, "relay": self._relay, "client": self._client}[kind]

    async def _worker(self, slot: Slot) -> None:
        pools = ("gpu",) if slot.name == SLOTS[2] else ("default", "gpu")
        while True:
            slot.running = worker = Worker(self.bus, pools)
            await worker.serve()
            await asyncio.sleep(_PAUSE)

    async def _relay(self, slot: Slot) -> None:
        """Lead the relay whenever that can be had, and tidy up as it does."""
        while True:
            try:
                async with await self._connected("sark-relay") as link:
                    await self._lead(link)
            except _AWAY:
                await asyncio.sleep(_PAUSE)

    async def _connected(self, name: str) -> Any:
        """Return a connection that the engine takes for psycopg's."""
        return await self.server.connect(name)

    async def _lead(self, link: Any) -> None:
        session = await leases.lead(link, "relay")
        rung = asyncio.Event()
        async with await self._connected("sark-intake") as other:
            door: Any = Door(Starts(other))
            relay = Relay(session, door, self.bus)
            with self.bus.hearing({RELAY: rung.set}):
                while True:
                    rung.clear()
                    while await relay.follow():
                        pass
                    async with session.turn() as connection:
                        await inbox.sweep(connection)
                        await events.sweep(connection)
                    await _first(rung, 2.0)

    async def _client(self, slot: Slot) -> None:
        """Start the load, each run again under its id until it is acknowledged."""
        for number, kind in enumerate(self.plan.load, 1):
            identity = UUID(int=number)
            await self._insist(partial(self._start, identity, kind))
            self.acknowledged.append(identity)
            self.bus.ring_pool(RUNS)
            await asyncio.sleep(self.chance.duration())

    async def _start(self, identity: UUID, kind: str) -> None:
        async with await self._connected("sark-intake") as link:
            await Starts(link).write(1, [_run(identity, kind, 1)])

    async def _cancel(self, number: int) -> None:
        async with await self._connected("sark-client") as link:
            told = await runs.cancel(link, UUID(int=number), {"by": "ann", "reason": ""})
            if told is not None and told[0] is not None:
                self.bus.ring_worker(told[0])

    async def _insist(self, ask: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while True:
            try:
                return await ask()
            except _AWAY:
                await asyncio.sleep(_PAUSE)

    def _arm(self, fault: Fault) -> None:
        """Let a fault happen when its step or its second comes; the wire sees to the others."""
        match fault.kind:
            case "kill" | "freeze":
                self.slots[fault.target].faults[int(fault.at)] = fault
            case "restart":
                self.loop.outside(fault.at, self.server.restart, fault.span)
            case "flush":
                self.loop.outside(fault.at, self.bus.flush)
            case "cancel":
                number = int(fault.target.partition("-")[2])
                client = self.slots["client"].process
                asking = partial(self._cancel, number)
                self.loop.outside(fault.at, lambda: self.loop.spawn(client, self._insist(asking)))
            case "drain":
                self.loop.outside(fault.at, self._drain, self.slots[fault.target])

    def _step(self, slot: Slot) -> None:
        """Count a step of a slot, and let happen what was to happen at it."""
        slot.steps += 1
        fault = slot.faults.get(slot.steps)
        if fault is None or self.loop.time() > _LAST_FAULT:
            return
        self.server.trace.append((self.loop.time(), slot.name, str(fault)))
        if fault.kind == "freeze":
            self.loop.freeze(slot.process, fault.span)
        else:
            slot.process.is_dead = True
            for link in self.server.links.pop(slot.process, []):
                link.lose()
            self.loop.outside(_PAUSE, self._begin, slot)

    def _drain(self, slot: Slot) -> None:
        worker = slot.running
        if isinstance(worker, Worker) and not slot.process.is_dead:
            self.loop.inside(slot.process, worker.stop)

    def _clear(self) -> None:
        """End every task, those of the dead as well: nothing of a world stays behind."""
        self.server.is_over = True
        self.loop.bury()


def _run(identity: UUID, workflow: str, chain: int) -> NewRun:
    trigger: Json = {"id": "manual", "type": "manual", "event": {}}
    digest = plans()[workflow].digest
    return NewRun(identity, NAMESPACE, workflow, "", "", digest, trigger, {}, chain=chain)


async def _first(rung: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await rung.wait()
    except TimeoutError:
        pass


@cache
def _settings(pools: tuple[str, ...]) -> Settings:
    told = WorkerSettings.model_validate(
        {"pools": pools, "lease": "6s", "sweep": "2s", "grace": "3s"}
    )
    return Settings(database_url="postgresql://simulated", worker=told)
