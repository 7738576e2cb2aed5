"""Where the engine meets the simulation: connections, the clock, and libpq."""

import asyncio
import logging
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any

import engine.epoch
import engine.store.starts
import engine.store.turns
import engine.worker
from engine.clock import Clock
from tests.simulation.loop import VirtualLoop
from tests.simulation.wire import PreparedStatement


@contextmanager
def seams() -> Iterator[None]:
    """Let the engine run on virtual time and the small PostgreSQL; its log is silent."""
    with ExitStack() as stack:
        for module, name, other in (
            (engine.worker, "connect", _connect), (engine.worker, "Clock", _clock),
            (engine.epoch, "enter", _one_database),
            (engine.store.turns, "Statement", PreparedStatement),
            (engine.store.starts, "Statement", PreparedStatement),
        ):  # fmt: skip
            stack.enter_context(replaced(module, name, other))
        before = logging.root.manager.disable
        logging.disable(logging.CRITICAL)
        # A coroutine of a process that died before its first step was never awaited.
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore", RuntimeWarning)
        stack.callback(logging.disable, before)
        yield


@contextmanager
def replaced(place: Any, name: str, other: object) -> Iterator[None]:
    """Let another thing stand under a name."""
    kept = getattr(place, name)
    setattr(place, name, other)
    try:
        yield
    finally:
        setattr(place, name, kept)


def _loop() -> VirtualLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop


async def _connect(url: str, name: str, *, plan_once: bool = False) -> Any:
    return await _loop().world.server.connect(f"sark-{name}")


async def _one_database(connection: Any) -> None:
    """Let a worker find the database that it knows: none is restored in this world."""


def _clock(at: datetime) -> Clock:
    return Clock(at, _loop().time)
