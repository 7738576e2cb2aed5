"""One process's running runs: claimed, advanced in memory, committed in groups.

The law of this file: nothing that depends on an outcome begins before the commit that holds the
outcome has returned. While one commit is under way the outcomes of all runs gather for the next.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from engine.core import machine, replay
from engine.core.binding import Bound
from engine.core.codec import decode
from engine.core.event import Alarm, Cancel, Event, OwnerLost, Row, Started, to_row
from engine.core.run import Header, Run
from engine.core.turn import Decision, Launch
from engine.executor import Executor
from engine.store import journal, plans, runs, turns
from engine.store.pool import Connection
from engine.store.turns import Change, Claim, Claimed
from engine.telemetry import METRICS

_LOG = logging.getLogger("sark.owner")
_PARK_AFTER = timedelta(seconds=30)
_PLANS_KEPT = 1_000


@dataclass(slots=True, eq=False)
class Owned:
    """A run of this owner, with what is under way for it."""

    id: UUID
    run: Run
    seq: int
    attempts: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    timers: dict[tuple[str, datetime], asyncio.TimerHandle] = field(default_factory=dict)


class Owner:
    """Owns runs on one connection, as one worker id; ends when it is fenced or drained."""

    def __init__(
        self, connection: Connection, worker: int, pool: str, executor: Executor, capacity: int,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:  # fmt: skip
        self.worker = worker
        self._connection = connection
        self._pool = pool
        self._executor = executor
        self._capacity = capacity
        self._clock = clock
        self._owned: dict[UUID, Owned] = {}
        self._bounds: dict[str, Bound] = {}
        self._inbox: list[tuple[Owned, Event]] = []
        self._starts: list[tuple[Owned, Launch]] = []
        self._looks: set[UUID] = set()
        self._claim = True
        self._draining = False
        self._bell = asyncio.Event()

    def attend(self) -> None:
        """Runs want an owner: look for them in the next turn."""
        self._claim = True
        self._bell.set()

    def look(self, ids: list[UUID]) -> None:
        """Something was said about these runs: look in the next turn."""
        self._looks.update(ids)
        self._bell.set()

    def drain(self) -> None:
        """Claim nothing more; end when what is owned has ended or only waits."""
        self._draining = True
        self._bell.set()

    def abandon(self) -> None:
        """End now; what still runs is lost to this owner and goes to the next."""
        self._draining = True
        self._drop_all()
        self._bell.set()

    async def serve(self) -> None:
        """Take turns until drained; raise what the connection raises when it is lost or fenced."""
        try:
            while not (self._draining and not self._owned):
                await self._bell.wait()
                self._bell.clear()
                await self._turn()
        finally:
            self._drop_all()

    async def _turn(self) -> None:
        """Advance every run that was told something, commit all of it, then follow it."""
        decisions, rows = self._advance()
        marks = self._take_marks(rows)
        claimed = await self._commit(rows, self._changes(decisions))
        for one, launch in marks:
            self._begin(one, launch)
        for one, decision in decisions:
            self._follow(one, decision)
        for each in claimed:
            await self._take(each)
        if self._looks:
            await self._look()
        if self._claim and len(self._owned) < self._capacity:
            self._bell.set()

    def _advance(self) -> tuple[list[tuple[Owned, Decision]], list[tuple[UUID, Row]]]:
        """Fold what was told since the last turn into the runs."""
        inbox, self._inbox = self._inbox, []
        decisions: list[tuple[Owned, Decision]] = []
        rows: list[tuple[UUID, Row]] = []
        now = self._clock()
        for one, event in inbox:
            if self._owned.get(one.id) is not one:
                continue
            decision = machine.advance(one.run, event, now)
            if not decision.echo:
                one.seq += 1
                rows.append((one.id, to_row(event, one.seq, now)))
                decisions.append((one, decision))
        return decisions, rows

    def _take_marks(self, rows: list[tuple[UUID, Row]]) -> list[tuple[Owned, Launch]]:
        """Journal the start of attempts that must not be repeated; they begin after the commit."""
        starts, self._starts = self._starts, []
        kept = []
        now = self._clock()
        for one, launch in starts:
            event = Started(launch.path, launch.attempt)
            if self._owned.get(one.id) is one and not machine.advance(one.run, event, now).echo:
                one.seq += 1
                rows.append((one.id, to_row(event, one.seq, now)))
                kept.append((one, launch))
        return kept

    async def _take(self, claimed: Claimed) -> None:
        """Begin a claimed run, or rebuild it; what must be journalled first waits a turn."""
        bound = await self._bound(claimed.plan)
        header = _header(claimed)
        if claimed.resumed:
            told = await journal.read(self._connection, claimed.id)
            run = replay.replay(bound, header, claimed.started_at, told)
            one = Owned(claimed.id, run, told[-1].seq if told else 0)
            decision = machine.owed(run)
        else:
            run, decision = machine.begin(bound, header, claimed.started_at)
            one = Owned(claimed.id, run, 0)
        self._owned[claimed.id] = one
        if claimed.lost:
            self._tell(one, OwnerLost())
        if claimed.cancel is not None:
            self._tell(one, Cancel(str(claimed.cancel["by"]), str(claimed.cancel["reason"])))
        if claimed.lost or claimed.cancel is not None:
            decision.launches.clear()
        if run.ended_at is not None:
            await self._commit([], self._changes([(one, decision)]))
        self._follow(one, decision)

    def _tell(self, one: Owned, event: Event) -> None:
        self._inbox.append((one, event))
        self._bell.set()

    async def _bound(self, digest: str) -> Bound:
        bound = self._bounds.get(digest)
        if bound is None:
            body = await plans.read(self._connection, digest)
            if len(self._bounds) >= _PLANS_KEPT:
                self._bounds.pop(next(iter(self._bounds)))
            bound = self._bounds[digest] = Bound(decode(body))
        return bound

    async def _commit(self, rows: list[tuple[UUID, Row]], changes: list[Change]) -> list[Claimed]:
        """Write one turn in one transaction and one round trip, the fence first.

        The same transaction claims further runs if there is room; they are returned.
        """
        room = 0 if self._draining or not self._claim else self._capacity - len(self._owned)
        if not rows and not changes and room <= 0:
            return []
        claim = None
        if room > 0:
            self._claim = False
            claim = Claim(self._pool, room, self._clock())
        taken = await turns.write(self._connection, self.worker, rows, changes, claim)
        METRICS.commits.inc()
        METRICS.batch.observe(len(rows))
        self._claim = self._claim or (claim is not None and len(taken) >= room)
        return taken

    def _changes(self, decisions: list[tuple[Owned, Decision]]) -> list[Change]:
        """Return the rows of runs that ended or now only wait; the others stay as they are."""
        changes = {}
        for one in {one.id: one for one, _ in decisions}.values():
            run = one.run
            ended = run.ended_at is not None
            wake = None if ended or run.running else machine.wake_at(run)
            if ended or (wake is not None and (self._draining or self._is_far(wake))):
                changes[one.id] = Change(
                    one.id, machine.status(run).value, machine.flags(run), run.outputs, run.error,
                    wake, run.ended_at,
                )  # fmt: skip
        return list(changes.values())

    def _is_far(self, wake: datetime) -> bool:
        return wake - self._clock() > _PARK_AFTER

    def _follow(self, one: Owned, decision: Decision) -> None:
        """Do what a committed decision owes."""
        run = one.run
        if run.ended_at is not None or (not run.running and self._parked(run)):
            return self._drop(one)
        for path in decision.revoked:
            attempt = one.attempts.pop(path, None)
            if attempt is not None:
                attempt.cancel()
        for launch in decision.launches:
            step = run.steps[launch.path]
            if step.attempt != launch.attempt or launch.path not in run.active:
                continue
            if launch.journal_start and not step.marked:
                self._starts.append((one, launch))
                self._bell.set()
            else:
                self._begin(one, launch)
        for alarm in decision.alarms:
            self._set(one, alarm.path, alarm.at)
        return None

    def _parked(self, run: Run) -> bool:
        wake = machine.wake_at(run)
        return wake is not None and (self._draining or self._is_far(wake))

    def _begin(self, one: Owned, launch: Launch) -> None:
        task = asyncio.get_running_loop().create_task(self._attempt(one, launch))
        one.attempts[launch.path] = task

    async def _attempt(self, one: Owned, launch: Launch) -> None:
        outcome = await self._executor.attempt(one.run, launch)
        one.attempts.pop(launch.path, None)
        self._tell(one, outcome)

    def _set(self, one: Owned, path: str, at: datetime) -> None:
        key = (path, at)
        if key not in one.timers:
            pause = max(0.0, (at - self._clock()).total_seconds())
            loop = asyncio.get_running_loop()
            one.timers[key] = loop.call_later(pause, self._ring, one, Alarm(path, at))

    def _ring(self, one: Owned, alarm: Alarm) -> None:
        one.timers.pop((alarm.path, alarm.at), None)
        self._tell(one, alarm)

    async def _look(self) -> None:
        """Read what was said about runs that are owned here."""
        ids = [each for each in self._looks if each in self._owned]
        self._looks.clear()
        for run, told in (await runs.cancelled(self._connection, self.worker, ids)).items():
            self._tell(self._owned[run], Cancel(str(told["by"]), str(told["reason"])))

    def _drop(self, one: Owned) -> None:
        self._owned.pop(one.id, None)
        for task in one.attempts.values():
            task.cancel()
        for timer in one.timers.values():
            timer.cancel()
        if one.run.ended_at is not None:
            METRICS.runs.labels(machine.status(one.run).value).inc()

    def _drop_all(self) -> None:
        for one in list(self._owned.values()):
            self._drop(one)


def _header(claimed: Claimed) -> Header:
    inputs: Mapping[str, object] = claimed.inputs
    return Header(
        str(claimed.id), claimed.namespace, claimed.workflow, claimed.commit_sha, claimed.plan,
        claimed.trigger, inputs, claimed.created_at,  # type: ignore[arg-type]
    )  # fmt: skip
