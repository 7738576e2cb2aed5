"""How many suspect runs an owner takes at once: few, until they have turned out to be harmless.

A run whose worker has died may be why. Whoever takes it over dies of it too, and with it all that
it has taken over besides. So it begins with one and takes one more for each that comes through,
which doubles with each round (the slow start of TCP, Jacobson, 1988): what is poison has few beside
it, and they are not blamed again and again for its deaths.
"""

import asyncio
from collections.abc import Callable
from uuid import UUID

LARGEST = 256
# A run that has gone on for as long as this has come through, though no attempt has ended.
_LONG_SECONDS = 5.0


class Probation:
    """The suspect runs of one owner that have not come through yet; `attend` when there is room."""

    def __init__(self, attend: Callable[[], None]) -> None:
        self._attend = attend
        self._window = 1
        self._held: dict[UUID, asyncio.TimerHandle] = {}

    @property
    def room(self) -> int:
        """How many more suspect runs may be taken now."""
        return max(0, self._window - len(self._held))

    def begin(self, run: UUID) -> None:
        """Watch a suspect run that was taken over."""
        timer = asyncio.get_running_loop().call_later(_LONG_SECONDS, self.end, run)
        self._held[run] = timer

    def end(self, run: UUID) -> None:
        """Let a run have come through, if it was watched."""
        timer = self._held.pop(run, None)
        if timer is not None:
            timer.cancel()
            self._window = min(self._window + 1, LARGEST)
            self._attend()

    def close(self) -> None:
        """Watch nothing any more."""
        for timer in self._held.values():
            timer.cancel()
        self._held.clear()
