"""What `sark up` does while nobody wants anything."""

import os
import signal
import time
from pathlib import Path

from benchmarks.processes import tree
from tests.git.repo import spec
from tests.stories.stack import Stack

_SECONDS = 10
# Some 25 a second, half of them PostgreSQL's; a duty that polls for itself adds a few.
_WAKES = 400
# A slow machine settles later, and now and then PostgreSQL has something of its own to do.
_TRIES = 3


def test_a_system_with_nothing_to_do_sleeps():
    """
    With no run and no change all processes together wake seldom; and still the supervisor sees at
    once that one of them has ended.
    """
    with Stack({"a.yaml": spec("a")}) as stack:
        time.sleep(4)  # the first passes
        counted: list[int] = []
        while min(counted, default=_WAKES + 1) > _WAKES:
            assert len(counted) < _TRIES, counted
            before = wakes(stack.pid)
            time.sleep(_SECONDS)
            counted.append(wakes(stack.pid) - before)

        (worker,) = stack.pids("sark-worker")
        os.kill(worker, signal.SIGKILL)
        began = time.monotonic()
        while stack.pids("sark-worker") in ([], [worker]):
            assert time.monotonic() - began < 60
            time.sleep(0.05)


def wakes(root: int) -> int:
    """Return how often the threads of a tree of processes have gone to sleep so far."""
    told = 0
    for pid in tree(root):
        for status in Path(f"/proc/{pid}/task").glob("*/status"):
            words = status.read_text().split()
            told += int(words[words.index("voluntary_ctxt_switches:") + 1])
    return told
