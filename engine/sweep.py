"""The sweep: who has died, and what no hint told of. A duty of every worker.

It carries the promise that hints may be lost: whatever a message was to tell is found here, a
period later at most. What waits for an instant is found when that comes: each look sees ahead as
far as the next one is away.
"""

import asyncio
import logging
import random
import time
from datetime import datetime, timedelta

import psycopg

from engine.clock import Clock
from engine.owner import Owner
from engine.performer import Performer
from engine.store import handouts, workers
from engine.store.pool import Connection, is_passing
from engine.telemetry import METRICS

_LOG = logging.getLogger("sark.sweep")
_STEP = 0.02
# By how much a period may be longer, and a look late.
_AHEAD = 1.5


class Fenced(Exception):
    """The worker was declared dead: its session has ended, and its runs went to others."""


class Sweep:
    """Beats for one owner on a connection of its own, and looks after all other workers.

    What PostgreSQL says of the time sets the owner's `clock`.
    """

    def __init__(
        self, connection: Connection, owner: Owner, clock: Clock, period: timedelta,
        lease: timedelta, performer: Performer | None = None,
    ) -> None:  # fmt: skip
        self._connection = connection
        self._owner = owner
        self._performer = performer
        self._clock = clock
        self._period = period
        self._lease = lease
        self._last: datetime | None = None
        self._since: datetime | None = None
        self._looked = time.monotonic()

    @property
    def silence(self) -> float:
        """Return how many seconds ago PostgreSQL has heard that the owner lives."""
        return time.monotonic() - self._looked

    async def serve(self) -> None:
        """Look once a period, jitter included; raise Fenced, or what a lost connection raises."""
        while True:
            await asyncio.sleep(self._period.total_seconds() * (0.75 + random.random() / 2))  # nosec B311
            try:
                await self.look()
            except psycopg.Error as error:
                if not is_passing(error):
                    raise
                _LOG.warning("a sweep was refused; the next one tries again: %s", error)

    async def look(self) -> None:
        """Say that the owner lives, ring it if there is work, take runs from dead workers."""
        asked = self._clock.asking()
        ahead = self._period * _AHEAD
        beat = await workers.beat(self._connection, self._owner.worker, ahead, self._lease)
        if beat is None:
            raise Fenced(f"worker {self._owner.worker} was declared dead")
        self._looked = time.monotonic()
        self._clock.hear(beat.at, asked)
        may_judge = self._may_judge(beat.at)
        is_buried = beat.suspicious and await self._bury(may_judge)
        is_claimable = is_buried or beat.claimable
        is_told = (beat.late and await self._expire()) or beat.told
        if is_claimable:
            self._owner.attend()
        for each in beat.coming:
            asyncio.get_running_loop().call_later(each * _STEP, self._owner.attend)
        if is_told:
            self._owner.look()
        if self._performer is not None:
            if beat.offered:
                self._performer.attend()
            if beat.in_vain:
                self._performer.look()

    async def _expire(self) -> bool:
        """End attempts that no worker of their pool has taken; True if runs of the owner heard."""
        ended = await handouts.expire(self._connection)
        METRICS.expired.inc(len(ended))
        if ended:
            _LOG.warning("%s attempts were taken by no worker of their pool in time", len(ended))
            self._owner.attend()
        return any(each.owner == self._owner.worker for each in ended)

    def _may_judge(self, at: datetime) -> bool:
        """True if this worker has looked all through a lease, and so may call others silent.

        What held it up, a frozen host or PostgreSQL, may have held up the others with it.
        """
        if self._last is None or self._since is None or at - self._last > self._lease:
            self._since = at
        self._last = at
        return at - self._since >= self._lease

    async def _bury(self, may_judge: bool) -> bool:
        me = self._owner.worker
        dead, silent = await workers.suspects(self._connection, me, self._lease)
        if silent and may_judge:
            _LOG.warning("workers %s are silent; their connections are ended", silent)
            await workers.terminate(self._connection, silent)
            dead, _ = await workers.suspects(self._connection, me, self._lease)
        if not dead:
            return False
        async with self._connection.transaction():
            buried = await workers.bury(self._connection, dead)
        for worker in buried:
            METRICS.buried.inc()
            _LOG.warning("worker %s is dead; its runs go to others", worker)
        return bool(buried)
