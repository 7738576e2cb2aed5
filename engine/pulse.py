"""How long an operation that reports progress may be silent before its attempt is ended."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from datetime import timedelta
from typing import Any

from adapters.contract import Call, Operation, Outcome


class Silent(Exception):
    """The operation showed no progress for longer than it may; it was ended."""


class _Pulse:
    """Looks whether there was a beat, once for each time that there must have been one.

    A beat costs a look at the clock, however many there are: no timer is set anew for it.
    """

    def __init__(self, silence: timedelta) -> None:
        self._loop = asyncio.get_running_loop()
        self._silence = silence.total_seconds()
        self._last = self._loop.time()
        self.limit = asyncio.timeout(None)
        self._timer = self._loop.call_later(self._silence, self._look)

    def beat(self) -> None:
        """The operation gets on."""
        self._last = self._loop.time()

    def stop(self) -> None:
        self._timer.cancel()

    def _look(self) -> None:
        until = self._last + self._silence
        if self._loop.time() >= until:
            self.limit.reschedule(until)
        else:
            self._timer = self._loop.call_at(until, self._look)


def invoke(
    operation: Operation, call: Call, silence: timedelta | None
) -> Coroutine[Any, Any, Outcome]:
    """Return what makes an attempt, which raises Silent once there was no beat for `silence`."""
    if silence is None:
        return operation.invoke(call)
    return _watched(operation, call, silence)


async def _watched(operation: Operation, call: Call, silence: timedelta) -> Outcome:
    pulse = _Pulse(silence)
    try:
        async with pulse.limit:
            return await operation.invoke(replace(call, beat=pulse.beat))
    except TimeoutError:
        if not pulse.limit.expired():
            raise
        raise Silent(f"no progress for {silence.total_seconds():g} s (timeout.heartbeat)") from None
    finally:
        pulse.stop()
