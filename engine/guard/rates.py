"""Turns of calls by rate: a worker asks PostgreSQL when each may be made, and waits until then."""

import asyncio
import logging
from datetime import timedelta

from engine.core import rate
from engine.core.plan import Rate
from engine.guard.line import Lines
from engine.guard.refusal import Refused
from engine.store import rates
from engine.store.pool import AWAY, Pool

_LOG = logging.getLogger("sark.guard")
_AGAIN_SECONDS = 0.5


class Rates:
    """Lets calls of a group through one after the other, in the order in which they came."""

    def __init__(self, connections: Pool) -> None:
        self._connections = connections
        self._lines = Lines()

    async def wait(self, namespace: str, group: str, told: Rate, patience: timedelta) -> None:
        """Return when a call may be made.

        Raise Refused once it is known that it may not within `patience`: nothing is used up then.
        While the database is away no call is made.
        """
        loop = asyncio.get_running_loop()
        ends = loop.time() + patience.total_seconds()
        async with self._lines.stand(f"{namespace}/{group}", ends, _over(group, told, patience)):
            while True:
                try:
                    pause = await self._ask(namespace, group, told, ends - loop.time())
                    break
                except AWAY as error:
                    _LOG.warning("rates cannot be asked: %s", type(error).__name__)
                    if loop.time() + _AGAIN_SECONDS > ends:
                        raise _over(group, told, patience) from None
                    await asyncio.sleep(_AGAIN_SECONDS)
        if pause is None:
            raise _over(group, told, patience)
        await asyncio.sleep(pause)

    async def _ask(self, namespace: str, group: str, told: Rate, seconds: float) -> float | None:
        """Use up a turn and return how many seconds away it is; none if that is too far."""
        async with self._connections.connection() as connection, connection.transaction():
            log = await rates.lock(connection, namespace, group)
            turn = rate.allow(log.allowed, told, log.now)
            pause = (turn.at - log.now).total_seconds()
            if pause > max(seconds, 0.0):
                return None
            idle = rate.idle(turn.log, told)
            await rates.write(connection, namespace, group, turn.log, idle)
            return pause


def _over(group: str, told: Rate, patience: timedelta) -> Refused:
    seconds = patience.total_seconds()
    detail = (
        f"rate of {told.limit} in {told.period.total_seconds():g} s: {group} had no turn left "
        f"within {seconds:g} s (timeout.queue)"
    )
    return Refused("sark.queue_timeout", detail)
