"""Owners and their runs for the tests of the heart: small operations, plans by hand, one loop."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from uuid_utils.compat import uuid7

from adapters.contract import Call, ErrorClass, Failed, Json, Manifest, Outcome, Succeeded
from engine.artifacts import Artifacts
from engine.broker import Rings
from engine.core import codec
from engine.core.plan import Edge, Effect, Plan, Pool, Retry, Step, Uses
from engine.executor import Executor
from engine.guard import Guard
from engine.owner import Owner
from engine.performer import Performer
from engine.store import journal, plans, workers
from engine.store.handouts import Served
from engine.store.plans import StoredPlan
from engine.store.pool import OWNER, Connection, connect
from engine.store.starts import NewRun, Starts
from policies.facts import Action, Actor, Resource, Verdict
from tests.core.runs import edge, scope, step

PATIENCE = 60.0


def manifest(name: str) -> Manifest:
    return Manifest(name, name, {"type": "object"}, {"type": "object"}, "pure", True, ())


class Say:
    """Answers at once with its arguments."""

    manifest = manifest("echo.say@1")

    async def invoke(self, call: Call) -> Outcome:
        return Succeeded(call.arguments)


@dataclass
class Gate:
    """Answers when its step is let through; knows which attempts came and which were cancelled."""

    manifest: Manifest = field(default_factory=lambda: manifest("test.gate@1"))
    came: list[tuple[str, int]] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def invoke(self, call: Call) -> Outcome:
        self.came.append((call.step, call.attempt))
        self.arrived.set()
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.cancelled.append(call.step)
            raise
        return Succeeded({"step": call.step})


@dataclass
class Flaky:
    """Fails the first `failures` attempts of each step, and keeps when each was made."""

    failures: int = 1
    manifest: Manifest = field(default_factory=lambda: manifest("test.flaky@1"))
    made: list[datetime] = field(default_factory=list)

    async def invoke(self, call: Call) -> Outcome:
        self.made.append(datetime.now(UTC))
        if call.attempt <= self.failures:
            return Failed("test.flaky", "not yet", ErrorClass.TRANSIENT)
        return Succeeded({})


@dataclass
class Asks:
    """Calls a function with each call and answers with what it gives."""

    ask: Callable[[Call], Json]
    manifest: Manifest = field(default_factory=lambda: manifest("test.ask@1"))

    async def invoke(self, call: Call) -> Outcome:
        return Succeeded({"answer": await asyncio.to_thread(self.ask, call)})


class Allow:
    """A policy that allows everything."""

    def decide(self, actor: Actor, action: Action, resource: Resource) -> Verdict:
        return Verdict(True)


class NoSecrets:
    """Keeps none."""

    def value(self, namespace: str, name: str) -> str:
        return f"{namespace}.{name}"

    def mask(self, text: str) -> str:
        return text


def executor(
    *operations: Any, guard: Guard | None = None, folder: Path = Path("/nowhere"),
    secrets: Any = None,
) -> Executor:  # fmt: skip
    every = (Say(), *operations)
    found = {each.manifest.name: each for each in every}
    return Executor(found, Allow(), secrets or NoSecrets(), Artifacts(folder), guard=guard)


def calls(operation: str, *, repeatable: bool = True, **arguments: Json) -> Uses:
    return Uses(operation, arguments, Effect.PURE if repeatable else Effect.WRITE, repeatable)


def pooled(
    name: str, *after: Edge, operation: str = "test.gate@1", repeatable: bool = True,
    terms: Pool | None = None, pool: str = "gpu", arguments: Mapping[str, Json] | None = None,
    **more: object,
) -> Step:  # fmt: skip
    """Return a step that workers of a pool make."""
    verb = calls(operation, repeatable=repeatable, **(arguments or {}))
    return step(name, *after, verb=verb, pool=pool, terms=terms or Pool(), **more)


def plan(*steps: Step, name: str = "demo") -> Plan:
    return sealed(Plan(name, f"{name}.yaml", {"type": "object"}, scope(*steps)))


def diamond() -> Plan:
    return plan(
        step("a"), step("b", edge(0)), step("c", edge(0)), step("d", edge(1), edge(2))
    )  # fmt: skip


def sealed(made: Plan) -> Plan:
    text = str(codec.encode(made)).encode()
    return replace(made, digest=hashlib.sha256(text).hexdigest())


def one(operation: str, *, repeatable: bool = True, retry: Retry | None = None) -> Plan:
    """Return a plan of a single step `a`."""
    verb = calls(operation, repeatable=repeatable)
    return plan(step("a", verb=verb, retry=retry or Retry()))


@dataclass
class House:
    """A database with a connection of the test's own."""

    url: str
    connection: Connection

    @cached_property
    def starts(self) -> Starts:
        return Starts(self.connection)

    async def keep(self, made: Plan) -> None:
        await plans.insert(self.connection, [StoredPlan(made.digest, 1, codec.encode(made))])

    async def start(self, made: Plan, count: int = 1, **more: Any) -> list[UUID]:
        """Start runs of a plan and return their ids."""
        await self.keep(made)
        return await self.start_digest(made.digest, count, **more)

    async def start_digest(
        self, digest: str, count: int = 1, inputs: Json = None, **more: Any
    ) -> list[UUID]:
        trigger: Json = {"id": "manual", "type": "manual", "event": {}}
        new = [
            NewRun(uuid7(), "local", "demo", "", "c0ffee", digest, trigger, inputs or {}, **more)
            for _ in range(count)
        ]
        assert await self.starts.write(1, new) is not None
        return [each.id for each in new]

    async def row(self, run: UUID) -> Mapping[str, Any]:
        cursor = await self.connection.execute(
            "SELECT status, flags, error, outputs, owner, lost, wake_at, due_at, cancel, ended_at"
            " FROM runs WHERE id = %s",
            (run,),
        )
        found = await cursor.fetchone()
        assert found is not None
        names = [each.name for each in cursor.description or ()]
        return dict(zip(names, found, strict=True))

    async def until(self, run: UUID, *statuses: str, patience: float = PATIENCE) -> str:
        """Wait until a run has one of these statuses and return it."""
        async with asyncio.timeout(patience):
            while (status := str((await self.row(run))["status"])) not in statuses:
                await asyncio.sleep(0.01)
        return status

    async def history(self, run: UUID) -> list[tuple[str, str, int]]:
        """Return kind, path and attempt of each row of a run's journal, checked for gaps."""
        rows = await journal.read(self.connection, run)
        assert [each.seq for each in rows] == list(range(1, len(rows) + 1))
        return [(each.kind, each.path, each.attempt) for each in rows]

    async def declare_dead(self, *ids: int) -> None:
        """End workers as a sweep does that has heard nothing of them for a whole lease."""
        await workers.terminate(self.connection, ids)
        async with self.connection.transaction():
            await workers.bury(self.connection, ids)

    async def age(self, run: UUID, by: timedelta) -> None:
        """Make a run's time come earlier."""
        await self.connection.execute(
            "UPDATE runs SET due_at = due_at - %s WHERE id = %s", (by, run)
        )


