"""The rows of runs as others than their owner write them: somebody wants one to end."""

from collections.abc import Mapping
from typing import LiteralString
from uuid import UUID

from engine.core.values import Json, canonical
from engine.store.pool import Connection

_CANCEL: LiteralString = """
    UPDATE runs SET cancel = %(cancel)s::json, wake_at = NULL, due_at = least(due_at, now())
     WHERE id = %(id)s AND ended_at IS NULL AND cancel IS NULL
    RETURNING owner, pool
"""
_CANCELLED: LiteralString = """
    SELECT id, cancel FROM runs WHERE owner = %(owner)s AND cancel IS NOT NULL
"""


async def cancel(connection: Connection, run: UUID, reason: Json) -> tuple[int | None, str] | None:
    """Ask a run to end; return its owner and pool, or None if it has ended or was asked before.

    Whoever owns it tells the machine; where nobody does, it may be claimed at once.
    """
    told = {"id": run, "cancel": canonical(reason).decode()}
    row = await (await connection.execute(_CANCEL, told)).fetchone()
    return None if row is None else (row[0], row[1])


async def cancelled(connection: Connection, owner: int) -> dict[UUID, Mapping[str, Json]]:
    """Return which of the owner's runs somebody wants to end, and who and why."""
    found = await connection.execute(_CANCELLED, {"owner": owner})
    return dict(await found.fetchall())
