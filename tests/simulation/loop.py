"""An event loop of virtual time, whose callbacks belong to processes that freeze and die.

Within one process callbacks run in asyncio's own order. Processes share nothing but the network
and the database, so what interleaves them is the delays of their messages alone.
"""

import asyncio
import heapq
from collections.abc import Callable, Coroutine
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_MOST_STEPS = 400_000
_MOST_CANCELS = 20


class Stuck(Exception):
    """The schedule does not get on: nobody can run any more, or somebody runs for ever."""


@dataclass(eq=False)
class Process:
    """Whose callbacks run, wait while it is frozen, or are dropped once it is dead.

    `watch` is called before each, and may end or freeze it.
    """

    name: str
    is_dead: bool = False
    is_frozen: bool = False
    watch: Callable[[], None] | None = None
    stash: list[asyncio.Handle] = field(default_factory=list)

    @property
    def is_stopped(self) -> bool:
        return self.is_dead or self.is_frozen


class NumberedTask(asyncio.Task[Any]):
    """A task whose place in a set follows from when it was made, not from its address."""

    def __init__(self, number: int, work: Any, **more: Any) -> None:
        self._number = number
        super().__init__(work, **more)

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


HERE: ContextVar[Process] = ContextVar("process")


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs what is ready, in its order; where nothing is, its clock leaps to the next timer."""

    _ready: Any
    _scheduled: list[asyncio.TimerHandle]

    def __init__(self) -> None:
        super().__init__()
        self.world: Any = None
        self._is_over = False
        self._stopped: set[Process] = set()
        self._microseconds = 0
        self._steps = 0
        self._tasks = 0
        self.set_task_factory(self._task)

    def time(self) -> float:
        return self._microseconds / 1e6

    def now(self) -> datetime:
        """Return the instant of all clocks of this world."""
        return EPOCH + timedelta(microseconds=self._microseconds)

    def _task(self, _: asyncio.AbstractEventLoop, work: Any, **more: Any) -> asyncio.Task[Any]:
        self._tasks += 1
        return NumberedTask(self._tasks, work, loop=self, **more)

    def spawn(self, process: Process, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Let a process work on something."""
        context = copy_context()
        context.run(HERE.set, process)
        return self.create_task(work, context=context)

    def outside(self, delay: float, call: Callable[..., object], *about: object) -> None:
        """Call something later that belongs to no process, as the network does."""
        self.call_later(delay, call, *about, context=_NOBODY)

    def inside(self, process: Process, call: Callable[..., object]) -> None:
        """Call something in a process, as soon as it runs."""
        context = copy_context()
        context.run(HERE.set, process)
        self.call_soon(call, context=context)

    def freeze(self, process: Process, seconds: float) -> None:
        """Stop a process for a time."""
        if not process.is_frozen:
            process.is_frozen = True
            self.outside(seconds, self._thaw, process)

    def _thaw(self, process: Process) -> None:
        process.is_frozen = False
        self._ready.extend(process.stash)
        process.stash.clear()

    def _run_once(self) -> None:
        if not self._ready:
            self._leap()
        handle = self._ready.popleft()
        if handle._cancelled:
            return
        process = handle._context.get(HERE)
        if process is not None and not self._may_run(process, handle):
            return
        self._steps += 1
        if self._steps > _MOST_STEPS:
            self._steps = 0
            raise Stuck("somebody runs for ever")
        handle._run()

    def _may_run(self, process: Process, handle: asyncio.Handle) -> bool:
        """Count a step of a process, and let happen what was to happen at it."""
        if self._is_over:
            return True
        if process.watch is not None and not process.is_stopped:
            process.watch()
        if process.is_stopped:
            process.stash.append(handle)
            self._stopped.add(process)
        return not process.is_stopped

    def bury(self) -> None:
        """Cancel every task, those of the dead as well, until none is left."""
        self._is_over = True
        self.set_exception_handler(lambda *_: None)
        for _ in range(_MOST_CANCELS):
            tasks = asyncio.all_tasks(self)
            for process in self._stopped:
                self._ready.extend(process.stash)
                process.stash.clear()
            for task in tasks:
                task.cancel()
            if not tasks:
                return
            self.run_until_complete(asyncio.wait(tasks, timeout=5))

    def _leap(self) -> None:
        """Go on to the next timer, and make ready all that are due then."""
        timers = self._scheduled
        while timers and timers[0]._cancelled:
            heapq.heappop(timers)
        if not timers:
            raise Stuck("nobody can run any more")
        due = timers[0].when()
        self._microseconds = max(self._microseconds, -int(-due * 1e6 // 1))
        while timers and timers[0].when() * 1e6 <= self._microseconds:
            self._ready.append(heapq.heappop(timers))

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Do nothing: a cancelled timer is dropped when its time has come."""

    def _write_to_self(self) -> None:
        """Do nothing: there is one thread."""


_NOBODY = copy_context()
