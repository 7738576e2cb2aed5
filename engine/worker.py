"""`sark worker`: one process, one owner, woken by Dramatiq, kept honest by the sweep."""

import asyncio
import logging
import os
import random
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import psycopg
import uvloop

from engine.artifacts import Artifacts, tidy
from engine.broker import Bell, HintBroker
from engine.errors import Misconfigured, Unavailable
from engine.executor import Executor
from engine.guard import guarding
from engine.hints import Hints
from engine.operations import open_operations
from engine.owner import Owner
from engine.scratch import clear, nest
from engine.secrets import Secrets
from engine.settings import Settings
from engine.store import workers
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
            operations, Authorizer(), Secrets(settings), artifacts, scratch, guard=guard
        )
        worker = WorkerProcess(settings, executor)
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, worker.stop)
        tidying = asyncio.create_task(tidy(artifacts))
        try:
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
        self._owner: Owner | None = None
        self._serving: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._bell = Bell(HintBroker(self._redis_url)) if self._redis_url else None

    def stop(self) -> None:
        """Drain; what has not ended when the grace is over is handed to the next owner."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        if self._owner is not None:
            self._owner.drain()
        loop, grace = asyncio.get_running_loop(), self._settings.grace.total_seconds()
        loop.call_later(grace, self._abandon)
        loop.call_later(grace + _HANDING_BACK_SECONDS, self._give_up)

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
            owner = Owner(
                connection,
                worker,
                self._settings.pool,
                self._executor,
                self._settings.capacity,
                relay=self._bell.ring_relay if self._bell is not None else lambda: None,
            )
            await stack.enter_async_context(self._listening(owner))
            sweep = Sweep(side, owner, self._settings.sweep, self._settings.lease)
            self._owner = owner
            owner.attend()
            try:
                await self._run(owner, sweep)
            finally:
                self._owner = None

    async def _run(self, owner: Owner, sweep: Sweep) -> None:
        """Let the owner and its sweep work until either ends; raise what ended it."""
        self._serving = asyncio.create_task(owner.serve())
        both = {self._serving, asyncio.create_task(sweep.serve())}
        if self._stopping.is_set():
            owner.drain()
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
        pool = self._settings.pool
        worker = await workers.register(connection, pool, socket.gethostname(), os.getpid())
        _LOG.info("worker %s serves pool %s", worker, pool)
        try:
            yield worker
        finally:
            with suppress(*_LOST):
                await connection.close()
                async with side.transaction():
                    buried = await workers.bury(side, [worker])
                METRICS.fenced.inc(not buried)

    @asynccontextmanager
    async def _listening(self, owner: Owner) -> AsyncIterator[None]:
        """Hear hints, if there is a Redis to send them."""
        if self._redis_url is None:
            yield
            return
        hints = Hints(self._redis_url)
        hints.listen(self._settings.pool, owner.worker, owner.attend, owner.look)
        try:
            yield
        finally:
            await asyncio.to_thread(hints.close)

    def _abandon(self) -> None:
        if self._owner is not None:
            self._owner.abandon()

    def _give_up(self) -> None:
        if self._serving is not None:
            self._serving.cancel()


def _first(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
