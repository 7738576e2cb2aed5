"""`sark controller`: duties that one process at a time leads, each by a lock in PostgreSQL."""

import asyncio
import logging
import random
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import dramatiq
import psycopg
import uvloop
from dramatiq.worker import Worker as Consumers

from engine.broker import HintBroker
from engine.errors import Misconfigured, Unavailable
from engine.git.address import check_ref, parse
from engine.git.tree import inside
from engine.lookout import LookoutDuty
from engine.reconcile.duty import ReconcileDuty
from engine.relay import RelayDuty
from engine.scheduler import SchedulerDuty
from engine.settings import Settings
from engine.store import leases
from engine.store.leases import Session
from engine.store.pool import connect
from policies.authorizer import Authorizer

_LOG = logging.getLogger("sark.controller")
_LOST = (psycopg.Error, Unavailable, OSError)
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 5.0


@dataclass(frozen=True, slots=True)
class Duty:
    """Something that one process does for all. `lead` ends when the session does, not before."""

    name: str
    lead: Callable[[Session], Awaitable[None]]


def run_controller(settings: Settings, duties: Sequence[Duty] = ()) -> None:
    """Lead the reconciler, and `duties` besides, until SIGTERM or SIGINT.

    Raise Misconfigured for a source that may not be named.
    """
    for source in settings.sources:
        parse(source.url)
        check_ref(source.ref)
        inside(source.root)
    uvloop.run(Controller(settings, duties).serve())


class Controller:
    """One leader a duty; a second controller waits for the locks of the first."""

    def __init__(self, settings: Settings, duties: Sequence[Duty] = ()) -> None:
        if settings.database_url is None:
            raise Misconfigured("SARK_DATABASE_URL is not set; `sark up` brings its own PostgreSQL")
        self._url = settings.database_url
        self._redis_url = settings.redis_url
        self._reconcile = ReconcileDuty(settings)
        policy = Authorizer()
        known = (
            Duty("reconcile", self._reconcile.lead),
            Duty("relay", RelayDuty(settings, policy).lead),
            Duty("scheduler", SchedulerDuty(settings, policy).lead),
            Duty("lookout", LookoutDuty(settings, policy).lead),
        )
        self._duties = (*known, *duties)
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Begin to stop; git commands that are under way end within half a second."""
        self._stopped.set()

    async def serve(self) -> None:
        """Serve until told to stop; losing PostgreSQL or a lock is no reason to."""
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, self.stop)
        consumers = self._listen(self._redis_url) if self._redis_url else None
        leading = [asyncio.create_task(self._keep(duty)) for duty in self._duties]
        stopped = asyncio.create_task(self._stopped.wait())
        await asyncio.wait({*leading, stopped}, return_when=asyncio.FIRST_COMPLETED)
        for task in (*leading, stopped):
            task.cancel()
        ended = await asyncio.gather(*leading, return_exceptions=True)
        self._reconcile.close()
        if consumers is not None:
            await asyncio.to_thread(consumers.stop, 100)
        for fault in ended:
            if isinstance(fault, Exception):
                raise fault

    async def _keep(self, duty: Duty) -> None:
        """Lead a duty whenever this process may, for as long as it lives."""
        pause = _FIRST_PAUSE
        while True:
            try:
                async with await connect(self._url, f"lead-{duty.name}") as connection:
                    session = await leases.lead(connection, duty.name)
                    _LOG.info("this controller leads %s", duty.name)
                    pause = _FIRST_PAUSE
                    await duty.lead(session)
            except* _LOST as lost:
                _LOG.warning("%s lost PostgreSQL: %s", duty.name, _first(lost))
            await asyncio.sleep(pause * random.random())  # nosec B311 - a pause, no secret
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _listen(self, redis_url: str) -> Consumers:
        """Hear which source wants to be looked at."""
        loop, broker = asyncio.get_running_loop(), HintBroker(redis_url)

        def sync(source: str) -> None:
            loop.call_soon_threadsafe(self._reconcile.wake, source)

        dramatiq.actor(actor_name="sync", queue_name="controller", broker=broker)(sync)
        consumers = Consumers(broker, worker_timeout=1000, worker_threads=1)
        consumers.start()
        return consumers


def _first(group: BaseExceptionGroup[BaseException]) -> str:
    """Return the first line of the first error of a group."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return (str(error).splitlines() or [type(error).__name__])[0]
