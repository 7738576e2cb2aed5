"""Cycles that are not looked for: a short command has none worth finding."""

import gc
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
