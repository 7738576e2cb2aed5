"""One run in this process, with no server and no durability: `sark run FILE`.

The same plan, machine, executor and adapters as a worker uses; only the journal is missing.
"""

import asyncio
import signal
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from uuid_utils import uuid7

from engine.artifacts import Artifacts
from engine.core import machine, replay
from engine.core.binding import Bound
from engine.core.event import Alarm, Arrived, Cancel, Decided, Event
from engine.core.machine import Ask, Decision, Watch
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
Answer = Callable[[Ask], bool]
_ACTOR = "local"


async def run_here(
    plan: Plan, inputs: Mapping[str, Json], settings: Settings, root: Path, tell: Tell,
    answer: Answer, interrupted: Callable[[], None], patience: float | None = None,
) -> Run:  # fmt: skip
    """Run a plan to its end and return the run; raise Invalid if the inputs do not fit it.

    `tell` hears of each step that has ended, `answer` decides on approvals, in a thread of its
    own. The first SIGINT calls `interrupted` and cancels the run, as `patience` seconds do. Events
    that the run emits reach its own waits, and nobody else.
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
            operations,
            Authorizer(),
            Secrets(settings),
            artifacts,
            settings.worker.scratch,
            root,
            history=settings.history.kept,
        )
        drive = _Drive(bound, header, executor, tell, answer, interrupted)
        return await drive.to_end(patience)


class _Drive:
    """The loop of one run: events in their order, attempts as tasks, alarms as timers."""

    def __init__(
        self, bound: Bound, header: Header, executor: Executor, tell: Tell, answer: Answer,
        interrupted: Callable[[], None],
    ) -> None:  # fmt: skip
        self._bound, self._header, self._executor = bound, header, executor
        self._tell, self._answer, self._interrupted = tell, answer, interrupted
        self._asking: set[asyncio.Task[None]] = set()
        self._watches: list[Watch] = []
        self._past: list[Mapping[str, Json]] = []
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
        under_way = [*self._attempts.values(), *self._asking]
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
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
        for ask in decision.asks:
            asking = loop.create_task(self._ask(ask))
            self._asking.add(asking)
            asking.add_done_callback(self._asking.discard)
        self._pass_on(decision)
        for path, step in run.steps.items():
            if step.state in TERMINAL and path not in self._told:
                self._told.add(path)
                self._tell(replay.step(step))

    def _pass_on(self, decision: Decision) -> None:
        """Let events reach the waits of this run, whichever came first."""
        for watch in decision.watches:
            self._watches.append(watch)
            self._arrive([watch], self._past)
        sent: list[Mapping[str, Json]] = [
            {"type": each.type, "subject": each.subject, "data": each.data}
            for each in decision.emissions
        ]
        self._past += sent
        self._arrive(self._watches, sent)

    def _arrive(self, watches: Sequence[Watch], events: Sequence[Mapping[str, Json]]) -> None:
        for watch in watches:
            for event in events:
                if event["type"] == watch.event:
                    self._events.put_nowait(Arrived(watch.path, event))

    async def _ask(self, ask: Ask) -> None:
        """Let whoever runs it answer for everybody who would have to approve."""
        approved = await asyncio.to_thread(self._answer, ask)
        for number in range(ask.min if approved else 1):
            by = f"{_ACTOR}{number + 1}"
            self._events.put_nowait(Decided(ask.path, by, approved, ask.asked))

    async def _attempt(self, run: Run, launch: machine.Launch) -> None:
        self._events.put_nowait(await self._executor.attempt(run, launch))
