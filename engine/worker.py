"""`sark worker`: one process, one owner, woken by Dramatiq, kept honest by the sweep."""

import asyncio
import logging
import os
import random
import signal
import socket
from contextlib import suppress
from uuid import UUID

import dramatiq
import psycopg
import uvloop
from dramatiq.worker import Worker as Consumers

from engine.broker import HintBroker
from engine.errors import Misconfigured, Unavailable
from engine.executor import Executor
from engine.operations import open_operations
from engine.owner import Owner
from engine.secrets import Secrets
from engine.settings import Settings
from engine.store import turns, workers
from engine.store.pool import Connection, connect
from engine.telemetry import METRICS
from policies.authorizer import Authorizer

_LOG = logging.getLogger("sark.worker")
_LONGEST_PAUSE = 5.0
_LOST = (psycopg.Error, Unavailable, OSError)


def run_worker(settings: Settings) -> None:
    """Own and advance runs until SIGTERM or SIGINT; raise Misconfigured without a database."""
    uvloop.run(WorkerProcess(settings).serve())


class WorkerProcess:
    """An owner that is made anew whenever its connection or its fence is lost."""

    def __init__(self, settings: Settings) -> None:
        if settings.database_url is None:
            raise Misconfigured("SARK_DATABASE_URL is not set; `sark up` brings its own PostgreSQL")
        self._url = settings.database_url
        self._settings = settings
        self._pool = settings.worker.pool
        self._lease = settings.worker.lease
        self._owner: Owner | None = None
        self._stopping = False
        self._stopped = asyncio.Event()

    async def serve(self) -> None:
        """Serve until a signal, then drain within the grace that the settings give."""
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, self._stop)
        broker = HintBroker(self._settings.redis_url) if self._settings.redis_url else None
        hints = _Hints(broker, self._pool, self._ring, self._look) if broker else None
        async with open_operations(self._settings.adapters) as operations:
            executor = Executor(operations, Authorizer(), Secrets(self._settings))
            pause = 0.1
            while not self._stopping:
                try:
                    await self._own(executor, hints)
                    pause = 0.1
                except _LOST as error:
                    _LOG.warning("the connection to PostgreSQL is lost: %s", _first(error))
                    await asyncio.sleep(pause * random.random())  # nosec B311 - a pause, no secret
                    pause = min(pause * 2, _LONGEST_PAUSE)
        if hints is not None:
            await asyncio.to_thread(hints.stop)

    async def _own(self, executor: Executor, hints: "_Hints | None") -> None:
        """Be one worker from registration to the end of its connection."""
        connection = await connect(self._url, "owner")
        side = await connect(self._url, "sweep")
        async with connection, side:
            worker = await workers.register(
                connection, self._pool, socket.gethostname(), os.getpid()
            )
            _LOG.info("worker %s serves pool %s", worker, self._pool)
            self._owner = owner = Owner(
                connection, worker, self._pool, executor, self._settings.worker.capacity
            )
            if hints is not None:
                hints.listen(worker)
            owner.attend()
            duties = asyncio.create_task(self._sweep(side, owner))
            serving = asyncio.create_task(owner.serve())
            try:
                await asyncio.wait({duties, serving}, return_when=asyncio.FIRST_COMPLETED)
                for each in (serving, duties):
                    if each.done():
                        each.result()
            except turns.Fenced:
                METRICS.fenced.inc()
                _LOG.warning("worker %s was declared dead; it begins anew", worker)
            finally:
                self._owner = None
                for each in (duties, serving):
                    each.cancel()
                await asyncio.gather(duties, serving, return_exceptions=True)
                with suppress(*_LOST):
                    await workers.leave(side, worker)

    async def _sweep(self, side: Connection, owner: Owner) -> None:
        """Beat, bury the dead, and look for work that no hint told of."""
        period = self._settings.worker.sweep.total_seconds()
        while True:
            await asyncio.sleep(period * (0.75 + random.random() / 2))  # nosec B311
            await workers.beat(side, owner.worker)
            async with side.transaction():
                for dead in await workers.bury(side, owner.worker, self._lease):
                    METRICS.buried.inc()
                    _LOG.warning("worker %s is dead; its runs go to others", dead)
            owner.attend()

    def _stop(self) -> None:
        """Drain; what has not ended when the grace is over is handed to the next owner."""
        if self._stopping:
            return
        self._stopping = True
        if self._owner is not None:
            self._owner.drain()
        grace = self._settings.worker.grace.total_seconds()
        asyncio.get_running_loop().call_later(grace, self._abandon)

    def _abandon(self) -> None:
        if self._owner is not None:
            self._owner.abandon()

    def _ring(self) -> None:
        if self._owner is not None:
            self._owner.attend()

    def _look(self, runs: list[str]) -> None:
        if self._owner is not None:
            with suppress(ValueError):
                self._owner.look([UUID(each) for each in runs])


class _Hints:
    """Dramatiq's own worker threads, whose actors only ring the event loop."""

    def __init__(self, broker: HintBroker, pool: str, ring: object, look: object) -> None:
        loop = asyncio.get_running_loop()
        self._broker = broker
        self._look = look
        self._loop = loop
        self._consumers: Consumers | None = None
        self._declare("attend", f"pool.{pool}", ring)

    def listen(self, worker: int) -> None:
        """Hear what is told to this worker by its id, too."""
        if self._consumers is not None:
            self._consumers.stop(timeout=100)
        self._declare("look", f"worker.{worker}", self._look)
        self._consumers = Consumers(self._broker, worker_timeout=1000, worker_threads=1)
        self._consumers.start()

    def stop(self) -> None:
        if self._consumers is not None:
            self._consumers.stop(timeout=100)
        self._broker.close()

    def _declare(self, name: str, queue: str, call: object) -> None:
        loop = self._loop

        def hint(*words: object) -> None:
            loop.call_soon_threadsafe(call, *words)  # type: ignore[arg-type]

        self._broker.actors.pop(name, None)
        dramatiq.actor(actor_name=name, queue_name=queue, broker=self._broker)(hint)


def _first(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
