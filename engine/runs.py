"""The door by which others than its owner change a run."""

from uuid import UUID

from engine.broker import Rings
from engine.store import runs
from engine.store.pool import Connection


async def cancel(
    connection: Connection, bell: Rings | None, run: UUID, by: str, reason: str
) -> bool:
    """Ask a run to end, durably, and ring whoever can end it.

    Return False if it has ended or was asked before. Not to be called in a transaction: the bell
    must not ring before the commit.
    """
    asked = await runs.cancel(connection, run, {"by": by, "reason": reason})
    if asked is None:
        return False
    owner, pool = asked
    if bell is not None and owner is None:
        bell.ring_pool(pool)
    elif bell is not None and owner is not None:
        bell.ring_worker(owner)
    return True
