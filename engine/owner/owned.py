"""A run that is owned here: its state in memory, and what is under way for it."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from engine.core import machine
from engine.core.event import Alarm, Event, Row, to_row
from engine.core.machine import IDS, Ask, Decision, Emission, Starting, Watch
from engine.core.run import Run
from engine.core.state import RunStatus
from engine.core.values import Json
from engine.store.outbox import Sending
from engine.store.turns import Change

Tell = Callable[["Owned", Event], None]
Clock = Callable[[], datetime]

# A run that only waits for longer than this has no owner meanwhile.
PARK_AFTER = timedelta(seconds=30)

# Cancelled attempts that still clean up; the event loop alone would let them be collected.
_ENDING: set[asyncio.Task[None]] = set()


@dataclass(slots=True, eq=False)
class Owned:
    """`status` is what the run's row says, `heard` whether the run knows that it is cancelled.

    It `leaves` as soon as it only waits where it was told something that this program does not
    know. `told` are the rows of its inbox that it was told and that are not taken yet. `heard_at`
    is when it last heard anything.
    """

    id: UUID
    run: Run
    seq: int
    heard_at: datetime
    status: RunStatus = RunStatus.RUNNING
    heard: bool = False
    leaves: bool = False
    told: set[int] = field(default_factory=set)
    attempts: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    timers: dict[tuple[str, datetime], asyncio.TimerHandle] = field(default_factory=dict)
    quiet: asyncio.TimerHandle | None = None

    def row(self, event: Event, now: datetime) -> tuple[UUID, Row]:
        """Return the journal's next row of this run."""
        self.seq += 1
        return self.id, to_row(event, self.seq, now)

    def change(self, now: datetime, draining: bool) -> Change | None:
        """Return what the run's row must say from now on, or None if it says that already.

        A run that has ended leaves its owner, and so does one that only waits, for long or
        while its owner drains; workers of pools are waited for like anything else.
        """
        run = self.run
        status, flags = machine.status(run), machine.flags(run)
        if run.ended_at is not None:
            return Change(
                self.id, status.value, flags, run.outputs, run.error, ended_at=run.ended_at,
                namespace=run.header.namespace, workflow=run.header.workflow,
            )  # fmt: skip
        wake = machine.wake_at(run) if self._only_waits(now, draining) else None
        if wake is not None and (draining or wake - now > PARK_AFTER):
            return Change(self.id, status.value, flags, wake_at=wake, due_at=wake, heard=self.heard)
        is_short_wait = status is RunStatus.WAITING and self.status is not RunStatus.PAUSED
        if status is self.status or is_short_wait:
            return None
        self.status = status
        return Change(self.id, status.value, flags, kept=True, heard=self.heard)

    def _only_waits(self, now: datetime, draining: bool) -> bool:
        """True if nothing is under way here, nor expected soon of pools that were not quiet."""
        run = self.run
        is_quiet = draining or not run.handed_out or now - self.heard_at > PARK_AFTER
        return run.running == run.handed_out and is_quiet

    def kept(self) -> Change:
        """Return the change that says nothing new."""
        status, flags = self.status.value, machine.flags(self.run)
        return Change(self.id, status, flags, kept=True, heard=self.heard)

    def sent(self, decision: Decision) -> list[Sending]:
        """Return what a decision sends to the world."""
        if not decision.is_sent:
            return []
        header = self.run.header
        told = [
            *((each.path, "emitted", _emitted(header.id, each)) for each in decision.emissions),
            *((each.path, "started", _plain(each)) for each in decision.starts),
            *((each.path, "watched", _plain(each)) for each in decision.watches),
            *((each.path, "asked", _plain(each)) for each in decision.asks),
            *((path, "unwatched", None) for path in decision.unwatched),
        ]
        return [Sending(self.id, header.namespace, kind, path, data) for path, kind, data in told]

    def lost(self, due_at: datetime | None = None) -> Change:
        """Return the change by which another takes the run over as from a dead owner."""
        return Change(self.id, self.status.value, due_at=due_at, lost=True, heard=self.heard)

    def begin(self, path: str, attempt: Coroutine[None, None, None]) -> None:
        """Let an attempt be under way."""
        self.attempts[path] = asyncio.get_running_loop().create_task(attempt)

    def revoke(self, path: str) -> None:
        """Cancel the attempt of a step, if there is one."""
        task = self.attempts.pop(path, None)
        if task is not None and task.cancel():
            _ENDING.add(task)
            task.add_done_callback(_ENDING.discard)

    def set(self, path: str, at: datetime, clock: Clock, tell: Tell) -> None:
        """Tell the run when the instant `at` has come."""
        if (path, at) not in self.timers:
            self._arm((path, at), clock, tell)

    def expect(self, settle: Callable[[], None]) -> None:
        """Ask later whether the pools that the run waits for have been quiet meanwhile."""
        if self.quiet is None:
            pause = PARK_AFTER.total_seconds() + 1
            self.quiet = asyncio.get_running_loop().call_later(pause, self._ask, settle)

    def _ask(self, settle: Callable[[], None]) -> None:
        self.quiet = None
        settle()

    def end(self) -> None:
        """Let go of all that is under way."""
        if self.quiet is not None:
            self.quiet.cancel()
        for path in list(self.attempts):
            self.revoke(path)
        for timer in self.timers.values():
            timer.cancel()
        self.timers.clear()

    def _arm(self, key: tuple[str, datetime], clock: Clock, tell: Tell) -> None:
        pause = max(0.0, (key[1] - clock()).total_seconds())
        loop = asyncio.get_running_loop()
        self.timers[key] = loop.call_later(pause, self._ring, key, clock, tell)

    def _ring(self, key: tuple[str, datetime], clock: Clock, tell: Tell) -> None:
        """Tell an alarm, and never early: the loop's timers count from its last turn."""
        if clock() < key[1]:
            return self._arm(key, clock, tell)
        self.timers.pop(key, None)
        return tell(self, Alarm(*key))


def _emitted(run: str, told: Emission) -> Json:
    identity = str(uuid5(IDS, f"{run}:{told.path}"))
    return {"id": identity, "type": told.type, "subject": told.subject, "data": told.data}


def _plain(told: Starting | Watch | Ask) -> Json:
    """Return a dataclass as JSON; an instant is its text."""
    body = {each.name: getattr(told, each.name) for each in fields(told)}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in body.items()
    }
