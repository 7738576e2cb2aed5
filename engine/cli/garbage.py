"""What a short command does not tidy up: cycles worth finding there are none, and memory is freed
by the end of the process in any case.
"""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Look for no cycles; what has been made meanwhile is left out for good.

    To load a program and to check files makes many objects and no garbage, and to go through them
    again and again, once more at the end of the process, takes a quarter of a short command.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.freeze()
            gc.enable()


class Left(SystemExit):
    """The exit of a command that has nothing to tidy up: no thread, no child, no open file."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def leave(code: int) -> None:
    """End the process at once; come back only if what was written cannot be flushed.

    To take a program and all its objects apart takes an eighth of a short command.
    """
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        return
    os._exit(code)
