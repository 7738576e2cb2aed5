"""The machine: a run, an event and the time give the run's next state and what is owed.

`advance` folds the event into the run in place and costs by what the event touches. It reads no
clock and calls nothing outside, so the journal's rows, told again in their order with their
instants, give the same run (`engine.core.replay`).
"""

from datetime import datetime
from typing import assert_never

from engine.core.binding import Bound, BoundApprove, BoundAwait, BoundRepeat
from engine.core.event import (
    Alarm,
    Arrived,
    Cancel,
    Decided,
    Event,
    Failed,
    Orphaned,
    OwnerLost,
    Pause,
    Resume,
    Started,
    Succeeded,
)
from engine.core.machine import attempt, loop, pausing, waiting
from engine.core.machine.decision import (
    AlarmSet,
    Ask,
    Decision,
    Emission,
    Launch,
    Starting,
    Watch,
)
from engine.core.machine.settling import IDS, settle
from engine.core.machine.turn import Turn, problem
from engine.core.run import Header, Role, Run, ScopeRun, Stage, StepRun
from engine.core.state import RunStatus, StepState
from engine.core.values import Json

__all__ = [
    "IDS", "AlarmSet", "Ask", "Decision", "Emission", "Launch", "Starting", "Watch", "advance",
    "begin", "flags", "names", "owed", "status", "wake_at",
]  # fmt: skip


def begin(bound: Bound, header: Header, now: datetime) -> tuple[Run, Decision]:
    """Return a run that has just begun, and what it owes."""
    about: dict[str, Json] = {
        "id": header.id,
        "namespace": header.namespace,
        "workflow": header.workflow,
        "commit": header.commit,
        "spec": {"commit": header.commit},
        "status": RunStatus.RUNNING.value,
        "compensated": False,
        "started_at": now.isoformat(),
    }
    names = {"inputs": header.inputs, "trigger": header.trigger, "run": about}
    run = Run(bound, header, now)
    turn = Turn(run, now)
    run.root = turn.open(bound.root, Role.ROOT, "", None, names)
    waiting.watch_cancels(turn)
    return run, settle(turn)


def advance(run: Run, event: Event, now: datetime) -> Decision:
    """Fold an event into the run; return what is owed because of it."""
    turn = Turn(run, now)
    if not _fold(turn, event):
        turn.decision.echo = True
        return turn.decision
    return settle(turn)


def owed(run: Run) -> Decision:
    """Return all that must be under way in this state, whatever has been told before."""
    turn = Turn(run, run.started_at)
    if run.paused is not None:
        turn.alarm("", run.paused.until)
    else:
        pausing.clocks(turn)
    for step in run.active.values():
        if step.under_way:
            turn.owe(step)
        if step.due is not None and not pausing.is_held(run, step):
            turn.alarm(step.path, step.due)
        if step.state is StepState.WAITING:
            _owe_wait(turn, step)
    if run.ended_at is None:
        waiting.watch_cancels(turn)
    return turn.decision


def names(run: Run, path: str) -> dict[str, Json]:
    """Return what the expressions of the step at `path` may read; secrets are not among it."""
    return run.steps[path].scope.readable()


def status(run: Run) -> RunStatus:
    """Return the run's status, read off its scopes and steps."""
    if run.outcome is not None:
        return run.outcome
    if run.paused is not None:
        return RunStatus.PAUSED
    if run.cancelled is not None:
        return RunStatus.CANCELLING
    if run.root.stage is Stage.UNDOING:
        return RunStatus.COMPENSATING
    return RunStatus.RUNNING if run.running else RunStatus.WAITING


def flags(run: Run) -> tuple[str, ...]:
    """Return the words that go beside the status."""
    told = {
        "degraded": run.degraded,
        "timed_out": run.timed_out,
        "compensation_failed": run.compensation_failed,
    }
    return tuple(word for word, holds in told.items() if holds)


