"""The machine: a run, an event and the time give the run's next state and what is owed.

`advance` folds the event into the run in place and costs by what the event touches. It reads no
clock and calls nothing outside, so the journal's rows, told again in their order with their
instants, give the same run (`engine.core.replay`).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import assert_never

from engine.core.binding import Bound
from engine.core.event import (
    Alarm,
    Arrived,
    Cancel,
    Decided,
    Event,
    Failed,
    OwnerLost,
    Started,
    Succeeded,
)
from engine.core.expression import EvaluationError
from engine.core.retrying import MAX_LOSSES, apart, backoff, is_over, wished
from engine.core.run import Header, Run, ScopeRun, StepRun
from engine.core.state import Move, RunStatus, StepState
from engine.core.turn import AlarmSet, Decision, Launch, Turn, problem
from engine.core.values import Json

__all__ = ["AlarmSet", "Decision", "Launch", "advance", "begin", "names", "owed", "status"]


def begin(bound: Bound, header: Header, now: datetime) -> tuple[Run, Decision]:
    """Return a run that has just begun, and what it owes."""
    about: dict[str, Json] = {
        "id": header.id,
        "namespace": header.namespace,
        "workflow": header.workflow,
        "commit": header.commit,
        "status": RunStatus.RUNNING.value,
        "started_at": now.isoformat(),
    }
    run = Run(bound, header, now, ScopeRun(bound.root, "", now))
    run.names = {"inputs": header.inputs, "trigger": header.trigger, "run": about}
    turn = Turn(run, now)
    run.root = turn.open(bound.root, "")
    return run, turn.settle()


def advance(run: Run, event: Event, now: datetime) -> Decision:
    """Fold an event into the run; return what is owed because of it."""
    turn = Turn(run, now)
    told: object | None
    match event:
        case Succeeded(path, attempt, outputs):
            told = _running(run, path, attempt)
            if told is not None:
                turn.succeed(told, outputs)
        case Failed(path, attempt, error):
            told = _running(run, path, attempt)
            if told is not None:
                _fail(turn, told, error)
        case Started(path, attempt):
            told = _running(run, path, attempt)
            if told is not None:
                told.marked = True
        case Alarm(path, at):
            told = _ring(turn, path, at)
        case Arrived() | Decided():
            told = None
        case OwnerLost():
            told = run if run.ended_at is None else None
            _lose(turn)
        case Cancel(by, reason):
            told = _cancel(turn, by, reason)
        case _:
            assert_never(event)
    if told is None:
        turn.decision.echo = True
        return turn.decision
    return turn.settle()


def owed(run: Run) -> Decision:
    """Return all that must be under way in this state, whatever has been told before."""
    turn = Turn(run, run.started_at)
    alarms = turn.decision.alarms
    for scope in (run.root, run.finally_):
        if scope is not None and scope.open:
            alarms.append(AlarmSet(scope.path, scope.deadline))
    for step in run.active.values():
        if step.state is StepState.RUNNING:
            turn.owe(step)
        instants = (step.due, step.deadline)
        alarms.extend(AlarmSet(step.path, at) for at in instants if at is not None)
    return turn.decision


def names(run: Run, path: str) -> dict[str, Json]:
    """Return what the expressions of the step at `path` may read; secrets are not among it."""
    return {**run.names, "steps": run.steps[path].scope.view}


def status(run: Run) -> RunStatus:
    """Return the run's status, read off its scopes and steps."""
    if run.ended_at is not None and run.outcome is not None:
        return run.outcome
    if run.cancelled is not None:
        return RunStatus.CANCELLING
    return RunStatus.RUNNING if run.running else RunStatus.WAITING


def flags(run: Run) -> tuple[str, ...]:
    """Return the words that go beside the status."""
    told = {"degraded": run.degraded, "timed_out": run.timed_out}
    return tuple(word for word, holds in told.items() if holds)


def wake_at(run: Run) -> datetime | None:
    """Return the instant at which a run that only waits must be told next."""
    return min((alarm.at for alarm in owed(run).alarms), default=None)


