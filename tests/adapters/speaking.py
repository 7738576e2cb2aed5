"""What tests of adapters share: an open adapter, a call, and what comes of it."""

import functools
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from adapters.contract import Adapter, Call, Failed, Json, Operation, Outcome, Succeeded


@asynccontextmanager
async def opened(adapter: Adapter, name: str = "") -> AsyncIterator[Operation]:
    """Give the adapter's operation of that name, or its first, ready to be invoked."""
    operation = named(adapter, name)
    await adapter.open()
    try:
        yield operation
    finally:
        await adapter.close()


def named(adapter: Adapter, name: str = "") -> Operation:
    """Return the adapter's operation of that name, or its first."""
    return next(each for each in adapter.operations() if name in ("", each.manifest.name))


def call(timeout: float = 60, /, **arguments: Json) -> Call:
    """Return one attempt with these arguments, and a folder that goes with it."""
    folder = functools.cache(lambda: tempfile.TemporaryDirectory(prefix="sark-test-"))
    span = timedelta(seconds=timeout)
    return Call("run-1", "step", 1, "key-1", arguments, span, None, lambda: Path(folder().name))


def failed(outcome: Outcome) -> Failed:
    """Return the failure that an outcome must be."""
    assert isinstance(outcome, Failed), outcome
    return outcome


def outputs(outcome: Outcome) -> Mapping[str, Json]:
    """Return the outputs of what must be a success."""
    assert isinstance(outcome, Succeeded), outcome
    return outcome.outputs
