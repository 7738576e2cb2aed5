"""What may take so long and no longer, whatever it waits for."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")

# What was given up and still ends; the event loop alone would let it be collected.
_ENDING: set[asyncio.Task[Any]] = set()


async def within(seconds: float, work: Coroutine[Any, Any, Result]) -> Result:
    """Return what `work` gives; raise TimeoutError once `seconds` have passed.

    It is then cancelled and not waited for: the driver waits for a server even to cancel.
    """
    task = asyncio.create_task(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if not done:
            raise TimeoutError
        return task.result()
    finally:
        if task.cancel():
            _ENDING.add(task)
            task.add_done_callback(_ended)


def _ended(task: asyncio.Task[Any]) -> None:
    _ENDING.discard(task)
    if not task.cancelled():
        task.exception()  # seen: nobody waits for it any more
