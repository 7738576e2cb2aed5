"""The door by which others than its owner change a run."""

from datetime import UTC, datetime
from uuid import UUID

from uuid_utils.compat import uuid7

from engine.broker import Rings, ring
from engine.core.event import Pause, Resume, to_row
from engine.errors import Conflict
from engine.store import audit, inbox, runs
from engine.store.audit import Entry
from engine.store.inbox import Telling
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


async def hold(
    connection: Connection, bell: Rings | None, run: UUID, told: Pause | Resume, entry: Entry
) -> None:
    """Tell a run to pause or to go on, durably and with `entry` in the audit log.

    Raise Conflict if it has ended. It must have begun: nobody tells one that waits for its place
    in the line. Not to be called in a transaction: the bell must not ring before the commit.
    """
    async with connection.transaction():
        row = to_row(told, 0, datetime.now(UTC))
        telling = Telling(run, row.kind, row.path, str(uuid7()), row.data)
        heard = await inbox.tell(connection, [telling])
        if not heard:
            raise Conflict(f"run {run} has ended")
        await audit.append(connection, entry)
    ring(bell, heard)
