"""PostgreSQL's clock, as a process knows it between two looks at it."""

import time
from datetime import datetime, timedelta


class Clock:
    """Goes by what PostgreSQL says and by how long ago that was; nobody asks the host's clock.

    So hosts whose clocks are wrong, or are set, agree on what is due, and no timer of theirs comes
    too early: where an instant is only known to lie in a span, it is taken for the earliest.
    """

    def __init__(self, at: datetime) -> None:
        self._at, self._since = at, time.monotonic()

    def __call__(self) -> datetime:
        return self._at + timedelta(seconds=time.monotonic() - self._since)

    def hear(self, at: datetime, asked: float) -> None:
        """Take over what PostgreSQL has answered; `asked` is when it was, by `time.monotonic`.

        A reading that fits what is known already changes nothing.
        """
        took = timedelta(seconds=time.monotonic() - asked)
        if not at <= self() <= at + took:
            self._at, self._since = at, time.monotonic()
