"""The duty of reviews: whoever leads looks at what is wanted, and asks what nobody has told of.

A delivery, a base that has moved and a poll all raise a number in the database, and nothing else.
What is looked at is what is there by then. So a delivery that is lost, doubled or late changes
nothing, and a leader that dies leaves what it has not finished to the next.
"""

import asyncio
import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from threading import Event

import psycopg

from engine import operations
from engine.core.facts import Operations
from engine.core.review.wish import head_ref
from engine.errors import SarkError, Unavailable
from engine.forge.contract import Forge, Pull
from engine.forge.forges import Forges
from engine.git.address import Address, parse
from engine.git.failure import GitFailed
from engine.git.pulls import Pulls
from engine.reconcile import access
from engine.review import keeping
from engine.review.keeping import Keepers
from engine.review.place import links
from engine.review.publishing import CHECK
from engine.review.reviewer import Bench, Reviewer
from engine.settings import Settings, Source
from engine.store import reviews
from engine.store.leases import Session, patiently
from engine.store.pool import is_lost, is_passing
from engine.store.reviews import ReviewRow
from engine.telemetry import METRICS
from engine.ticks import tick

_LOG = logging.getLogger("sark.review")
_PERIOD = 0.5
_AT_ONCE = 20
# Ten a second at most, over all sources.
_STEP = 0.1
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=5)
_LEAST_POLL = 60.0
_SWEEP = 3600.0
_LIVE_POLL = 5.0
"""How often it is asked whether a source that had nothing live has something."""
_MOST_DOUBLINGS = 6


