"""One run in this process, with no server and no durability: `sark run FILE`.

The same plan, machine, executor and adapters as a worker uses; only the journal is missing.
"""

import asyncio
import signal
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from uuid_utils import uuid7

from engine.artifacts import Artifacts
from engine.core import machine, replay
from engine.core.binding import Bound
from engine.core.event import Alarm, Cancel, Event
from engine.core.machine import Decision
from engine.core.plan import Plan
from engine.core.run import Header, Run
from engine.core.schema import with_defaults
from engine.core.state import TERMINAL
from engine.core.values import Json
from engine.errors import Invalid
from engine.executor import Executor
from engine.operations import open_operations
from engine.secrets import Secrets
from engine.settings import Settings
from policies.authorizer import Authorizer

Tell = Callable[[Mapping[str, Json]], None]


async def run_here(
    plan: Plan, inputs: Mapping[str, Json], settings: Settings, root: Path, tell: Tell,
    interrupted: Callable[[], None], patience: float | None = None,
) -> Run:  # fmt: skip
    """Run a plan to its end and return the run; raise Invalid if the inputs do not fit it.

    `tell` hears of each step that has ended. The first SIGINT calls `interrupted` and cancels
    the run, as `patience` seconds do.
    """
    bound = Bound(plan)
    given = with_defaults(plan.inputs, inputs)
    problems = bound.inputs.problems(given)
    if problems:
        raise Invalid(
            f"the inputs of {plan.name} do not fit",
            tuple((str(pointer), told) for pointer, told in problems),
        )
    assert isinstance(given, Mapping)
    header = Header(
        str(uuid7()), "local", plan.name, "", plan.digest,
        {"id": "manual", "type": "manual", "event": {}}, given, datetime.now(UTC),
    )  # fmt: skip
    async with open_operations(settings.adapters) as operations:
        artifacts = Artifacts(settings.artifact_folder)
        executor = Executor(
            operations, Authorizer(), Secrets(settings), artifacts, settings.worker.scratch, root
        )
        return await _Drive(bound, header, executor, tell, interrupted).to_end(patience)


class _Drive:
    """The loop of one run: events in their order, attempts as tasks, alarms as timers."""

    def __init__(
        self, bound: Bound, header: Header, executor: Executor, tell: Tell,
        interrupted: Callable[[], None],
    ) -> None:  # fmt: skip
        self._bound, self._header, self._executor = bound, header, executor
        self._tell, self._interrupted = tell, interrupted
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._attempts: dict[str, asyncio.Task[None]] = {}
        self._told: set[str] = set()

    async def to_end(self, patience: float | None) -> Run:
        loop = asyncio.get_running_loop()
        if patience is not None:
            loop.call_later(patience, self._events.put_nowait, Cancel("local", "timeout"))
        loop.add_signal_handler(signal.SIGINT, self._interrupt)
        run, decision = machine.begin(self._bound, self._header, datetime.now(UTC))
        self._follow(run, decision)
        while run.ended_at is None:
            event = await self._events.get()
            self._follow(run, machine.advance(run, event, datetime.now(UTC)))
        for attempt in self._attempts.values():
            attempt.cancel()
        await asyncio.gather(*self._attempts.values(), return_exceptions=True)
        return run

    def _interrupt(self) -> None:
        """Cancel on the first Ctrl-C; let the second end the process as usual."""
        self._interrupted()
        self._events.put_nowait(Cancel("local", "interrupted"))
        asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)

    def _follow(self, run: Run, decision: Decision) -> None:
        loop = asyncio.get_running_loop()
        for path in decision.revoked:
            self._attempts.pop(path).cancel()
        for launch in decision.launches:
            self._attempts[launch.path] = loop.create_task(self._attempt(run, launch))
        for alarm in decision.alarms:
            pause = max(0.0, (alarm.at - datetime.now(UTC)).total_seconds())
            loop.call_later(pause, self._events.put_nowait, Alarm(alarm.path, alarm.at))
        for path, step in run.steps.items():
            if step.state in TERMINAL and path not in self._told:
                self._told.add(path)
                self._tell(replay.step(step))

    async def _attempt(self, run: Run, launch: machine.Launch) -> None:
        self._events.put_nowait(await self._executor.attempt(run, launch))
