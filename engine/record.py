"""`sark.runs@1`: what a namespace has run before, as an operation that steps may call.

An adapter knows nothing of runs, so this operation is the engine's own.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from uuid import UUID

from adapters.contract import (
    Call,
    ErrorClass,
    Failed,
    Json,
    Operation,
    Outcome,
    Succeeded,
)
from engine.core.values import parse_duration
from engine.errors import SarkError
from engine.manifest import DEFAULT_LIMIT, MANIFEST
from engine.store import views
from engine.store.pool import Pool, pool, told
from engine.store.views import Past

_CONNECTIONS = 2


class Runs:
    """The operation. Without a database, as in `sark run FILE`, nothing has run before."""

    manifest = MANIFEST

    def __init__(self) -> None:
        self.pool: Pool | None = None

    async def invoke(self, call: Call) -> Outcome:
        """Look into the database, within the call's time."""
        if self.pool is None:
            return Succeeded({"items": []})
        try:
            async with asyncio.timeout(call.timeout.total_seconds()):
                found = await self._found(self.pool, call)
        except ValueError as error:
            return Failed("sark.invalid", f"within: {error}", ErrorClass.PERMANENT)
        except (SarkError, TimeoutError) as error:
            message = str(error) or "PostgreSQL has not answered in time"
            return Failed("sark.unavailable", message, ErrorClass.TRANSIENT)
        return Succeeded({"items": [_item(each) for each in found]})

    async def _found(self, connections: Pool, call: Call) -> Sequence[Past]:
        given = call.arguments
        status, within, limit = (
            given.get("status"),
            given.get("within"),
            given.get("limit", DEFAULT_LIMIT),
        )
        assert isinstance(limit, int)
        span: timedelta | None = None if within is None else parse_duration(str(within))
        with told():
            async with connections.connection() as connection:
                return await views.past(
                    connection, UUID(call.run), str(given["workflow"]),
                    None if status is None else str(status), span, limit,
                )  # fmt: skip


class Record:
    """The engine's own adapter. `url` is the database of the runs, if there is one."""

    def __init__(self, url: str | None = None) -> None:
        self._url = url
        self._runs = Runs()
        self._stack = AsyncExitStack()

    def operations(self) -> Sequence[Operation]:
        """Return the one operation."""
        return (self._runs,)

    async def open(self) -> None:
        """Get connections ready."""
        if self._url is not None:
            connections = pool(self._url, "record", _CONNECTIONS)
            self._runs.pool = await self._stack.enter_async_context(connections)

    async def close(self) -> None:
        """Close the connections."""
        self._runs.pool = None
        await self._stack.aclose()


def _item(past: Past) -> dict[str, Json]:
    return {
        "id": str(past.id),
        "status": past.status,
        "commit": past.commit_sha,
        "created_at": past.created_at.isoformat(),
        "ended_at": None if past.ended_at is None else past.ended_at.isoformat(),
    }
