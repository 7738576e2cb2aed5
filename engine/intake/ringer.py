"""Rings pools without waiting: a broker that hangs holds up one thread, never a request."""

import asyncio
from collections.abc import Iterable
from typing import Protocol


class Rings(Protocol):
    """Tells processes that there is work. May block."""

    def ring_pool(self, pool: str) -> None: ...

    def ring_worker(self, worker: int, runs: list[str]) -> None: ...

    def ring_controller(self, source: str) -> None: ...


class Ringer:
    """Passes rings on from the event loop; rings of the same pool that wait are one."""

    def __init__(self, bell: Rings | None) -> None:
        self._bell = bell
        self._pools: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    def ring(self, pools: Iterable[str]) -> None:
        """Say that runs of these pools want an owner. Return at once."""
        if self._bell is None:
            return
        self._pools.update(pools)
        if self._pools and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._serve(self._bell))

    async def _serve(self, bell: Rings) -> None:
        while self._pools:
            await asyncio.to_thread(bell.ring_pool, self._pools.pop())
