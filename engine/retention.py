"""Retention: history is cut into partitions by time, made ahead and dropped whole. A leader's duty.

A run is kept for `history.keep` from its end. A partition all of which is older is dropped; what
is still under way in it, or ended later, is handed on. Where no leader comes for long nothing
stops: what has no partition is in the default one, and is deleted from there in small numbers.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, time, timedelta
from typing import TypeAlias
from uuid import UUID

import psycopg

from engine.core import ids, retention
from engine.core.retention import Span
from engine.settings import Settings
from engine.store import partitions, runs, schedules
from engine.store.leases import Session, patiently
from engine.store.partitions import Partition
from engine.store.pool import Connection, is_passing

_LOG = logging.getLogger("sark.retention")
_PERIOD = timedelta(minutes=10)
_SOON = timedelta(seconds=10)
_APART = timedelta(hours=1)
_DAY = timedelta(days=1)
_GROUP = 1_000
_BREATH = 0.02
# What is handed on is written while nobody else may write.
_MOST_CARRIED = 20_000

Clocks: TypeAlias = Callable[[Connection], Awaitable[tuple[datetime, datetime]]]


async def clocks(connection: Connection) -> tuple[datetime, datetime]:
    """Return the time of PostgreSQL and of this process, the earlier one first."""
    there, here = await schedules.now(connection), datetime.now(UTC)
    return min(there, here), max(there, here)


class RetentionDuty:
    """Looks every ten minutes, and sooner where something was held up."""

    def __init__(self, settings: Settings) -> None:
        self._keep = settings.history.kept

    async def lead(self, session: Session) -> None:
        """Look after history until the session ends; raise what ended it."""
        kept = Retention(session, self._keep)
        while True:
            pause = _PERIOD if await patiently("retention", kept.look) else _SOON
            await asyncio.sleep(pause.total_seconds() * (0.75 + random.random() / 2))  # nosec B311


class Retention:
    """Makes partitions and drops them, on its leader's session.

    `clocks` tells two times: what is over is so by the earlier, and for both there is a place. So
    a clock that is wrong by itself forgets nothing too soon.
    """

    def __init__(self, session: Session, keep: timedelta | None, clocks: Clocks = clocks) -> None:
        self._session = session
        self._keep = keep
        self._clocks = clocks

    async def look(self) -> bool:
        """Make what lacks and forget what is over; return False if something was held up."""
        async with self._session.turn() as connection:
            earlier, later = await self._clocks(connection)
        if later - earlier > _APART:
            _LOG.warning("the clocks of PostgreSQL and of this host are %s apart", later - earlier)
        is_done = await self._make(earlier) and await self._make(later)
        if self._keep is not None:
            is_done = await self._forget(earlier - self._keep) and is_done
        return is_done

    async def _make(self, at: datetime) -> bool:
        """Make the partitions that lack from an instant on."""
        async with self._session.turn() as connection:
            there, _ = await partitions.listed(connection)
        spans = (each.span for each in there)
        done = [
            await self._made(each, at)
            for each in retention.wanted(spans, at, retention.width(self._keep))
        ]
        return all(done)

    async def _made(self, span: Span, at: datetime) -> bool:
        """Make a partition: behind the last day of which the default one has rows already."""

        async def make(connection: Connection) -> None:
            newest = await partitions.newest_loose(connection, span)
            begin = span.begin
            if newest is not None:
                begin = _next_midnight(max(at, ids.instant(newest)))
            if begin < span.end:
                name = await partitions.make(connection, Span(begin, span.end))
                _LOG.info("made partition %s, up to %s", name, span.end.date())

        return await self._tried(f"a partition from {span.begin.date()} on", make)

    async def _forget(self, before: datetime) -> bool:
        """Forget the runs that ended before an instant: by partitions, else one by one."""
        async with self._session.turn() as connection:
            there, _ = await partitions.listed(connection)
        for begin, end in retention.gaps((each.begin, each.end) for each in there):
            await self._delete(begin, end, before, is_loose=True)
        old = [each for each in there if each.end <= ids.first(before)]
        return all([await self._dropped(each, before) for each in old])

    async def _dropped(self, told: Partition, before: datetime) -> bool:
        """Drop a partition, unless too much of it is under way."""
        async with self._session.turn() as connection:
            staying = await partitions.staying(connection, told, before)
        if staying > _MOST_CARRIED:
            _LOG.warning("%s stays: %s of its rows are of runs that are not over",
                         told.name, staying)  # fmt: skip
            return True
        count = await self._delete(told.begin, told.end, before, is_loose=False)

        async def drop(connection: Connection) -> None:
            carried = await partitions.drop(connection, told)
            _LOG.info("dropped %s with %s runs; %s rows of others were handed on",
                      told.name, count, carried)  # fmt: skip

        return await self._tried(f"the end of {told.name}", drop)

    async def _delete(self, begin: UUID, end: UUID, before: datetime, *, is_loose: bool) -> int:
        """Forget runs of a range, a thousand in a transaction, so that nobody waits for it."""
        count, last = 0, begin
        while True:
            async with self._session.turn() as connection:
                seen, gone = await runs.forget(
                    connection, last, end, before, _GROUP, is_loose=is_loose
                )
            count += gone
            if seen is None:
                return count
            last = UUID(int=seen.int + 1)
            await asyncio.sleep(_BREATH)

    async def _tried(self, what: str, change: Callable[[Connection], Awaitable[None]]) -> bool:
        """Make a change in a transaction; return False if it must wait for another time."""
        try:
            async with self._session.turn() as connection:
                await change(connection)
        except psycopg.Error as error:
            # The default partition may have rows of it by now.
            if not is_passing(error) and not isinstance(error, psycopg.errors.CheckViolation):
                raise
            _LOG.warning("%s was held up and is tried again: %s", what, error)
            return False
        return True


def _next_midnight(at: datetime) -> datetime:
    return datetime.combine(at.date(), time(), at.tzinfo) + _DAY
