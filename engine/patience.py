"""What may take so long and no longer, where there are thousands of it a second."""

import asyncio
from collections import deque
from contextlib import suppress
from weakref import ref

_STEP = 0.5


class Patience:
    """Bounds waits by one span for all of them, and by one timer.

    A timer for each wait is a fifth of what a server does for a request. What waits longer than
    `seconds` ends up to half a second later, by a TimeoutError. Of one event loop.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        # What is over is not referred to by anything else: it goes with those that began with it.
        self._waits: deque[tuple[float, ref[asyncio.Timeout]]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def bound(self) -> asyncio.Timeout:
        """Return a bound for one wait, to be used as `asyncio.timeout` is."""
        loop = asyncio.get_running_loop()
        bound = asyncio.timeout(None)
        self._forget()
        self._waits.append((loop.time() + self.seconds, ref(bound)))
        if self._timer is None:
            self._timer = loop.call_later(_STEP, self._look)
        return bound

    def _look(self) -> None:
        """End what has waited too long; look again where anything waits."""
        loop = asyncio.get_running_loop()
        self._forget()
        while self._waits and self._waits[0][0] <= loop.time():
            bound = self._waits.popleft()[1]()
            with suppress(RuntimeError):  # it is over, and an error still refers to it
                if bound is not None:
                    bound.reschedule(loop.time())
            self._forget()
        self._timer = loop.call_later(_STEP, self._look) if self._waits else None

    def _forget(self) -> None:
        while self._waits and self._waits[0][1]() is None:
            self._waits.popleft()