@dataclass
class Serving:
    """An owner that serves in a task."""

    owner: Owner
    connection: Connection
    task: asyncio.Task[None]

    @property
    def id(self) -> int:
        return self.owner.worker

    async def stop(self) -> None:
        """End it as a process ends that is killed: nothing is said, the connection is gone."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.connection.close()


@asynccontextmanager
async def house(url: str) -> AsyncIterator[House]:
    async with await connect(url, "test") as connection:
        yield House(url, connection)


@asynccontextmanager
async def owning(
    url: str, *operations: Any, capacity: int = 2000,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC), hears: bool = False,
    made: Executor | None = None, bell: Rings | None = None,
) -> AsyncIterator[Serving]:  # fmt: skip
    """Give an owner that looks for runs all the time, as a sweep and hints make it.

    One that `hears` also looks for what they are told.
    """
    async with AsyncExitStack() as stack:
        connection = await stack.enter_async_context(await connect(url, OWNER, plan_once=True))
        worker = await workers.register(connection, "default", "test", 1)
        how = made or executor(*operations)
        owner = Owner(connection, worker, "default", how, capacity, clock, bell)
        task, ringing = asyncio.create_task(owner.serve()), asyncio.create_task(_ring(owner, hears))
        try:
            yield Serving(owner, connection, task)
        finally:
            ringing.cancel()
            task.cancel()
            await asyncio.gather(task, ringing, return_exceptions=True)


@dataclass
class Performing:
    """A worker that makes attempts of pools in a task."""

    id: int
    performer: Performer
    connection: Connection
    task: asyncio.Task[None]


@asynccontextmanager
async def performing(
    url: str, *operations: Any, pools: Sequence[str] | None = ("gpu",), room: int = 100,
    labels: Mapping[str, str] | None = None, made: Executor | None = None,
    wait_ms: int | None = None,
) -> AsyncIterator[Performing]:  # fmt: skip
    """Give a worker that serves pools and owns no runs; it looks for work all the time.

    It waits `wait_ms` for a lock of PostgreSQL, as usual without.
    """
    async with AsyncExitStack() as stack:
        fence = await stack.enter_async_context(await connect(url, OWNER))
        connection = await stack.enter_async_context(await connect(url, "performer"))
        if wait_ms is not None:
            await connection.execute(f"SET lock_timeout = {wait_ms}".encode())
        served = Served(pools, labels)
        worker = await workers.register(fence, "", "test", 1, served)
        how = made or executor(*operations)
        performer = Performer(connection, worker, served, how, room)
        task = asyncio.create_task(performer.serve())
        ringing = asyncio.create_task(_ring_performer(performer))
        try:
            yield Performing(worker, performer, fence, task)
        finally:
            ringing.cancel()
            task.cancel()
            said, _ = await asyncio.gather(task, ringing, return_exceptions=True)
            if isinstance(said, Exception) and not isinstance(said, psycopg.Error):
                raise said


async def _ring_performer(performer: Performer) -> None:
    while True:
        performer.attend()
        performer.look()
        await asyncio.sleep(0.02)


async def _ring(owner: Owner, hears: bool) -> None:
    while True:
        owner.attend()
        if hears:
            owner.look()
        await asyncio.sleep(0.02)


def statuses(history: Sequence[tuple[str, str, int]]) -> list[str]:
    return [kind for kind, _, _ in history]
