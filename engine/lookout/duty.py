"""The lookout: one leader looks at the files of all `file` triggers, each at its interval.

What a look came to is decided in a transaction of the leader's session, together with what was
seen. Only then it is told, through the intake and under a name that was written with it. Whoever
dies in between leaves a row that says what is still to be told, and what was told already is known
by its name: nothing is lost, nothing comes twice.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime

import psycopg

from engine.active import ActiveSet, Hook
from engine.artifacts import Artifacts
from engine.broker import Bell, HintBroker
from engine.core import lookout
from engine.core.facts import LISTING
from engine.errors import Unavailable
from engine.executor import Executor
from engine.intake import Decides, Intake
from engine.lookout import post as posts
from engine.lookout.eye import Blind, Eye
from engine.lookout.post import Post
from engine.operations import open_operation
from engine.secrets import Secrets
from engine.settings import Settings
from engine.store import lookouts, schedules
from engine.store.leases import Session, patiently
from engine.store.lookouts import Lookout, Untold
from engine.store.pool import is_passing, pool
from engine.store.schedules import Key, Moments, Skipped
from engine.ticks import tick

_LOG = logging.getLogger("sark.lookout")
_PERIOD = 1.0
_GROUP = 500


class LookoutDuty:
    """Looks at files when it is time for it; an activation is seen within a second."""

    def __init__(self, settings: Settings, policy: Decides) -> None:
        self._settings = settings
        self._policy = policy

    async def lead(self, session: Session) -> None:
        """Tell of files until the session ends; raise what ended it."""
        settings, url = self._settings, self._settings.database_url
        assert url is not None
        async with AsyncExitStack() as stack:
            bell = None
            if settings.redis_url is not None:
                broker = HintBroker(settings.redis_url)
                stack.callback(broker.close)
                bell = Bell(broker)
            listing = open_operation(settings.adapters, LISTING)
            operations = {LISTING: await stack.enter_async_context(listing)}
            executor = Executor(
                operations, self._policy, Secrets(settings), Artifacts(settings.artifact_folder)
            )
            connections = await stack.enter_async_context(pool(url, "lookout", 2))
            intake = Intake(url, connections, bell, self._policy)
            await stack.enter_async_context(intake)
            await Lookouts(session, intake, Eye(executor)).serve()


class Lookouts:
    """Looks after all triggers that files set off, on its leader's session.

    `clock` is PostgreSQL's, as the scheduler's is.
    """

    def __init__(
        self, session: Session, intake: Intake, eye: Eye, clock: Moments = schedules.moment
    ) -> None:
        self._session = session
        self._intake = intake
        self._eye = eye
        self._clock = clock
        self._number = -1
        self._posts: dict[Key, Post] = {}
        self._under_way: set[Key] = set()
        self._telling = asyncio.Lock()
        # What an earlier leader has left to be told.
        self._is_untold = True

    async def serve(self) -> None:
        """Look when it is time; a folder that does not answer keeps no other waiting."""
        async with asyncio.TaskGroup() as looks:
            while True:
                for each in await patiently("lookout", self.due):
                    looks.create_task(self._look(each))
                await tick(_PERIOD)

    async def _look(self, post: Post) -> None:
        """Look at a trigger; what PostgreSQL refuses for now is found again, as it is written."""
        try:
            await self.look(post)
        except psycopg.Error as error:
            if not is_passing(error):
                raise
            _LOG.warning("a look at %s is made again: %s", post.key.trigger, error)
            self._number, self._is_untold = -1, True

    async def due(self) -> Sequence[Post]:
        """Return the triggers that it is time to look at, each to be handed to `look`.

        While something waits to be told there are none: a file has one change at a time.
        """
        if self._is_untold and not await self.tell():
            return ()
        async with self._session.glance() as connection:
            moment = await self._clock(connection)
        now = moment.at
        if moment.number != self._number:
            await self._arrange(await self._intake.look(), now)
        ready = [
            each for key, each in self._posts.items()
            if key not in self._under_way and each.row.due_at <= now
        ]  # fmt: skip
        self._under_way.update(each.key for each in ready)
        return ready

    async def look(self, post: Post) -> None:
        """Look at the files of one trigger, and tell what has become of them."""
        try:
            found = await self._eye.see(post.hook)
            async with self._session.turn() as connection:
                if not await lookouts.hold(connection, post.row):
                    self._number = -1  # somebody else has looked, or it begins anew
                    return
                now = (await self._clock(connection)).at
                if isinstance(found, Blind):
                    missed = await post.miss(connection, found, now)
                    if missed is not None:
                        await schedules.skip(connection, [missed])
                        _LOG.warning(
                            "%s of %s: %s", post.key.trigger, post.key.workflow, missed.reason
                        )
                    return
                has_news = await post.settle(connection, found, now)
            self._is_untold = self._is_untold or has_news
        finally:
            self._under_way.discard(post.key)
        if has_news:
            await self.tell()

    async def tell(self) -> bool:
        """Tell all that is to be told; False if PostgreSQL cannot take some of it now."""
        async with self._telling:
            while True:
                self._is_untold = False
                async with self._session.turn() as connection:
                    untold = await lookouts.untold(connection, _GROUP)
                if not untold:
                    return True
                self._is_untold = True
                if not await self._deliver(untold):
                    return False

    async def _deliver(self, untold: Sequence[Untold]) -> bool:
        """Deliver changes and note that; return whether all of them were."""
        told = await asyncio.gather(
            *(self._intake.deliver(posts.delivery(each)) for each in untold),
            return_exceptions=True,
        )
        done: list[Untold] = []
        skips: list[Skipped] = []
        for each, answer in zip(untold, told, strict=True):
            if isinstance(answer, Unavailable):
                continue
            if isinstance(answer, BaseException):
                _LOG.error("%s of %s: %s", each.key.trigger, each.key.workflow, answer)
                reason = f"it could not be told of: {answer}"
                skips.append(posts.skipped(each.key, each.delivery, reason))
            done.append(each)
        async with self._session.turn() as connection:
            await lookouts.told(connection, done)
            await schedules.skip(connection, skips)
        return len(done) == len(untold)

    async def _arrange(self, active: ActiveSet, now: datetime) -> None:
        """Take up what an activation has brought or changed, from now on, and forget the rest."""
        hooks = {hook.key: hook for told in active.files.values() for hook in told}
        async with self._session.turn() as connection:
            known = await lookouts.all_of(connection)
            rows = {key: _current(hook, known.get(key), now) for key, hook in hooks.items()}
            for key, row in rows.items():
                if _is_new(row, known.get(key)):
                    await lookouts.begin(connection, row)
                elif row != known[key]:
                    await lookouts.looked(connection, row)
            await lookouts.drop(connection, known.keys() - hooks.keys())
        self._posts = {key: Post(hook, rows[key]) for key, hook in hooks.items()}
        self._number = active.number


def _current(hook: Hook, row: Lookout | None, now: datetime) -> Lookout:
    """Return how far a trigger is; a new one, or one that means other files, begins now.

    Nobody waits longer than the trigger says by now.
    """
    told = lookout.definition(hook.settings)
    if row is None or row.definition != told:
        return Lookout(hook.key, told, now)
    latest = now + lookout.pause(posts.every(hook), row.faults)
    return replace(row, due_at=min(row.due_at, latest))


def _is_new(row: Lookout, known: Lookout | None) -> bool:
    return known is None or known.definition != row.definition
