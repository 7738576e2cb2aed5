"""Asks for a look at a source when a push came, without holding the push up.

Apart from the intake's transaction on purpose: a source's row is locked while a commit is being
activated, and no start shall wait for that. A look that is lost is made by the next poll.
"""

import asyncio
import logging

import psycopg

from engine.broker import Rings
from engine.store import sources
from engine.store.pool import Pool

_LOG = logging.getLogger("sark.http")


class Syncs:
    """Requests that come while one is under way are one more request, however many."""

    def __init__(self, pool: Pool, bell: Rings | None) -> None:
        self._pool = pool
        self._bell = bell
        self._names: dict[str, str] = {}
        self._task: asyncio.Task[None] | None = None

    def ask(self, name: str, by: str) -> None:
        """Ask for a look at a source, and say who does. Return at once."""
        self._names[name] = by
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._serve())

    async def request(self, name: str, by: str) -> int | None:
        """Ask for a look; return the number to wait for, or None if there is no such source."""
        async with self._pool.connection() as connection:
            wanted = await sources.request(connection, name, by)
        if wanted is not None:
            self.ring(name)
        return wanted

    def ring(self, name: str) -> None:
        """Let the reconciler know at once of a look that was asked for."""
        if self._bell is not None:
            self._bell.ring_controller(name)

    async def _serve(self) -> None:
        while self._names:
            name, by = self._names.popitem()
            try:
                await self.request(name, by)
            except (psycopg.Error, OSError, TimeoutError) as error:
                _LOG.warning("source %s was not asked for; its next poll will see: %s", name, error)
