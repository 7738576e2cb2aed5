"""Where Git and the compiler block: threads of their own, in lanes."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_THREADS = 8
# A question is a small command that waits for the network, and any number of remotes may be dead.
_ASKING_THREADS = 128


class Lanes:
    """A lane for what goes well and one for what has failed: many dead remotes delay no live one.

    Questions to remotes have a wide one of their own, for before one is asked nobody knows.
    `halted` ends the git commands that are under way.
    """

    def __init__(self) -> None:
        self.halted = Event()
        self._good = ThreadPoolExecutor(_THREADS, "reconcile")
        self._failing = ThreadPoolExecutor(_THREADS, "reconcile-failing")
        self._asking = ThreadPoolExecutor(_ASKING_THREADS, "reconcile-asking")

    async def run(
        self, failing: bool, call: Callable[P, T], /, *words: P.args, **named: P.kwargs
    ) -> T:
        """Return what a blocking call returns, made in a thread of a lane."""
        lane = self._failing if failing else self._good
        return await self._run(lane, partial(call, *words, **named))

    async def ask(self, call: Callable[P, T], /, *words: P.args, **named: P.kwargs) -> T:
        """Return what a remote answers; one that does not hinders no other."""
        return await self._run(self._asking, partial(call, *words, **named))

    async def _run(self, lane: ThreadPoolExecutor, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(lane, call)

    def close(self) -> None:
        """End what is under way and take nothing more."""
        self.halted.set()
        for lane in (self._good, self._failing, self._asking):
            lane.shutdown(wait=False, cancel_futures=True)
