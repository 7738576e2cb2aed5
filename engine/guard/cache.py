"""What calls gave, kept for a while in place of calls to come. A cache: losing it loses nothing."""

import asyncio
import logging
from datetime import timedelta

import orjson

from engine.core.event import Succeeded
from engine.core.spilled import encode
from engine.guard.deadline import within
from engine.store import cache
from engine.store.cache import Entry, Found
from engine.store.pool import AWAY, Pool
from engine.telemetry import METRICS

_LOG = logging.getLogger("sark.guard")
# What waits to be written, in entries and in bytes. More is not kept.
_MOST_WAITING = 1_000
_MOST_BYTES = 16 << 20
_GROUP = 100
# A cache that answers later than this is slower than what it spares.
_PATIENCE_SECONDS = 1.0


class Cache:
    """Finds entries, and writes new ones behind the back of the calls that gave them."""

    def __init__(self, connections: Pool) -> None:
        self._connections = connections
        self._waiting: list[Entry] = []
        self._bytes = 0
        self._bell = asyncio.Event()

    async def find(self, key: bytes) -> Found | None:
        """Return what is kept under a key; nothing if the database is away or slow."""
        try:
            found = await within(_PATIENCE_SECONDS, self._find(key))
        except AWAY as error:
            METRICS.cache.labels("away").inc()
            _LOG.warning("the cache does not answer: %s", type(error).__name__)
            return None
        if found is None:
            METRICS.cache.labels("miss").inc()
        return found

    def keep(self, key: bytes, told: Succeeded, ttl: timedelta) -> None:
        """Keep what a call gave; it is written soon, or lost."""
        references = {name: encode(each) for name, each in told.spilled.items()}
        entry = Entry(
            key, orjson.dumps(told.outputs), orjson.dumps(told.artifacts), ttl,
            orjson.dumps(references),
        )  # fmt: skip
        size = self._bytes + _size(entry)
        if len(self._waiting) >= _MOST_WAITING or size > _MOST_BYTES:
            METRICS.cache.labels("dropped").inc()
            return
        self._waiting.append(entry)
        self._bytes = size
        self._bell.set()

    async def serve(self) -> None:
        """Write what waits, until cancelled."""
        while True:
            await self._bell.wait()
            self._bell.clear()
            while self._waiting:
                await self._write()

    async def _find(self, key: bytes) -> Found | None:
        async with self._connections.connection() as connection:
            return await cache.find(connection, key)

    async def _write(self) -> None:
        group = self._waiting[:_GROUP]
        del self._waiting[:_GROUP]
        self._bytes -= sum(map(_size, group))
        try:
            async with self._connections.connection() as connection:
                await cache.keep(connection, group)
        except AWAY as error:
            METRICS.cache.labels("dropped").inc(len(group))
            _LOG.warning("%d outputs are not kept: %s", len(group), type(error).__name__)


def _size(entry: Entry) -> int:
    return len(entry.outputs) + len(entry.artifacts) + len(entry.spilled)
