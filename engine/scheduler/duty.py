"""The scheduler: one leader starts what it is time for.

What is due is decided in a transaction of the leader's session, together with how far each trigger
is decided. Only then it is started, through the intake and under a name that follows from the
trigger and the instant. Whoever dies in between leaves a row that says what is still to be
started, and what was started already is known by its name: nothing is lost, nothing comes twice.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import datetime

from engine.active import ActiveSet, Hook
from engine.broker import Bell, HintBroker, Rings, ring
from engine.errors import Unavailable
from engine.intake import Decides, Delivered, Intake
from engine.scheduler import silence, ticking
from engine.scheduler.silence import Silence
from engine.scheduler.ticking import Judged, Ticking
from engine.settings import Settings
from engine.store import runs, schedules
from engine.store.leases import Session, patiently
from engine.store.pool import Connection, pool
from engine.store.schedules import Key, Moments, Scheduled
from engine.telemetry import METRICS
from engine.ticks import until_tick

_LOG = logging.getLogger("sark.scheduler")
_PERIOD = 1.0
_GROUP = 500


class SchedulerDuty:
    """Looks at the clock when something is due, and once a second."""

    def __init__(self, settings: Settings, policy: Decides) -> None:
        self._settings = settings
        self._policy = policy

    async def lead(self, session: Session) -> None:
        """Start what it is time for until the session ends; raise what ended it."""
        url, redis_url = self._settings.database_url, self._settings.redis_url
        assert url is not None
        async with AsyncExitStack() as stack:
            bell = None
            if redis_url is not None:
                broker = HintBroker(redis_url)
                stack.callback(broker.close)
                bell = Bell(broker)
            connections = await stack.enter_async_context(pool(url, "scheduler", 2))
            intake = Intake(url, connections, bell, self._policy)
            await Scheduler(session, await stack.enter_async_context(intake), bell).serve()


class Scheduler:
    """Looks after all triggers that the clock sets off, on its leader's session.

    `clock` is PostgreSQL's: hosts whose clocks differ, or jump, agree on what is due.
    """

    def __init__(
        self,
        session: Session,
        intake: Intake,
        bell: Rings | None,
        clock: Moments = schedules.moment,
    ) -> None:
        self._session = session
        self._intake = intake
        self._bell = bell
        self._clock = clock
        self._number = -1
        self._ticking: list[Ticking] = []
        self._silences: list[Silence] = []

    async def serve(self) -> None:
        """Start what is due when it is; an activation is seen within a second."""
        while True:
            pause = await patiently("scheduler", self._looked)
            await asyncio.sleep(pause)

    async def _looked(self) -> float:
        """Look. What was decided and not written is decided anew, from what is written."""
        try:
            return await self.look()
        except BaseException:
            self._number = -1
            raise

    async def look(self) -> float:
        """Start what is due by now; return after how many seconds to look again."""
        async with self._session.glance() as connection:
            moment = await self._clock(connection)
        now = moment.at
        if moment.number != self._number:
            active = await self._intake.look()
            async with self._session.turn() as connection:
                await self._arrange(connection, active, now)
        ready = [each for each in self._ticking if each.is_ready(now)]
        for start in range(0, len(ready), _GROUP):
            await self._tick(ready[start : start + _GROUP], now)
        for each in self._silences:
            if each.at <= now:
                await self._listen(each, now)
        due = [each.at for each in self._ticking if each.at is not None]
        soonest = (min(due) - now).total_seconds() if due else _PERIOD
        return min(max(soonest, 0.0), until_tick(_PERIOD))

    async def _arrange(self, connection: Connection, active: ActiveSet, now: datetime) -> None:
        """Take up what an activation has brought or changed, from now on, and forget the rest."""
        known = await schedules.all_of(connection)
        self._ticking, self._silences = [], []
        changed = []
        hooks = {hook.key: hook for told in active.clocks.values() for hook in told}
        for key, hook in hooks.items():
            row = _current(hook, key, known.get(key), now)
            try:
                self._add(hook, row)
            except (ValueError, LookupError) as error:
                _LOG.error("%s of %s is not looked after: %s", key.trigger, key.workflow, error)
                continue
            if row != known.get(key):
                changed.append(row)
        await schedules.put(connection, changed)
        await schedules.drop(connection, known.keys() - hooks.keys())
        self._number = active.number

    def _add(self, hook: Hook, row: Scheduled) -> None:
        if hook.type == ticking.TYPE:
            self._ticking.append(Ticking(hook, row))
        else:
            self._silences.append(Silence(hook, row))

    async def _tick(self, group: Sequence[Ticking], now: datetime) -> None:
        """Decide what is due of some schedules, then start it."""
        before = [each.row for each in group]
        async with self._session.turn() as connection:
            runs_ = [each.row.run for each in group if each.row.run is not None]
            live = await schedules.live(connection, runs_)
            judged = [each.judge(now, live) for each in group]
            changed = [each.row for each, row in zip(group, before, strict=True) if each.row != row]
            await schedules.put(connection, changed)
            await schedules.skip(connection, [skip for each in judged for skip in each.skips])
            asked = [await self._cancel(connection, each) for each in judged]
        ring(self._bell, [each for each in asked if each is not None])
        await self._start(
            [(one, at) for one, each in zip(group, judged, strict=True) for at in each.starts], now
        )

    async def _cancel(
        self, connection: Connection, judged: Judged
    ) -> tuple[int | None, str] | None:
        if judged.cancels is None:
            return None
        reason = {"by": "schedule", "reason": "the next start has come (overlap: cancel_running)"}
        return await runs.cancel(connection, judged.cancels, reason)

    async def _start(self, starts: Sequence[tuple[Ticking, datetime]], now: datetime) -> None:
        """Start what was decided, and note that; what PostgreSQL cannot take now is tried again."""
        if not starts:
            return
        told = await asyncio.gather(
            *(self._intake.deliver(each.delivery(at)) for each, at in starts),
            return_exceptions=True,
        )
        skips = []
        for (each, at), answer in zip(starts, told, strict=True):
            if isinstance(answer, Delivered):
                each.started(at, answer)
                METRICS.lag.observe(each.lag(at, now))
            elif isinstance(answer, Exception) and not isinstance(answer, Unavailable):
                _LOG.error("%s of %s: %s", each.key.trigger, each.key.workflow, answer)
                skips.append(each.refused(at, answer))
        async with self._session.turn() as connection:
            await schedules.put(connection, {each.key: each.row for each, _ in starts}.values())
            await schedules.skip(connection, skips)

    async def _listen(self, each: Silence, now: datetime) -> None:
        """Start a run if an event has not come in time."""
        async with self._session.turn() as connection:
            deadline = await each.look(connection, now)
        if deadline is None:
            return
        skips = []
        try:
            await self._intake.deliver(each.delivery(deadline))
        except Unavailable:
            each.at = now
            return
        except Exception as error:  # a defect of ours, or what PostgreSQL refuses: no run of it
            _LOG.error("%s of %s: %s", each.key.trigger, each.key.workflow, error)
            skips.append(each.refused(deadline, error))
        async with self._session.turn() as connection:
            each.decided(deadline)
            await schedules.put(connection, [each.row])
            await schedules.skip(connection, skips)


def _current(hook: Hook, key: Key, row: Scheduled | None, now: datetime) -> Scheduled:
    """Return how far a trigger is; a new one, or one that says another time, begins now."""
    told = ticking.definition(hook) if hook.type == ticking.TYPE else silence.definition(hook)
    if row is not None and row.definition == told:
        return row
    return Scheduled(key, told, now, now, run=None if row is None else row.run)