def wake_at(run: Run) -> datetime | None:
    """Return the instant at which a run that only waits must be told next."""
    return min((alarm.at for alarm in owed(run).alarms), default=None)


def _fold(turn: Turn, event: Event) -> bool:
    """Make the moves that an event asks for; return False if it is an echo."""
    run = turn.run
    match event:
        case Succeeded() | Failed() | Started() | Orphaned():
            return attempt.hear(turn, event)
        case Alarm(path, at):
            return _ring(turn, path, at)
        case Arrived() | Decided():
            return _hear(turn, event)
        case OwnerLost(blame):
            attempt.lose(turn, blame)
            return run.ended_at is None
        case Cancel(by, reason):
            return _cancel(turn, by, reason)
        case Pause():
            return pausing.pause(turn, event)
        case Resume():
            return pausing.resume(turn)
        case _:
            assert_never(event)


def _hear(turn: Turn, event: Arrived | Decided) -> bool:
    """Tell a step that waits what it waits for, or the run of an event that ends it."""
    if isinstance(event, Arrived) and not event.path:
        met = waiting.cancelling(turn, event.event)
        return met is not None and _cancel(turn, "event", met.plan.reason)
    step = turn.run.active.get(event.path)
    if step is None or step.state is not StepState.WAITING:
        return False
    match event, step.step.verb:
        case Arrived(_, told), BoundAwait():
            return waiting.arrive(turn, step, told) is not None
        case Decided(_, by, approved, asked, form), BoundApprove():
            return waiting.decide(turn, step, by, approved, asked, form) is not None
        case _:
            return False


def _ring(turn: Turn, path: str, at: datetime) -> bool:
    """Tell an alarm to whoever set it for exactly this instant; anything else is an echo."""
    run = turn.run
    if run.paused is not None and not path and run.paused.until == at:
        return pausing.resume(turn)
    scope = run.scopes.get(path) if run.paused is None else None
    if scope is not None and scope.has_alarm and scope.deadline == at:
        _time_out(turn, scope)
        return True
    step = run.active.get(path)
    if step is None or step.ending or pausing.is_held(run, step):
        return False
    if step.deadline == at and run.paused is None:
        step.deadline = None
        error = problem("sark.timeout", "the step's total time is over", "transient")
        turn.stop_step(step, error)
        return True
    if step.state is StepState.WAITING and step.due == at:
        _wake(turn, step)
        return True
    return False


def _wake(turn: Turn, step: StepRun) -> None:
    """The instant that a step waited for has come."""
    if step.step.uses is not None:
        return turn.launch(step)
    match step.step.verb:
        case BoundRepeat() as verb:
            return loop.repeat(turn, step, verb)
        case BoundAwait() as verb:
            return waiting.expire_await(turn, step, verb)
        case BoundApprove() as verb:
            return waiting.expire_approval(turn, step, verb)
        case _:
            return turn.succeed(step, {})


def _time_out(turn: Turn, scope: ScopeRun) -> None:
    """End a scope whose time is over; the root's timeout is the run's."""
    scope.has_alarm = False
    is_run = scope.role is Role.ROOT
    turn.run.timed_out = turn.run.timed_out or is_run
    if scope.failure is None:
        what = "the run" if is_run else scope.path.rstrip(".")
        scope.failure = problem("sark.timeout", f"the time of {what} is over")
    turn.end_steps(scope, "timeout")


def _owe_wait(turn: Turn, step: StepRun) -> None:
    match step.step.verb:
        case BoundAwait() as verb:
            waiting.watch(turn, step, verb)
        case BoundApprove() as verb:
            waiting.ask(turn, step, verb)
        case _:
            pass


def _cancel(turn: Turn, by: str, reason: str) -> bool:
    """End what is under way; a run whose steps have all ended can no longer be cancelled."""
    run = turn.run
    if run.root.stage is not Stage.STEPS or run.cancelled is not None:
        return False
    pausing.resume(turn)
    run.cancelled = {"by": by, "reason": reason}
    turn.stop(run.root, "cancel")
    return True
