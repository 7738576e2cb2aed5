"""Leaders that have fallen silent: their sessions are ended, so that somebody else leads.

A controller that is frozen, or whose machine has gone from the network, keeps its session and with
it the lock of its duties. Whoever leads asks PostgreSQL for something all the while, so one that
has asked for nothing in a lease does not lead, whatever its lock says. All controllers look.
"""

import logging
from datetime import datetime, timedelta

from engine.store import leases
from engine.store.pool import Connection
from engine.ticks import tick

_LOG = logging.getLogger("sark.oversight")
# How often a leader shows that it lives, and others look, in a lease.
_LOOKS = 5


def period(lease: timedelta) -> float:
    """Return how many seconds lie between two beats, or two looks."""
    return lease.total_seconds() / _LOOKS


class Oversight:
    """Looks at who leads, on a connection of its own."""

    def __init__(self, connection: Connection, lease: timedelta) -> None:
        self._connection = connection
        self._lease = lease
        self._last: datetime | None = None
        self._since: datetime | None = None

    async def serve(self) -> None:
        """Look for as long as the connection lives; raise what ended it."""
        while True:
            await tick(period(self._lease))
            await leases.patiently("oversight", self.look)

    async def look(self) -> None:
        """End the sessions of those who are silent."""
        held = await leases.held(self._connection, self._lease)
        silent = [each.pid for each in held if each.silent]
        if held and self._may_judge(held[0].at) and silent:
            _LOG.warning("whoever leads in sessions %s is silent; they are ended", silent)
            await leases.depose(self._connection, silent, self._lease)

    def _may_judge(self, at: datetime) -> bool:
        """True if this process has looked all through a lease.

        What held it up, a frozen host or PostgreSQL, may have held up the leader with it.
        """
        if self._last is None or self._since is None or at - self._last > self._lease / 2:
            self._since = at
        self._last = at
        return at - self._since >= self._lease
