"""`sark controller`: duties that one process at a time leads, each by a lock in PostgreSQL."""

import asyncio
import logging
import random
import signal
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import dramatiq
import psycopg
import uvloop

from engine.broker import HintBroker
from engine.core.frozen import frozen
from engine.cycles import look_seldom
from engine.errors import Misconfigured, Unavailable
from engine.forge.duty import StatusDuty
from engine.git.address import check_ref
from engine.git.tree import inside
from engine.health import Health, of_broker
from engine.hints import Listener
from engine.logs import log_to_stderr
from engine.lookout import LookoutDuty
from engine.oversight import Oversight, period
from engine.probe import probing
from engine.reconcile.access import grouped
from engine.reconcile.duty import ReconcileDuty
from engine.relay import RelayDuty
from engine.retention import RetentionDuty
from engine.review.duty import ReviewDuty
from engine.scheduler import SchedulerDuty
from engine.settings import Settings
from engine.store import leases
from engine.store.leases import Session
from engine.store.pool import connect, is_lost, is_passing, ping
from engine.ticks import tick
from policies.authorizer import Authorizer

_LOG = logging.getLogger("sark.controller")
# Whatever PostgreSQL does ends no process: a duty is led anew.
_LOST = (psycopg.Error, Unavailable, OSError)
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 5.0
_PATIENCE = 2.0
# Of the time between two beats, how much a leader was silent that is to show itself: one that has
# asked for something at the last beat was so a little less than all of it.
_STILL = 0.75


@frozen
class Duty:
    """Something that one process does for all. `lead` ends when the session does, not before."""

    name: str
    lead: Callable[[Session], Coroutine[Any, Any, None]]


def run_controller(settings: Settings, duties: Sequence[Duty] = ()) -> None:
    """Lead the reconciler, and `duties` besides, until SIGTERM or SIGINT.

    Raise Misconfigured for a source that may not be named.
    """
    grouped(settings.sources)
    for source in settings.sources:
        check_ref(source.ref)
        inside(source.root)
    look_seldom()
    log_to_stderr()
    uvloop.run(_serve(settings, Controller(settings, duties)))


async def _serve(settings: Settings, controller: "Controller") -> None:
    async with probing(settings, "controller", controller.health):
        await controller.serve()


class Controller:
    """One leader a duty; a second controller waits for the locks of the first."""

    def __init__(self, settings: Settings, duties: Sequence[Duty] = ()) -> None:
        if settings.database_url is None:
            raise Misconfigured("SARK_DATABASE_URL is not set; `sark up` brings its own PostgreSQL")
        self._url = settings.database_url
        self._broker = HintBroker(settings.redis_url) if settings.redis_url else None
        self._lease = settings.controller.lease
        self._review = ReviewDuty(settings)
        policy = Authorizer()
        self._reconcile = ReconcileDuty(settings, policy)
        statuses = StatusDuty(settings)
        known = [
            Duty("reconcile", self._reconcile.lead),
            Duty("relay", RelayDuty(settings, policy).lead),
            Duty("scheduler", SchedulerDuty(settings, policy).lead),
            Duty("lookout", LookoutDuty(settings, policy).lead),
            Duty("retention", RetentionDuty(settings).lead),
        ]
        if self._review.is_wanted:
            known.append(Duty("review", self._review.lead))
        if statuses.is_wanted:
            known.append(Duty("statuses", statuses.lead))
        self._duties = (*known, *duties)
        self._standing = dict.fromkeys((duty.name for duty in self._duties), "lost")
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Begin to stop; git commands that are under way end within half a second."""
        self._stopped.set()

    async def serve(self) -> None:
        """Serve until told to stop; losing PostgreSQL or a lock is no reason to."""
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, self.stop)
        listener = self._listen(self._broker) if self._broker is not None else None
        leading = [asyncio.create_task(self._keep(duty)) for duty in self._duties]
        leading.append(asyncio.create_task(self._oversee()))
        stopped = asyncio.create_task(self._stopped.wait())
        await asyncio.wait({*leading, stopped}, return_when=asyncio.FIRST_COMPLETED)
        for task in (*leading, stopped):
            task.cancel()
        ended = await asyncio.gather(*leading, return_exceptions=True)
        self._reconcile.close()
        self._review.close()
        if listener is not None:
            await asyncio.to_thread(listener.close)
        for fault in ended:
            if isinstance(fault, Exception):
                raise fault

    async def health(self) -> Health:
        """Return how it is: unready where a duty is neither led nor waited for."""
        lost = [name for name, standing in self._standing.items() if standing == "lost"]
        duties = f"no session for {', '.join(lost)}" if lost else ""
        database, broker = await asyncio.gather(self._database(), of_broker(self._broker))
        return Health(
            {"database": database, "duties": duties}, {"broker": broker},
            {"duties": dict(self._standing)},
        )  # fmt: skip

    async def _database(self) -> str:
        try:
            async with asyncio.timeout(_PATIENCE), await connect(self._url, "probe") as connection:
                await ping(connection)
        except TimeoutError:
            return f"PostgreSQL has not answered within {_PATIENCE:g} s"
        except _LOST as error:
            return str(error)
        return ""

    async def _keep(self, duty: Duty) -> None:
        """Lead a duty whenever this process may, for as long as it lives."""
        pause = _FIRST_PAUSE
        while True:
            try:
                async with await connect(self._url, f"lead-{duty.name}") as connection:
                    self._standing[duty.name] = "waits"
                    session = await leases.lead(connection, duty.name)
                    self._standing[duty.name] = "leads"
                    _LOG.info("this controller leads %s", duty.name)
                    pause = _FIRST_PAUSE
                    await self._lead(duty, session)
            except* _LOST as failed:
                _tell(duty, failed)
            self._standing[duty.name] = "lost"
            await asyncio.sleep(pause * random.random())  # nosec B311 - a pause, no secret
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _lead(self, duty: Duty, session: Session) -> None:
        """Lead a duty, and show all the while that its leader lives; raise what ends either."""
        async with asyncio.TaskGroup() as group:
            group.create_task(duty.lead(session))
            pause = period(self._lease)
            while True:
                await tick(pause)
                await session.beat(pause * _STILL)

    async def _oversee(self) -> None:
        """Look after whoever leads, this controller or another."""
        while True:
            try:
                async with await connect(self._url, "oversight") as connection:
                    await Oversight(connection, self._lease).serve()
            except _LOST as lost:
                _LOG.info("nobody is overseen without PostgreSQL: %s", lost)
            await asyncio.sleep(_FIRST_PAUSE)

    def _listen(self, broker: HintBroker) -> Listener:
        """Hear which source wants to be looked at."""
        loop = asyncio.get_running_loop()

        def sync(source: str) -> None:
            loop.call_soon_threadsafe(self._reconcile.wake, source)

        dramatiq.actor(actor_name="sync", queue_name="controller", broker=broker)(sync)
        return Listener(broker)


def _tell(duty: Duty, failed: BaseExceptionGroup[BaseException]) -> None:
    """Log why a duty is led anew; a mistake of ours whole."""
    error: BaseException = failed
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, psycopg.Error) and not (is_lost(error) or is_passing(error)):
        _LOG.error("%s has failed", duty.name, exc_info=error)
    else:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        _LOG.warning("%s lost PostgreSQL: %s", duty.name, first)
