"""Makes attempts that were handed out to pools, beside whatever its process owns.

The law of this file: an attempt that must not be repeated begins after the commit that marks it,
and what became of an attempt is told in the commit that gives its row back. Where the row is not
this worker's any more, nothing is told: somebody has called this worker dead meanwhile.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import psycopg

from engine.broker import Rings, ring
from engine.core.attempt import Attempt
from engine.core.event import Failed, Succeeded
from engine.core.values import Json
from engine.executor import Executor
from engine.loop import Loop
from engine.performer.steps import Steps
from engine.store import handouts
from engine.store.handouts import Handout, Served
from engine.store.pool import Connection, is_passing
from engine.telemetry import METRICS

_LOG = logging.getLogger("sark.performer")
_LARGEST_TAKE = 32
_PAUSE = 0.1
# How long attempts may clean up when the time of this worker is over.
_CLEANING_SECONDS = 1.0
# Said of an attempt that was stopped; nobody hears it, for nobody waits for it.
_STOPPED: dict[str, Json] = {
    "type": "sark.cancelled", "detail": "nobody waits for the attempt", "class": "unknown",
}  # fmt: skip
_BROKEN: dict[str, Json] = {
    "type": "adapter.defect", "detail": "the attempt broke; the log has it whole",
    "class": "permanent",
}  # fmt: skip


@dataclass(slots=True, eq=False)
class _Work:
    """An attempt under way. `begins` is told whether it may, once that is written down."""

    handout: Handout
    task: asyncio.Task[Succeeded | Failed]
    begins: asyncio.Event = field(default_factory=asyncio.Event)


class Performer(Loop):
    """Takes up to `room` attempts of the pools that it serves, as one worker id."""

    def __init__(
        self, connection: Connection, worker: int, served: Served, executor: Executor, room: int,
        bell: Rings | None = None, hear: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        super().__init__()
        self._connection = connection
        self._worker = worker
        self._served = served
        self._executor = executor
        self._room = room
        self._rings = bell
        self._hear = hear
        self._steps = Steps()
        self._work: dict[int, _Work] = {}
        self._outcomes: list[tuple[int, Succeeded | Failed]] = []
        self._beginning: list[int] = []
        self._pools: dict[tuple[str, str], None] = {}

    async def serve(self) -> None:
        """Take turns until drained; raise what a lost connection raises."""
        try:
            await self._take_turns()
        finally:
            self._abandoned = True
            await self._stop()
        await self._tell()  # what has ended before, or as it was stopped

    def _is_busy(self) -> bool:
        return bool(self._work or self._outcomes)

    async def _turn(self) -> None:
        """Take a turn; what PostgreSQL cannot do now is asked again."""
        try:
            await self._work_on()
        except psycopg.Error as error:
            if not is_passing(error):
                raise
            METRICS.refused.inc()
            _LOG.warning("a commit was refused and is tried again: %s", error)
            await asyncio.sleep(_PAUSE)
            self._bell.set()

    async def _work_on(self) -> None:
        """Begin what is marked, tell what has ended, stop what nobody waits for, take more."""
        await self._begin()
        await self._tell()
        if self._looking:
            self._looking = False
            for each in await handouts.revoked(self._connection, self._worker):
                self._cancel(each)
        if self._wanting and not self._draining:
            self._wanting = False
            found = await handouts.waiting(self._connection, self._served, self._unreadable)
            self._pools |= dict.fromkeys(found)
        while self._pools and len(self._work) < self._room and not self._draining:
            await self._take(next(iter(self._pools)))
        METRICS.performing.set(len(self._work))

    @property
    def _unreadable(self) -> Sequence[str]:
        return sorted(self._steps.unreadable)

    async def _begin(self) -> None:
        """Write down that attempts begin, and let those begin that are still this worker's."""
        asked = self._beginning[:]
        if not asked:
            return
        may = await handouts.mark(self._connection, self._worker, asked)
        del self._beginning[: len(asked)]
        for each in asked:
            if each not in may:
                self._cancel(each)
            elif each in self._work:
                self._work[each].begins.set()

    async def _tell(self) -> None:
        """Give back the rows of attempts that have ended, and tell their runs."""
        told = self._outcomes[:]
        if not told:
            return
        ended = await handouts.end(self._connection, self._worker, told)
        del self._outcomes[: len(told)]
        METRICS.late.inc(len(told) - len(ended))
        for each, _ in told:
            handout = self._work.pop(each).handout
            self._pools[handout.namespace, handout.pool] = None
        ring(self._rings, [(each.owner, each.pool or "") for each in ended if each.is_told])
        if any(each.owner == self._worker for each in ended):
            self._hear()

    async def _take(self, place: tuple[str, str]) -> None:
        """Take what there is of one pool; where that is much, others are rung for the rest."""
        limit = min(_LARGEST_TAKE, self._room - len(self._work))
        async with self._connection.transaction():
            taken = await handouts.take(
                self._connection, self._worker, self._served, self._unreadable, place, limit
            )
            # Before the commit: what cannot be read now is not taken either.
            await self._steps.fetch(self._connection, {each.plan for each in taken})
            made = [(each, self._steps.attempt(each)) for each in taken]
            left = [each.id for each, attempt in made if attempt is None]
            if left:
                await handouts.release(self._connection, self._worker, left)
        for each, attempt in made:
            if attempt is not None:
                self._perform(each, attempt)
        del self._pools[place]
        if len(taken) == limit:
            self._pools[place] = None
            if self._rings is not None:
                self._rings.ring_serving(place[1])

    def _perform(self, handout: Handout, attempt: Attempt) -> None:
        waited = handout.taken_at - handout.handed_at
        METRICS.pool_waits.observe(waited.total_seconds())
        made = self._made(handout, replace(attempt, waited=waited))
        task = asyncio.get_running_loop().create_task(made)
        self._work[handout.id] = _Work(handout, task)
        task.add_done_callback(partial(self._done, handout))

    async def _made(self, handout: Handout, attempt: Attempt) -> Succeeded | Failed:
        """Make an attempt; one that must not be repeated once that is written down."""
        prepared = self._executor.prepare(attempt)
        mark = partial(self._marked, handout.id) if attempt.must_be_marked else None
        return await self._executor.make(prepared, mark)

    async def _marked(self, each: int) -> None:
        """Return once it is written down that an attempt begins."""
        begins = self._work[each].begins
        if not begins.is_set():
            self._beginning.append(each)
            self._bell.set()
            await begins.wait()

    def _done(self, handout: Handout, task: asyncio.Task[Succeeded | Failed]) -> None:
        if self._abandoned and task.cancelled():
            return
        if task.cancelled():
            outcome: Succeeded | Failed = Failed(handout.path, handout.attempt, _STOPPED)
        elif (error := task.exception()) is not None:
            # A defect of ours, but one of this attempt alone: the others must not die of it.
            _LOG.error("attempt %s of %s broke", handout.path, handout.run_id, exc_info=error)
            outcome = Failed(handout.path, handout.attempt, _BROKEN)
        else:
            outcome = task.result()
        self._outcomes.append((handout.id, outcome))
        self._bell.set()

    def _cancel(self, each: int) -> None:
        if each in self._work:
            self._work[each].task.cancel()

    async def _stop(self) -> None:
        """Cancel what is under way, and let it clean up for a moment."""
        tasks = [each.task for each in self._work.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_CLEANING_SECONDS)
        METRICS.performing.set(0)