def _running(run: Run, path: str, attempt: int) -> StepRun | None:
    """Return the step whose attempt is under way, or nothing if that was long ago."""
    step = run.steps.get(path)
    if step is None or step.state is not StepState.RUNNING or step.attempt != attempt:
        return None
    return step


def _fail(turn: Turn, step: StepRun, error: Mapping[str, Json]) -> None:
    """Make another attempt after a pause, or end the step."""
    retry = step.step.plan.retry
    tries = step.attempt - step.losses
    again = turn.now + max(backoff(retry, tries + 1, _seed(turn, step)), wished(error))
    assert step.started_at is not None
    if is_over(retry, tries, step.started_at, again):
        return turn.fail(step, error)
    try:
        wanted = _may_retry(turn, step, error)
    except (EvaluationError, ValueError) as fault:
        return turn.fail(step, {**problem("sark.expression", f"retry.if: {fault}"), "cause": error})
    return turn.pause(step, again) if wanted else turn.fail(step, error)


def _seed(turn: Turn, step: StepRun) -> str:
    return f"{turn.run.header.id}:{step.path}:{step.attempt}"


def _may_retry(turn: Turn, step: StepRun, error: Mapping[str, Json]) -> bool:
    """True if the step's own condition says so, or by default if trying again may help."""
    condition = step.step.retry_condition
    if condition is None:
        uses = step.step.uses
        safe = uses is not None and uses.repeatable
        return error.get("class") == "transient" or (safe and error.get("class") == "unknown")
    about = {**error, "step": step.path, "attempt": step.attempt}
    value = condition.evaluate({**turn.names(step.scope), "error": about})
    if not isinstance(value, bool):
        raise ValueError(f"it must give true or false; it gave {type(value).__name__}")
    return value


def _ring(turn: Turn, path: str, at: datetime) -> object | None:
    """Tell an alarm to whoever set it for exactly this instant; anything else is an echo."""
    run = turn.run
    for scope in (run.root, run.finally_):
        if scope is not None and scope.path == path and scope.deadline == at and scope.open:
            return _time_out(turn, scope)
    step = run.active.get(path)
    if step is None:
        return None
    if step.deadline == at:
        turn.revoke(step)
        turn.fail(step, problem("sark.timeout", "the step's total time is over", "transient"))
        return step
    if step.state is StepState.WAITING and step.due == at:
        turn.launch(step)
        return step
    return None


def _time_out(turn: Turn, scope: ScopeRun) -> ScopeRun:
    """End a scope whose time is over; the root's timeout is the run's."""
    turn.run.timed_out = True
    if scope.failure is None:
        what = "the run" if scope.path == "" else scope.path.rstrip(".")
        scope.failure = problem("sark.timeout", f"the time of {what} is over")
    turn.stop(scope, "timeout")
    return scope


def _lose(turn: Turn) -> None:
    """Follow the retry-safety rule for every attempt that died with its worker.

    An attempt that must not repeat and was never marked as begun was never made. Losses are
    counted apart from the author's attempts, and bounded: a step may kill its workers.
    """
    for step in list(turn.run.active.values()):
        if step.state is not StepState.RUNNING:
            continue
        uses = step.step.uses
        repeatable = uses is not None and uses.repeatable
        if not repeatable and step.marked:
            detail = "the worker died in this attempt, and nobody knows whether it took effect"
            turn.fail(step, problem("sark.lost", detail, "unknown"))
        elif step.losses >= MAX_LOSSES:
            detail = f"the step's worker died {MAX_LOSSES + 1} times in it"
            turn.fail(step, problem("sark.poison", detail))
        else:
            step.losses += 1
            pause = apart(step.losses, _seed(turn, step))
            if pause:
                turn.pause(step, turn.now + pause)
            else:
                turn.launch(step, Move.RELAUNCH)


def _cancel(turn: Turn, by: str, reason: str) -> Run | None:
    """End what is under way; a run that has come to `finally` can no longer be cancelled."""
    run = turn.run
    if run.outcome is not None or run.cancelled is not None:
        return None
    run.cancelled = {"by": by, "reason": reason}
    turn.stop(run.root, "cancel")
    return run