class ReviewDuty:
    """Looks at reviews for as long as a session lasts. Sources without a forge have none."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sources = [each for each in settings.sources if each.is_reviewed]
        self._manifests = operations.catalogue(settings.adapters) if self._sources else {}
        self._halted = Event()

    def close(self) -> None:
        """End the git commands that are under way."""
        self._halted.set()

    @property
    def is_wanted(self) -> bool:
        """True if there is a source whose pull requests are looked at."""
        return bool(self._sources)

    async def lead(self, session: Session) -> None:
        """Look until the session is lost."""
        async with (
            Forges(self._sources) as forges, Keepers() as keepers, asyncio.TaskGroup() as group,
        ):  # fmt: skip
            desk = Desk(
                self._settings, self._sources, forges, self._manifests, self._halted, session,
                keepers,
            )  # fmt: skip
            group.create_task(desk.sweep())
            group.create_task(desk.prepare())
            for each in self._sources:
                group.create_task(desk.poll(each))
            await desk.serve()


class Desk:
    """Everything that is looked at by one leader; what one repository holds, one after another."""

    def __init__(
        self, settings: Settings, sources: Sequence[Source], forges: Forges,
        manifests: Operations, halted: Event, session: Session, keepers: Keepers,
    ) -> None:  # fmt: skip
        self._session, self._keepers = session, keepers
        self._folder = settings.state / "mirrors"
        self._sources = {each.name: each for each in sources}
        self._addresses = {each.name: parse(each.url) for each in sources}
        bounds = access.limits(settings.git)
        pulls = {
            address: Pulls(self._folder, address, halted, access.credential(named), bounds)
            for address, named in access.grouped(settings.sources).items()
            if address in self._addresses.values()
        }
        self._forges: Mapping[str, Forge] = {
            each.name: forge for each in sources if (forge := forges.of(each.name)) is not None
        }
        self._reviewers = {
            each.name: Reviewer(
                Bench(
                    each, self._forges[each.name], pulls[self._addresses[each.name]], manifests,
                    links(settings, each), *self._named(each), keepers, settings.history.kept,
                ),
                session,
            )
            for each in sources
        }  # fmt: skip
        self._turns: dict[Address, asyncio.Lock] = {each: asyncio.Lock() for each in pulls}
        self._under_way: set[tuple[str, str]] = set()
        self._rests: dict[str, float] = {}

    async def serve(self) -> None:
        """Look at what is wanted, the newest first, and never at one review twice at once."""
        async with asyncio.TaskGroup() as looks:
            while True:
                for row in await patiently("review", self._due):
                    self._under_way.add((row.source, row.ref))
                    looks.create_task(self.look(row))
                    await asyncio.sleep(_STEP)
                await tick(_PERIOD)

    async def poll(self, source: Source) -> None:
        """Ask at intervals which pull requests are open, for what no delivery has told of."""
        interval = max(source.interval.total_seconds(), _LEAST_POLL)
        while True:
            try:
                await self._poll(source)
            except SarkError as error:
                _LOG.warning("source %s: open pull requests are not known: %s", source.name, error)
            await asyncio.sleep(interval * random.uniform(0.9, 1.1))  # nosec B311

    async def sweep(self) -> None:
        """Forget at intervals what was over long ago."""
        while True:
            await patiently("review", self._forget)
            await asyncio.sleep(_SWEEP)

    async def _forget(self) -> None:
        async with self._session.turn() as connection:
            await reviews.sweep(connection)

    async def prepare(self) -> None:
        """Compile what is live before anybody looks: first of sources that were looked at last.

        What has nothing live yet is waited for. No process that is kept ends for that.
        """
        left = list(dict.fromkeys([*await patiently("review", self._latest), *self._sources]))
        while left and self._keepers.has_room:
            for each in left.copy():
                if self._keepers.has_room and await self._prepared(each):
                    left.remove(each)
            await asyncio.sleep(_LIVE_POLL if left else 0)

    async def _prepared(self, name: str) -> bool:
        """Compile what is live of a source; False if nothing is. Others are looked at meanwhile."""
        reviewer = self._reviewers[name]
        try:
            live = await reviewer.live()
            async with self._turns[self._addresses[name]]:
                ground = await reviewer.ground(live) if live else None
            if ground is not None:
                await reviewer.prepare(ground)
        except (SarkError, OSError, psycopg.Error) as error:
            if is_lost(error):
                raise
            _LOG.warning("source %s: what is live was not compiled: %s", name, error)
            return True
        return bool(live)

    async def _latest(self) -> list[str]:
        async with self._session.turn() as connection:
            return await reviews.latest(connection, [*self._sources], keeping.MOST)

    async def _due(self) -> list[ReviewRow]:
        now = asyncio.get_running_loop().time()
        awake = [each for each in self._sources if self._rests.get(each, 0.0) <= now]
        async with self._session.glance() as connection:
            found = await reviews.due(connection, awake, _AT_ONCE + len(self._under_way))
        left = _AT_ONCE - len(self._under_way)
        return [each for each in found if (each.source, each.ref) not in self._under_way][:left]

    async def look(self, row: ReviewRow) -> None:
        """Look at a review; where that fails, later again. A fault of ours is logged whole.

        What PostgreSQL refuses for now is no fault of the look.
        """
        try:
            async with self._turns[self._addresses[row.source]]:
                async with self._session.turn() as connection:
                    now = await reviews.read(connection, row.source, row.ref)
                if now is not None and now.wanted > now.handled:
                    with METRICS.reviews.time():
                        await self._reviewers[row.source].look(now)
        except (SarkError, OSError) as error:
            await patiently("review", partial(self._repeat, row, error))
        except Exception as error:
            if is_lost(error):
                raise
            if is_passing(error):
                _LOG.warning("source %s, %s is looked at again: %s", row.source, row.ref, error)
                self._rest(row.source, _FIRST_PAUSE * random.uniform(0.1, 1.0))  # nosec B311
                return
            _LOG.exception("a look at %s of source %s has failed", row.ref, row.source)
            await patiently("review", partial(self._repeat, row, error))
        finally:
            self._under_way.discard((row.source, row.ref))

    async def _repeat(self, row: ReviewRow, error: Exception) -> None:
        """Write that a look has failed, and when there is another; a forge's word on that holds."""
        _LOG.warning("source %s, %s: %s", row.source, row.ref, error)
        async with self._session.turn() as connection:
            now = await reviews.read(connection, row.source, row.ref)
            if now is None:
                return
            pause = _FIRST_PAUSE * 2 ** min(now.faults, _MOST_DOUBLINGS)
            wait = min(pause, _LONGEST_PAUSE) * random.uniform(0.5, 1.0)  # nosec B311
            if isinstance(error, Unavailable):
                self._rest(row.source, error.after)
                wait = max(wait, error.after)
            is_own = isinstance(error, SarkError | GitFailed)
            told = str(error)[:500] if is_own else type(error).__name__
            failed = replace(now, faults=now.faults + 1, fault=told.replace("\0", "\ufffd"))
            await reviews.save(connection, failed, wait)

    def _rest(self, source: str, span: timedelta) -> None:
        """Look at nothing of a source for a while."""
        self._rests[source] = asyncio.get_running_loop().time() + span.total_seconds()

    async def _poll(self, source: Source) -> None:
        """Want what is open and was not seen so, and what was and is not any more."""
        assert source.forge is not None, "a source without a forge has no reviews"
        branch = source.ref.removeprefix("refs/heads/")
        found = await self._forges[source.name].open_pulls(branch)
        await patiently("review", partial(self._want, source.name, source.forge.kind, found))

    async def _want(self, source: str, kind: str, found: Sequence[Pull]) -> None:
        """Each wish is written by itself: one that waits for a row keeps no other from anybody."""
        async with self._session.glance() as connection:
            known = {row.number: row for row in await reviews.open_of(connection, source)}
            for pull in found:
                row = known.pop(pull.number, None)
                if row is None or row.checked != pull.head_sha or not row.said:
                    ref = head_ref(pull.number, kind)
                    await reviews.want(connection, [source], ref, pull.number)
            for row in known.values():
                await reviews.want_again(connection, [source], row.ref)

    def _named(self, source: Source) -> tuple[str, bool]:
        """Return the name of a source's check, and whether it has its repository for itself.

        A commit may be the head of pull requests into several branches, and has a check of a name.
        """
        address = self._addresses[source.name]
        is_alone = list(self._addresses.values()).count(address) == 1
        return (CHECK if is_alone else f"{CHECK} ({source.name})", is_alone)
