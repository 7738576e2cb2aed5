"""PostgreSQL's clock, as a process knows it between two looks at it."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta


class Clock:
    """Goes by what PostgreSQL says and by how long ago that was; nobody asks the host's clock.

    So hosts whose clocks are wrong, or are set, agree on what is due, and no timer of theirs comes
    too early: where an instant is only known to lie in a span, it is taken for the earliest.
    """

    def __init__(self, at: datetime, ticks: Callable[[], float] = time.monotonic) -> None:
        self._ticks = ticks
        self._at, self._since = at, ticks()

    def __call__(self) -> datetime:
        return self._at + timedelta(seconds=self._ticks() - self._since)

    def asking(self) -> float:
        """Return what to tell `hear` of when PostgreSQL was asked: call it right before."""
        return self._ticks()

    def hear(self, at: datetime, asked: float) -> None:
        """Take over what PostgreSQL has answered.

        A reading that fits what is known already changes nothing.
        """
        ticks = self._ticks()
        if not at <= self() <= at + timedelta(seconds=ticks - asked):
            self._at, self._since = at, ticks
