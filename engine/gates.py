"""Held events, which leave when they are due: the relay's leader asks the intake to let them go.

What leaves, and with which plan, the intake decides in the transaction that starts the run. So
whoever asks may die, or ask twice, and two may ask at once.
"""

import asyncio
import logging
from datetime import timedelta

from engine.errors import Unavailable
from engine.intake import Fire, Intake
from engine.store import gates
from engine.store.gates import Due
from engine.store.leases import Session

_LOG = logging.getLogger("sark.relay")
# How many go at once: each may have some megabytes.
_AT_ONCE = 16
_PAUSE = timedelta(minutes=1)


async def fire(session: Session, intake: Intake) -> timedelta | None:
    """Let every bunch go that is due; return how long it is until the next, if any waits."""
    while True:
        async with session.turn() as connection:
            due = await gates.due(connection, _AT_ONCE)
        if not due:
            break
        told = await asyncio.gather(*(_fire(intake, each) for each in due))
        async with session.turn() as connection:
            for each, is_done in zip(due, told, strict=True):
                if not is_done:
                    await gates.postpone(connection, each.bunch, _PAUSE)
    async with session.turn() as connection:
        return await gates.next_due(connection)


async def _fire(intake: Intake, due: Due) -> bool:
    """Return whether a bunch has gone; what PostgreSQL refuses is told to the log and waits."""
    try:
        await intake.fire(Fire(due.namespace, due.workflow, due.trigger, due.bunch))
    except Unavailable:
        raise
    except Exception:
        _LOG.exception("held events of %s/%s stay", due.namespace, due.workflow)
        return False
    return True
