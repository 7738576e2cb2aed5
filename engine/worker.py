"""`sark worker`: one process, one owner, woken by Dramatiq, kept honest by the sweep."""

import asyncio
import logging
import os
import random
import signal
import socket
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import psycopg
import uvloop

from engine import epoch
from engine.artifacts import Artifacts, tidy
from engine.broker import EVERY, RUNS, Bell, HintBroker
from engine.clock import Clock
from engine.cycles import look_seldom
from engine.errors import Misconfigured, Unavailable
from engine.executor import Executor
from engine.guard import guarding
from engine.health import Health, of_broker
from engine.hints import Hints
from engine.logs import log_to_stderr
from engine.operations import open_operations
from engine.owner import Owner
from engine.performer import Performer
from engine.probe import probing
from engine.scratch import clear, nest
from engine.secrets import Secrets
from engine.settings import Settings, Worker
from engine.store import schedules, workers
from engine.store.handouts import NOTHING, Served
from engine.store.pool import OWNER, Connection, connect
from engine.sweep import Fenced, Sweep
from engine.telemetry import METRICS
from policies.authorizer import Authorizer

_LOG = logging.getLogger("sark.worker")
_SHORTEST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
# How long an owner may take to hand its runs back once its grace is over.
_HANDING_BACK_SECONDS = 3.0
_LOST = (psycopg.Error, Unavailable, OSError)


def run_worker(settings: Settings) -> None:
    """Own and advance runs until SIGTERM or SIGINT.

    Raise Misconfigured without a database, or where attempts can have no folders.
    """
    look_seldom()
    log_to_stderr()
    uvloop.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    if settings.database_url is None:
        raise Misconfigured("SARK_DATABASE_URL is not set; `sark up` brings its own PostgreSQL")
    async with (
        _nesting(settings.worker.scratch) as scratch,
        open_operations(settings.adapters, settings.database_url) as operations,
        guarding(settings.database_url) as guard,
    ):
        artifacts = Artifacts(settings.artifact_folder)
        executor = Executor(
            operations,
            Authorizer(),
            Secrets(settings),
            artifacts,
            scratch,
            guard=guard,
            history=settings.history.kept,
        )
        worker = WorkerProcess(settings, executor)
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, worker.stop)
        tidying = asyncio.create_task(tidy(artifacts))
        try:
            async with probing(settings, "worker", worker.health):
                await worker.serve()
        finally:
            tidying.cancel()


@asynccontextmanager
async def _nesting(place: Path | None) -> AsyncIterator[Path]:
    """Hold a folder for attempts, and meanwhile remove those of workers that have died."""
    with nest(place) as folder:
        clearing = asyncio.create_task(asyncio.to_thread(clear, place))
        yield folder
        await clearing


