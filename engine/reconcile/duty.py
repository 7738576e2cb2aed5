"""The duty of the reconciler's leader: watch every repository, and look when there is a reason."""

import asyncio
import logging
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from engine import operations
from engine.git import local
from engine.git.address import Address, parse, shown
from engine.reconcile import measure, status
from engine.reconcile.access import grouped, limits
from engine.reconcile.condition import unconfigured
from engine.reconcile.lane import Lanes
from engine.reconcile.permission import Policy
from engine.reconcile.repository import Repository
from engine.settings import Settings, Source
from engine.store import sources, statuses, workflows
from engine.store.leases import Session, patiently
from engine.store.pool import is_lost, is_passing
from engine.store.sources import Report
from engine.ticks import tick, until_tick

_LOG = logging.getLogger("sark.reconcile")
_ASK_SECONDS = 1.0
_FIRST_PAUSE = 5.0
_LONGEST_PAUSE = 300.0


class ReconcileDuty:
    """Watches the repositories of the configuration for as long as a session lasts."""

    def __init__(self, settings: Settings, policy: Policy) -> None:
        self._policy = policy
        self._sources = settings.sources
        # Now, and not once it leads: who may not start must not be found out by then.
        self._manifests = operations.catalogue(settings.adapters)
        self._mirrors = settings.state / "mirrors"
        self._step = settings.controller.watch.total_seconds()
        self._limits = limits(settings.git)
        self._lanes = Lanes()
        self._groups = grouped(settings.sources)
        events = {address: asyncio.Event() for address in self._groups}
        self._wakes = {
            each.name: events[address] for address, group in self._groups.items() for each in group
        }

    def wake(self, source: str) -> None:
        """Look at a source's repository at once; a name that nobody has means nothing."""
        if source in self._wakes:
            self._wakes[source].set()

    def close(self) -> None:
        """End the git commands that are under way."""
        self._lanes.close()

    async def lead(self, session: Session) -> None:
        """Watch until the session is lost."""
        await patiently("reconcile", partial(self._declare, session))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._ask(session))
                for named in self._groups.values():
                    group.create_task(self._watch(session, named))
        finally:
            measure.forget()

    async def _declare(self, session: Session) -> None:
        """Make the rows what the configuration says; tell of those that it has no word about."""
        async with session.turn() as connection:
            for source in self._sources:
                await sources.declare(connection, _declared(source))
            await statuses.direct(connection, status.contexts(self._sources))
            for name in await sources.leave_out(connection, [each.name for each in self._sources]):
                row = await sources.read(connection, name)
                assert row is not None
                count = len(await workflows.of_source(connection, name, row.namespace))
                told = unconfigured(row.conditions, count, datetime.now(UTC))
                await sources.report(connection, Report(name, row.wanted, told, ""))
                _LOG.warning("source %s is not configured; %d workflows stay live", name, count)

    async def _ask(self, session: Session) -> None:
        """Find requests whose ring was lost with Redis; and notice when PostgreSQL is lost."""
        while True:
            await tick(_ASK_SECONDS)
            for name in await patiently("reconcile", partial(_wanted, session)):
                self.wake(name)

    async def _watch(self, session: Session, named: Sequence[Source]) -> None:
        """Look at a repository when asked, when its files change, and at each interval.

        What fails is repeated after 5 s, later after 5 min ("full jitter", AWS Architecture Blog,
        2015), or at each interval where only a source of several has; being asked begins anew.
        """
        repository = Repository(
            named, self._manifests, self._mirrors, self._lanes, self._policy, self._limits
        )
        wake, pause = self._wakes[named[0].name], _FIRST_PAUSE
        interval = min(each.interval for each in named).total_seconds()
        while True:
            wake.clear()
            signs = _signs(repository.address, named)
            stamps = local.stamps(signs)
            if await self._look(repository, session):
                span, turn = interval * random.uniform(0.9, 1.1), repository.turn  # nosec B311
                span = span if turn is None else min(span, turn)
                asked = await self._rest(wake, span, signs, stamps)
                pause = _FIRST_PAUSE
            else:
                span = min(pause, interval) if repository.has_healthy else pause
                asked = await self._rest(wake, random.uniform(0.1, span), signs, stamps)  # nosec B311
                pause = _FIRST_PAUSE if asked else min(pause * 2, _LONGEST_PAUSE)

    async def _look(self, repository: Repository, session: Session) -> bool:
        """Make a pass. A fault of ours in it is logged whole, and other repositories go on."""
        try:
            return await repository.look(session)
        except Exception as error:
            if is_lost(error):
                raise
            place = shown(repository.address.url)
            if is_passing(error):
                _LOG.warning("a pass over %s is made again: %s", place, error)
            else:
                _LOG.exception("a pass over %s has failed", place)
            return False

    async def _rest(
        self, wake: asyncio.Event, span: float, signs: Sequence[Path], before: object
    ) -> bool:
        """Wait for a ring, for the files of a local repository, or for the span to pass.

        True if it was a ring or the files. `before` is how the files were when the pass began.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + span
        while (left := until - loop.time()) > 0:
            if signs and local.stamps(signs) != before:
                return True
            try:
                step = min(left, until_tick(self._step)) if signs else left
                await asyncio.wait_for(wake.wait(), step)
            except TimeoutError:
                continue
            return True
        return False


async def _wanted(session: Session) -> list[str]:
    async with session.glance() as connection:
        return await sources.wanted(connection)


def _declared(source: Source) -> dict[str, str]:
    told = source.model_dump(include={"name", "namespace", "environment", "ref", "root", "verify"})
    return {**{key: str(value) for key, value in told.items()}, "url": parse(source.url).url}


def _signs(address: Address, named: Sequence[Source]) -> Sequence[Path]:
    """Return the files whose change says that a local repository's refs have moved."""
    if address.transport != "file":
        return ()
    return sorted({sign for each in named for sign in local.signs(address.url, each.ref)})
