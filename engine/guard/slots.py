"""Slots of groups of steps: a step has one while it works, and waits for it before."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from uuid import UUID

from uuid_utils.compat import uuid7

from engine.core.plan import Concurrency
from engine.guard.line import Lines
from engine.guard.refusal import Refused
from engine.store import slots
from engine.store.pool import AWAY, Pool
from engine.store.slots import Slot

_LOG = logging.getLogger("sark.guard")
# How soon a slot that another worker has given back is seen.
_LOOK_SECONDS = 0.25


class Slots:
    """Takes slots one after the other for each group, and gives them back."""

    def __init__(self, connections: Pool) -> None:
        self._connections = connections
        self._lines = Lines()
        self._given: list[UUID] = []
        self._bell = asyncio.Event()

    @asynccontextmanager
    async def hold(
        self, namespace: str, group: str, run: str, path: str, told: Concurrency,
        patience: timedelta,
    ) -> AsyncIterator[None]:  # fmt: skip
        """Hold a slot inside; raise Refused if there is none in time, or no place to wait.

        While the database is away there is none.
        """
        slot = Slot(uuid7(), namespace, group, UUID(run), path)
        try:
            await self._take(slot, told, patience)
            yield
        finally:
            # Even one that was perhaps not taken: the answer to the question may have been lost.
            self._given.append(slot.id)
            self._bell.set()

    async def serve(self) -> None:
        """Give back what is not needed any more, until cancelled."""
        while True:
            await self._bell.wait()
            self._bell.clear()
            given = self._given[:]
            try:
                async with self._connections.connection() as connection:
                    groups = await slots.give_back(connection, given)
            except AWAY as error:
                _LOG.warning("slots are not given back yet: %s", type(error).__name__)
                await asyncio.sleep(_LOOK_SECONDS)
                self._bell.set()
                continue
            del self._given[: len(given)]
            for namespace, group in groups:
                self._lines.free(f"{namespace}/{group}")

    async def _take(self, slot: Slot, told: Concurrency, patience: timedelta) -> None:
        loop, name = asyncio.get_running_loop(), f"{slot.namespace}/{slot.group}"
        if told.on_conflict == "reject":
            if self._lines.length(name) or not await self._is_taken(slot, told.limit):
                raise _refused(slot, told, "all are taken (concurrency.on_conflict: reject)")
            return
        # The first in the line does not count: what it asks for may be free.
        if self._lines.length(name) > told.max_queue:
            raise _refused(slot, told, f"{told.max_queue} wait already (concurrency.max_queue)")
        ends = loop.time() + patience.total_seconds()
        words = f"none was free within {patience.total_seconds():g} s (timeout.queue)"
        over = _refused(slot, told, words, "sark.queue_timeout")
        async with self._lines.stand(name, ends, over) as line:
            line.freed.clear()
            while not await self._is_taken(slot, told.limit):
                if loop.time() >= ends:
                    raise over
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_SECONDS):
                        await line.freed.wait()
                line.freed.clear()

    async def _is_taken(self, slot: Slot, limit: int) -> bool:
        try:
            async with self._connections.connection() as connection, connection.transaction():
                return await slots.take(connection, slot, limit)
        except AWAY as error:
            _LOG.warning("no slot can be taken: %s", type(error).__name__)
            return False


def _refused(slot: Slot, told: Concurrency, words: str, kind: str = "sark.concurrency") -> Refused:
    return Refused(kind, f"group {slot.group!r} has {told.limit} slots, and {words}")