class WorkerProcess:
    """An owner that is made anew whenever its connection or its fence is lost."""

    def __init__(self, settings: Settings, executor: Executor) -> None:
        if settings.database_url is None:
            raise Misconfigured("SARK_DATABASE_URL is not set; `sark up` brings its own PostgreSQL")
        self._url = settings.database_url
        self._redis_url = settings.redis_url
        self._settings = settings.worker
        self._executor = executor
        self._served = served(settings.worker)
        self._owns = owns_runs(settings.worker)
        self._owner: Owner | None = None
        self._performer: Performer | None = None
        self._serving: asyncio.Task[None] | None = None
        self._sweep: Sweep | None = None
        self._stopping = asyncio.Event()
        self._broker = HintBroker(self._redis_url) if self._redis_url else None
        self._bell = Bell(self._broker) if self._broker is not None else None

    def stop(self) -> None:
        """Drain; what has not ended when the grace is over is handed to the next owner."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._drain()
        loop, grace = asyncio.get_running_loop(), self._settings.grace.total_seconds()
        loop.call_later(grace, self._abandon)
        loop.call_later(grace + _HANDING_BACK_SECONDS, self._give_up)

    async def health(self) -> Health:
        """Return how it is: unready where it has no word from PostgreSQL, or is about to stop."""
        database, sweep = "", self._sweep
        if sweep is None:
            database = "PostgreSQL does not answer"
        elif sweep.silence > self._settings.lease.total_seconds():
            database = f"PostgreSQL has not answered for {sweep.silence:.0f} s"
        leaving = "the worker is about to stop" if self._stopping.is_set() else ""
        return Health(
            {"database": database, "worker": leaving}, {"broker": await of_broker(self._broker)}
        )

    async def serve(self) -> None:
        """Serve until stopped, across every loss of PostgreSQL and every fence."""
        loop, pause = asyncio.get_running_loop(), _SHORTEST_PAUSE
        while not self._stopping.is_set():
            began = loop.time()
            try:
                await self._own()
            except Fenced as fenced:
                _LOG.warning("%s; it begins anew as another", fenced)
            except _LOST as error:
                _LOG.warning("PostgreSQL was lost: %s", _first(error))
                if loop.time() - began > _LONGEST_PAUSE:
                    pause = _SHORTEST_PAUSE
                with suppress(TimeoutError):
                    span = pause * (0.5 + random.random())  # nosec B311 - a pause, no secret
                    await asyncio.wait_for(self._stopping.wait(), span)
                pause = min(pause * 2, _LONGEST_PAUSE)

    async def _own(self) -> None:
        """Be one worker, from its registration until it is drained, fenced or cut off."""
        async with AsyncExitStack() as stack:
            connection = await stack.enter_async_context(
                await connect(self._url, OWNER, plan_once=True)
            )
            side = await stack.enter_async_context(await connect(self._url, "sweep"))
            worker = await stack.enter_async_context(self._registered(connection, side))
            capacity = self._settings.capacity if self._owns else 0
            clock = Clock(await schedules.now(side))
            owner = Owner(connection, worker, RUNS, self._executor, capacity, clock, self._bell)
            performer = await self._performing(stack, owner)
            await stack.enter_async_context(self._listening(owner, performer))
            told = self._settings
            sweep = Sweep(side, owner, clock, told.sweep, told.lease, performer)
            self._owner, self._performer, self._sweep = owner, performer, sweep
            owner.attend()
            try:
                await self._run(owner, performer, sweep)
            finally:
                self._owner = self._performer = self._sweep = None

    async def _performing(self, stack: AsyncExitStack, owner: Owner) -> Performer | None:
        """Return what makes attempts of pools, if this worker serves any."""
        if self._served.pools == ():
            return None
        connection = await stack.enter_async_context(await connect(self._url, "performer"))
        return Performer(
            connection, owner.worker, self._served, self._executor, self._settings.steps,
            self._bell, owner.look,
        )  # fmt: skip

    async def _run(self, owner: Owner, performer: Performer | None, sweep: Sweep) -> None:
        """Let all of them work until the owner and the performer have ended; raise what ends one.

        The sweep never ends but by that.
        """
        working = [owner.serve()] if performer is None else [owner.serve(), performer.serve()]
        self._serving = asyncio.create_task(_all(working))
        both = {self._serving, asyncio.create_task(sweep.serve())}
        if self._stopping.is_set():
            self._drain()
        done, rest = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for each in rest:
            each.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        for each in done:
            if not each.cancelled():
                each.result()

    @asynccontextmanager
    async def _registered(self, connection: Connection, side: Connection) -> AsyncIterator[int]:
        """Be a worker; at the end what it still owns goes to others at once."""
        host, pid, runs = socket.gethostname(), os.getpid(), RUNS if self._owns else ""
        await epoch.enter(side)
        worker = await workers.register(connection, runs, host, pid, self._served)
        pools = self._settings.pools
        _LOG.info("worker %s serves %s", worker, ", ".join(pools or (RUNS,)))
        try:
            yield worker
        finally:
            with suppress(*_LOST):
                await connection.close()
                async with side.transaction():
                    buried = await workers.bury(side, [worker])
                METRICS.fenced.inc(not buried)

    @asynccontextmanager
    async def _listening(self, owner: Owner, performer: Performer | None) -> AsyncIterator[None]:
        """Hear hints, if there is a Redis to send them."""
        if self._redis_url is None:
            yield
            return
        hints = Hints(HintBroker(self._redis_url))
        runs, pools = RUNS if self._owns else "", self._served.pools
        if performer is None:
            hints.listen(runs, owner.worker, owner.attend, owner.look)
        else:
            serving = (EVERY,) if pools is None else pools

            def look() -> None:
                owner.look()
                performer.look()

            hints.listen(runs, owner.worker, owner.attend, look, performer.attend, serving)
        try:
            yield
        finally:
            await asyncio.to_thread(hints.close)

    def _drain(self) -> None:
        for each in (self._owner, self._performer):
            if each is not None:
                each.drain()

    def _abandon(self) -> None:
        for each in (self._owner, self._performer):
            if each is not None:
                each.abandon()

    def _give_up(self) -> None:
        if self._serving is not None:
            self._serving.cancel()


def owns_runs(told: Worker) -> bool:
    """True if a worker owns runs, and does not only make attempts of pools."""
    return told.pools is None or RUNS in told.pools or EVERY in told.pools


def served(told: Worker) -> Served:
    """Return what a worker takes of the work of pools."""
    if told.pools is None:
        return NOTHING
    if EVERY in told.pools:
        return Served(None, told.labels)
    pools = tuple(each for each in told.pools if each != RUNS)
    return Served(told.pools if pools else (), told.labels or {})


async def _all(working: Iterable[Coroutine[None, None, None]]) -> None:
    """Do all of these until each has ended; where one raises, the others are cancelled."""
    tasks = [asyncio.create_task(each) for each in working]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for each in done:
        each.result()


def _first(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
