"""`sark controller`: the duties that one process leads, each by its own lock in PostgreSQL."""

import asyncio
import logging
import random
import signal
from collections.abc import Sequence
from pathlib import Path

import dramatiq
import psycopg
import uvloop
from dramatiq.worker import Worker as Consumers

from engine import operations
from engine.broker import HintBroker
from engine.errors import Misconfigured, Unavailable
from engine.git.address import check_ref, check_url
from engine.reconcile import Reconciler
from engine.settings import Settings, Source
from engine.store import leases, sources
from engine.store.pool import Connection, connect

_LOG = logging.getLogger("sark.controller")
_DUTY = "reconcile"
_SHORTEST_PAUSE = 5.0
_LONGEST_PAUSE = 300.0


def run_controller(settings: Settings) -> None:
    """Lead until SIGTERM or SIGINT; raise Misconfigured for a source that may not be named."""
    for source in settings.sources:
        check_url(source.url)
        check_ref(source.ref)
    uvloop.run(_Controller(settings).serve())


class _Controller:
    """One leader at a time; a second controller waits for the lock of the first."""

    def __init__(self, settings: Settings) -> None:
        if settings.database_url is None:
            raise Misconfigured("SARK_DATABASE_URL is not set; `sark up` brings its own PostgreSQL")
        self._url = settings.database_url
        self._settings = settings
        self._wakes = {source.name: asyncio.Event() for source in settings.sources}
        self._stopped = asyncio.Event()

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, self._stopped.set)
        consumers = self._listen() if self._settings.redis_url else None
        stopped = asyncio.create_task(self._stopped.wait())
        while not self._stopped.is_set():
            leading = asyncio.create_task(self._lead())
            await asyncio.wait({leading, stopped}, return_when=asyncio.FIRST_COMPLETED)
            leading.cancel()
            (ended,) = await asyncio.gather(leading, return_exceptions=True)
            if isinstance(ended, psycopg.Error | Unavailable | OSError):
                _LOG.warning("the controller lost PostgreSQL: %s", ended)
                await asyncio.sleep(0.5 + random.random())  # nosec B311 - a pause, no secret
            elif isinstance(ended, Exception):
                raise ended
        if consumers is not None:
            await asyncio.to_thread(consumers.stop, 100)

    def _listen(self) -> Consumers:
        """Hear which source wants to be looked at."""
        assert self._settings.redis_url is not None
        loop, broker = asyncio.get_running_loop(), HintBroker(self._settings.redis_url)

        def sync(source: str) -> None:
            loop.call_soon_threadsafe(self._wake, source)

        dramatiq.actor(actor_name="sync", queue_name="controller", broker=broker)(sync)
        consumers = Consumers(broker, worker_timeout=1000, worker_threads=1)
        consumers.start()
        return consumers

    def _wake(self, source: str) -> None:
        if source in self._wakes:
            self._wakes[source].set()

    async def _lead(self) -> None:
        """Wait to be the leader, then watch every source until the connection is lost."""
        manifests = operations.catalogue(self._settings.adapters)
        mirrors = self._settings.state / "mirrors"
        async with await connect(self._url, "leader") as lead:
            await leases.lead(lead, _DUTY)
            _LOG.info("this controller leads; it watches %d sources", len(self._settings.sources))
            async with asyncio.TaskGroup() as group:
                group.create_task(leases.hold(lead))
                for source in self._settings.sources:
                    watched = Reconciler(source, manifests, mirrors)
                    group.create_task(self._watch(watched, self._wakes[source.name]))

    async def _watch(self, reconciler: Reconciler, wake: asyncio.Event) -> None:
        """Look at a source when it was told of, when its files change, and at each interval."""
        source, pause = reconciler.source, _SHORTEST_PAUSE
        async with await connect(self._url, "reconcile") as connection:
            await sources.declare(connection, _declared(source))
            while True:
                wake.clear()
                if await self._look(reconciler, connection):
                    pause = _SHORTEST_PAUSE
                    await self._rest(source, wake, source.interval.total_seconds())
                else:
                    await self._rest(source, wake, pause * random.random())  # nosec B311
                    pause = min(pause * 2, _LONGEST_PAUSE)

    async def _look(self, reconciler: Reconciler, connection: Connection) -> bool:
        """Look until no request is left over; a burst of requests costs one look more."""
        while True:
            rested = await reconciler.look(connection)
            row = await sources.read(connection, reconciler.source.name)
            if not rested or row is None or row.handled >= row.wanted:
                return rested

    async def _rest(self, source: Source, wake: asyncio.Event, span: float) -> None:
        """Wait for a ring, for the files of a local repository, or for the interval to pass."""
        loop = asyncio.get_running_loop()
        until = loop.time() + span * (0.9 + random.random() / 5)  # nosec B311
        signs = _signs(source)
        before = _seen(signs)
        step = self._settings.controller.watch.total_seconds()
        while (left := until - loop.time()) > 0:
            try:
                await asyncio.wait_for(wake.wait(), min(left, step) if signs else left)
                return
            except TimeoutError:
                if signs and _seen(signs) != before:
                    return


def _declared(source: Source) -> dict[str, str]:
    told = source.model_dump(include={"name", "namespace", "environment", "url", "ref", "root"})
    return {key: str(value) for key, value in told.items()}


def _signs(source: Source) -> Sequence[Path]:
    """Return the files whose change says that a local repository's ref has moved."""
    if check_url(source.url) != "file":
        return ()
    path = Path(source.url)
    folder = path / ".git" if (path / ".git").is_dir() else path
    return (folder / source.ref, folder / "packed-refs")


def _seen(signs: Sequence[Path]) -> list[tuple[int, int]]:
    told = []
    for sign in signs:
        try:
            found = sign.stat()
            told.append((found.st_mtime_ns, found.st_ino))
        except OSError:
            told.append((0, 0))
    return told
