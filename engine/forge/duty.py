"""The duty of saying at forges what has become of commits.

What is said was written with the verdict, in one transaction, so a forge that is away holds no pass
up and misses nothing: it hears the newest words of each commit once it is back. Words that were
said, and not written down as such before this process died, are said again as they were.
"""

import asyncio
import logging
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta

from engine.errors import Invalid, SarkError, Unavailable
from engine.forge.contract import Forge, State
from engine.forge.failure import Limited
from engine.forge.forges import Forges
from engine.settings import Settings
from engine.store import statuses
from engine.store.leases import Session, patiently
from engine.store.pool import is_lost, is_passing
from engine.store.statuses import Status
from engine.ticks import until_tick

_LOG = logging.getLogger("sark.forge")
_PERIOD = 1.0
_GROUP = 50
# Between tries while a forge is away, or does not let us, with jitter.
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=5)


class StatusDuty:
    """Says statuses; each forge in its own task, so that one that is away delays no other."""

    def __init__(self, settings: Settings) -> None:
        """Raise Misconfigured for a forge that cannot be used."""
        self._sources = [each for each in settings.sources if each.forge is not None]
        Forges(self._sources)
        self._public = settings.server.public_url or ""

    @property
    def is_wanted(self) -> bool:
        """True if there is a source whose forge hears of it."""
        return bool(self._sources)

    async def lead(self, session: Session) -> None:
        """Say what is due until the session ends; raise what ended it."""
        async with AsyncExitStack() as stack:
            forges = await stack.enter_async_context(Forges(self._sources))
            async with asyncio.TaskGroup() as group:
                for forge, named in forges.shared():
                    group.create_task(Speaker(session, forge, named, self._public).serve())


class Speaker:
    """Says the statuses of the sources that share a forge, one after the other."""

    def __init__(
        self, session: Session, forge: Forge, sources: Sequence[str], public: str = ""
    ) -> None:
        self._session = session
        self._forge = forge
        self._sources = sources
        self._public = public
        self._pause = _FIRST_PAUSE

    async def serve(self) -> None:
        """Look once a second for what is due; after a failure, look later."""
        while True:
            pause = await patiently("statuses", self._guarded)
            await asyncio.sleep(until_tick(_PERIOD) if pause is None else pause.total_seconds())

    async def _guarded(self) -> timedelta | None:
        """Say what is due. A fault of ours in it is logged whole, and other forges go on."""
        try:
            return await self.speak()
        except Exception as error:
            if is_lost(error) or is_passing(error):
                raise
            _LOG.exception("statuses of %s have failed", ", ".join(self._sources))
            return _LONGEST_PAUSE

    async def speak(self) -> timedelta | None:
        """Say what is due; return how long to wait where the forge did not hear all of it."""
        while True:
            async with self._session.glance() as connection:
                due = await statuses.due(connection, self._sources, _GROUP)
            pause = await self._say_all(due)
            if pause is not None or len(due) < _GROUP:
                return pause

    async def _say_all(self, due: Sequence[Status]) -> timedelta | None:
        """Say these in order; return how long to wait if that had to be broken off.

        Two in a row that are not heard mean that the forge is away, and none loses its turn. Where
        the second is heard, the forge has stumbled over the first, which then stands in nobody's
        way.
        """
        stumbled: tuple[Status, SarkError] | None = None
        for each in due:
            error = await self._say(each)
            if error is None:
                self._pause = _FIRST_PAUSE
                if stumbled is not None:
                    await self._put_off(stumbled[0])
                    stumbled = None
            elif stumbled is not None or not _is_of_one(error):
                return self._wait(each, error)
            else:
                stumbled = each, error
        return None if stumbled is None else self._wait(*stumbled)

    async def _say(self, status: Status) -> SarkError | None:
        """Say one; return why the forge has not heard it, if it has not."""
        place = f"{self._public}/#source-{status.source}" if self._public else ""
        try:
            await self._forge.status(
                status.sha, status.context, State(status.state), status.words, place
            )
        except Invalid as error:
            # It would be told the same again: the commit is not there any more, for example.
            _LOG.warning("status of %s of %s: %s", status.sha[:12], status.source, error)
        except SarkError as error:
            return error
        async with self._session.turn() as connection:
            await statuses.said(connection, status)
        return None

    async def _put_off(self, status: Status) -> None:
        async with self._session.turn() as connection:
            await statuses.put_off(connection, status, _LONGEST_PAUSE)

    def _wait(self, status: Status, error: SarkError) -> timedelta:
        """Return how long to wait: as long as the forge asks for, and longer each time."""
        asked = error.after if isinstance(error, Unavailable) else _LONGEST_PAUSE
        pause = max(asked, self._pause * random.uniform(0.5, 1))  # nosec B311 - a pause, no secret
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        _LOG.warning(
            "status of %s of %s waits for %.0f s: %s",
            status.sha[:12], status.source, pause.total_seconds(), error,
        )  # fmt: skip
        return pause


def _is_of_one(error: SarkError) -> bool:
    """True if the next request may fare better at once."""
    return isinstance(error, Unavailable) and not isinstance(error, Limited)
