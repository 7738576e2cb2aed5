"""The owner's loop: what its runs were told is advanced, committed in one group, then followed.

The law of this file: nothing that depends on an outcome begins before the commit that holds the
outcome has returned. While one commit is under way the outcomes of all runs gather for the next,
and the attempts that it will let begin are made ready behind a gate.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from engine.broker import Rings
from engine.core import machine
from engine.core.attempt import attempt_of
from engine.core.binding import BoundStep
from engine.core.event import OwnerLost, Row, UnknownEvent, from_row
from engine.core.machine import Decision, Launch
from engine.core.plan import Effect
from engine.core.state import RunStatus
from engine.executor import Executor
from engine.loop import Loop
from engine.owner.batch import Batch
from engine.owner.handing import handed_out
from engine.owner.left import Left
from engine.owner.loading import Loaded, Loader
from engine.owner.mailbox import Mailbox
from engine.owner.owned import Owned
from engine.owner.probation import LARGEST, Probation
from engine.store import handouts, inbox, runs
from engine.store.inbox import Told
from engine.store.pool import Connection
from engine.store.turns import Claim, Claimed, Refused, Turns, Written
from engine.telemetry import METRICS

_LOG = logging.getLogger("sark.owner")
_LARGEST_LOOK = 1_000
# How long attempts may clean up when the owner's time is over.
_CLEANING_SECONDS = 1.0


class Owner(Loop):
    """Owns runs on one connection, as one worker id; ends when it is drained or cut off."""

    def __init__(
        self, connection: Connection, worker: int, pool: str, executor: Executor, capacity: int,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        bell: Rings | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.worker = worker
        self._connection = connection
        self._pool = pool
        self._executor = executor
        self._capacity = capacity
        self._rings = bell
        self._clock = clock
        self._left = Left()
        self._loader = Loader(connection, self._left)
        self._turns = Turns(connection, worker)
        self._owned: dict[UUID, Owned] = {}
        self._mail = Mailbox(self._owned, self._bell)
        self._probation = Probation(self.attend)

    def drain(self) -> None:
        """Claim nothing more, hand back what only waits; end when the rest has ended."""
        super().drain()
        for one in self._owned.values():
            self._mail.settle(one, Decision())

    async def serve(self) -> None:
        """Take turns until drained; raise what a lost connection raises."""
        try:
            await self._take_turns()
            if self._abandoned:
                await self._hand_back()
        finally:
            self._probation.close()
            for one in list(self._owned.values()):
                self._drop(one)

    def _is_busy(self) -> bool:
        return bool(self._owned) or self._mail.puts_aside

    async def _turn(self) -> None:
        """Advance every run that was told something, commit all of it, then follow it."""
        batch = self._mail.empty(self._clock(), self._draining)
        claimed = await self._commit(batch)
        for each in (batch.gate, *batch.waiting, *batch.gates):
            each.set()
        await self._ring(batch)
        for identity, taken in batch.taken.items():
            self._owned[identity].told.difference_update(taken)
        for one, decision in batch.decisions:
            if not self._leaves(one, batch):
                self._follow(one, decision)
        for identity, change in batch.changes.items():
            if not change.kept and identity in self._owned:
                self._drop(self._owned[identity])
        if claimed:
            await self._take(claimed, asyncio.Event() if batch.is_lazy else None)
        if self._looking:
            await self._look()
        if self._wanting and self._has_room():
            self._bell.set()

    async def _ring(self, batch: Batch) -> None:
        """Tell others of what was committed: the relay, and the workers of pools."""
        if self._rings is None:
            return
        if batch.sent or any(self._frees(one) for one, _ in batch.decisions):
            self._rings.ring_relay()
        for pool in {each.pool for each in batch.offers}:
            self._rings.ring_serving(pool)
        for worker in await handouts.holders(self._connection, batch.revoked):
            self._rings.ring_worker(worker)

    def _frees(self, one: Owned) -> bool:
        """True if the end of a run lets another of its group in."""
        return one.run.ended_at is not None and one.run.bound.plan.concurrency is not None

    def _leaves(self, one: Owned, batch: Batch) -> bool:
        change = batch.changes.get(one.id)
        return change is not None and not change.kept

    async def _commit(self, batch: Batch) -> list[Claimed]:
        """Write one turn, and in the same transaction claim further runs if there is room.

        What PostgreSQL cannot do now is asked again until it can, for nothing goes on without.
        """
        claim = self._claim()
        changes = list(batch.changes.values())
        ids = [each for taken in batch.taken.values() for each in taken]
        told = Written(
            batch.rows, changes, batch.sent, ids, batch.offers, batch.revoked, bool(batch.gates)
        )
        batch.is_lazy = not told
        if not (told or claim):
            self._ready(batch)
            return []
        taken, pause = None, 0.05
        meanwhile = partial(self._ready, batch)
        while taken is None:
            try:
                taken = await self._turns.write(told, claim, meanwhile)
            except Refused as refused:
                METRICS.refused.inc()
                _LOG.warning("a commit was refused and is tried again: %s", refused)
                await asyncio.sleep(pause * (0.5 + random.random()))  # nosec B311 - a pause
                pause = min(pause * 2, 1.0)
        if claim is not None:
            self._wanting = self._wanting or len(taken) >= claim.limit
        METRICS.committed([row.kind for _, row in batch.rows])
        return taken

    def _ready(self, batch: Batch) -> None:
        """Make the attempts of a batch ready behind its gate, however often it is committed."""
        if batch.is_ready:
            return
        batch.is_ready = True
        for one, launch in batch.marked:
            one.begin(launch.path, self._attempt(one, launch, batch.gate))
        for one, decision in batch.decisions:
            if not self._leaves(one, batch):
                self._launch(one, decision, batch.gate)

    def _claim(self) -> Claim | None:
        if not (self._wanting and self._has_room()):
            return None
        self._wanting = False
        room = min(LARGEST, self._capacity - len(self._owned))
        status, suspects = RunStatus.RUNNING.value, self._probation.room
        left = self._left.columns()
        return Claim(
            self._pool, room, self._clock(), status, suspects, RunStatus.PAUSED.value, *left
        )

    def _has_room(self) -> bool:
        return not self._draining and len(self._owned) < self._capacity

    async def _take(self, claimed: Sequence[Claimed], gate: asyncio.Event | None) -> None:
        """Begin or rebuild what was claimed; put back what this program cannot run.

        The `gate` opens once the claim is on the disk; there is none if it is.
        """
        loaded, refused = await self._loader.load(claimed)
        for each in loaded:
            self._own(each, gate)
        for told in refused:
            self._mail.put_aside(self._left.put_back(told, self._clock()))
        METRICS.owned.set(len(self._owned))

    def _own(self, loaded: Loaded, gate: asyncio.Event | None) -> None:
        """Follow what a run owes, but first tell it what must be in its journal before that."""
        claimed, run, owed = loaded.claimed, loaded.run, loaded.owed
        one = Owned(claimed.id, run, loaded.seq, self._clock())
        one.status = RunStatus.RUNNING if run.paused is None else RunStatus.PAUSED
        self._owned[claimed.id] = one
        self._mail.owe([] if loaded.seq else one.sent(owed))
        if run.handed_out:
            owing = [e for e in owed.launches if (e.path, e.attempt) not in loaded.out]
            offers, failures = handed_out(run, owing)
            self._mail.owe(offers=offers)
            self._mail.fail(one, failures)
        if claimed.is_told:
            self.look()
        if claimed.lost:
            self._mail.tell(one, OwnerLost(claimed.suspect))
        if claimed.suspect:
            self._probation.begin(one.id)
        if claimed.cancel is not None:
            self._mail.cancel(one, claimed.cancel)
        if claimed.lost or claimed.cancel is not None:
            owed.launches.clear()
        if run.running and run.ended_at is None:
            if gate is not None and any(_acts(each.step) for each in owed.launches):
                self._mail.keep(gate)
            else:
                gate = None
            self._launch(one, owed, gate)
            self._follow(one, owed)
        else:
            self._mail.settle(one, owed)

    def _launch(self, one: Owned, decision: Decision, gate: asyncio.Event | None = None) -> None:
        """Begin the attempts of a decision, those that must not repeat once that is written."""
        run = one.run
        for launch in decision.launches:
            if launch.step.is_handed_out:
                continue
            step = run.steps[launch.path]
            if step.attempt != launch.attempt or launch.path not in run.active:
                continue
            if launch.journal_start and not (step.marked or self._executor.waits(launch.step)):
                self._mail.start(one, launch)
            else:
                one.begin(launch.path, self._attempt(one, launch, gate))

    def _follow(self, one: Owned, decision: Decision) -> None:
        """Do what else a committed decision owes."""
        for path in decision.revoked:
            one.revoke(path)
        for alarm in decision.alarms:
            one.set(alarm.path, alarm.at, self._clock, self._mail.tell)
        if one.run.handed_out:
            # Asked again later: a run that waits for pools may need no owner meanwhile.
            one.expect(partial(self._mail.settle, one, Decision()))

    async def _attempt(self, one: Owned, launch: Launch, gate: asyncio.Event | None) -> None:
        prepared = self._executor.prepare(attempt_of(one.run, launch))
        if gate is not None:
            await gate.wait()
        mark = partial(self._marked, one, launch) if launch.journal_start else None
        outcome = await self._executor.make(prepared, mark)
        one.attempts.pop(launch.path, None)
        self._probation.end(one.id)
        self._mail.tell(one, outcome)

    async def _marked(self, one: Owned, launch: Launch) -> None:
        """Return once the journal says that an attempt which had to wait for its turn begins."""
        if not one.run.steps[launch.path].marked:
            waiting = asyncio.Event()
            self._mail.start(one, launch, waiting)
            await waiting.wait()

    async def _look(self) -> None:
        """Tell runs that somebody wants them to end, and what else they were told."""
        self._looking = False
        found = await inbox.read(self._connection, self.worker, _LARGEST_LOOK)
        self._looking = len(found) == _LARGEST_LOOK
        for told in found:
            one = self._owned.get(told.run_id)
            if one is not None and told.id not in one.told:
                one.told.add(told.id)
                self._hear(one, told)
        for identity, cancel in (await runs.cancelled(self._connection, self.worker)).items():
            one = self._owned.get(identity)
            if one is not None and not one.heard:
                self._mail.cancel(one, cancel)

    def _hear(self, one: Owned, told: Told) -> None:
        """Tell a run what its inbox says; what a later version says waits for its next owner."""
        try:
            row = Row(0, self._clock(), told.kind, told.path, told.attempt, told.data)
            self._mail.tell(one, from_row(row), told.id)
        except UnknownEvent as unknown:
            self._left.leave_run(one.id, unknown)
            one.leaves = True
            self._mail.settle(one, Decision())

    async def _hand_back(self) -> None:
        """Cancel what is under way, commit what it still said, and let go of every run."""
        under_way = [task for one in self._owned.values() for task in one.attempts.values()]
        for task in under_way:
            task.cancel()
        if under_way:
            await asyncio.wait(under_way, timeout=_CLEANING_SECONDS)
        self._mail.forget_starts()
        batch = self._mail.empty(self._clock(), self._draining)
        for one in self._owned.values():
            if not self._leaves(one, batch):
                taken = len(batch.taken.get(one.id, ()))
                batch.changes[one.id] = replace(one.lost(), taken=taken)
        await self._commit(batch)

    def _drop(self, one: Owned) -> None:
        self._owned.pop(one.id, None)
        self._probation.end(one.id)
        one.end()
        if one.run.ended_at is not None:
            METRICS.ended(machine.status(one.run).value)
        one.run.dissolve()
        METRICS.owned.set(len(self._owned))


def _acts(step: BoundStep) -> bool:
    """True if a call of the step may change something outside.

    Its number tells the other side a late call from a new one, so it is not given twice: not even
    where a crash of PostgreSQL takes the claim of the run back.
    """
    return step.uses is not None and step.uses.effect not in (Effect.PURE, Effect.READ)
