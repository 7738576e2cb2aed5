"""What tests of adapters share: an open adapter, a call, and what comes of it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

from adapters.contract import Adapter, Call, Failed, Json, Operation, Outcome, Succeeded


@asynccontextmanager
async def opened(adapter: Adapter) -> AsyncIterator[Operation]:
    """Give the adapter's one operation, ready to be invoked."""
    (operation,) = adapter.operations()
    await adapter.open()
    try:
        yield operation
    finally:
        await adapter.close()


def call(timeout: float = 10, /, **arguments: Json) -> Call:
    """Return one attempt with these arguments."""
    return Call("run-1", "step", 1, "key-1", arguments, timedelta(seconds=timeout))


def failed(outcome: Outcome) -> Failed:
    """Return the failure that an outcome must be."""
    assert isinstance(outcome, Failed), outcome
    return outcome


def outputs(outcome: Outcome) -> Mapping[str, Json]:
    """Return the outputs of what must be a success."""
    assert isinstance(outcome, Succeeded), outcome
    return outcome.outputs
