"""What `sark up` starts again, and when."""

import time

from engine.local.watch import Watched, asleep


class Stubborn:
    """A part that cannot be started until what is in its way is gone, and leaves no process."""

    def __init__(self, refusals: int) -> None:
        self._refusals = refusals

    def start(self) -> None:
        """Start, or be refused as by a full disk."""
        self._refusals -= 1
        if self._refusals >= 0:
            raise OSError("no space left on device")

    def is_up(self) -> bool:
        """True once it was not refused."""
        return self._refusals < 0


def test_what_could_not_be_started_is_tried_again_soon() -> None:
    """
    A part that fails to start, so that nothing ends that would wake the supervisor, is up soon
    after the cause has passed.
    """
    part = Stubborn(2)
    watched = Watched("the part", part, time.monotonic())
    began = time.monotonic()
    with asleep() as sleep:
        while not part.is_up():
            watched.mend()
            if not part.is_up():
                sleep([watched])

    assert time.monotonic() - began < 5
