"""Where Git and the compiler block: threads of their own, in two lanes."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_THREADS = 8


class Lanes:
    """A lane for what goes well and one for what has failed: many dead remotes delay no live one.

    `halted` ends the git commands that are under way.
    """

    def __init__(self) -> None:
        self.halted = Event()
        self._good = ThreadPoolExecutor(_THREADS, "reconcile")
        self._failing = ThreadPoolExecutor(_THREADS, "reconcile-failing")

    async def run(
        self, failing: bool, call: Callable[P, T], /, *words: P.args, **named: P.kwargs
    ) -> T:
        """Return what a blocking call returns, made in a thread of a lane."""
        loop = asyncio.get_running_loop()
        lane = self._failing if failing else self._good
        return await loop.run_in_executor(lane, partial(call, *words, **named))

    def close(self) -> None:
        """End what is under way and take nothing more."""
        self.halted.set()
        for lane in (self._good, self._failing):
            lane.shutdown(wait=False, cancel_futures=True)
