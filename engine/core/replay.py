"""A run rebuilt from its journal, and what is told of its steps."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from engine.core import machine
from engine.core.binding import Bound, BoundApprove, BoundAwait
from engine.core.event import Row, from_row
from engine.core.run import Header, Run, ScopeRun, StepRun
from engine.core.spilled import parted
from engine.core.state import StepState
from engine.core.values import Json, canonical

_FLAGS = ("degraded", "cached", "timed_out")


def replay(bound: Bound, header: Header, started_at: datetime, rows: Iterable[Row]) -> Run:
    """Return the run as it stood after `rows`, which come in the order of their `seq`."""
    run, _ = machine.begin(bound, header, started_at)
    for row in rows:
        machine.advance(run, from_row(row), row.at)
    return run


def steps(run: Run) -> list[dict[str, Json]]:
    """Return each step as the API tells it: in the order of the spec, what it opened below it."""
    return [step(each) for each in _laid_out(run.root)]


def step(told: StepRun) -> dict[str, Json]:
    """Return a step as the API tells it."""
    outputs, references = parted(told.outputs or {})
    return {
        "path": told.path,
        "status": told.state.value,
        "reason": told.reason or None,
        "attempts": told.attempt,
        "started_at": _instant(told.started_at),
        "ended_at": _instant(told.ended_at) if told.started_at or told.outputs else None,
        "error": told.error,
        "outputs": outputs if told.state is StepState.SUCCEEDED else None,
        "spilled": references if told.state is StepState.SUCCEEDED else {},
        "artifacts": told.artifacts or {},
        "waits_for": _waits_for(told),
        "flags": [word for word in _FLAGS if getattr(told, word)],
    }


def _waits_for(told: StepRun) -> Json:
    """Return what a step waits for from outside, and until when."""
    if told.state is not StepState.WAITING:
        return None
    what, event = "time", None
    match told.step.verb:
        case BoundAwait(plan=plan):
            what = "event" if plan.callback is None else "callback"
            event = plan.event or None
        case BoundApprove():
            what = "approval"
    return {"what": what, "event": event, "pool": None, "until": _instant(told.due)}


def _laid_out(root: ScopeRun) -> Iterator[StepRun]:
    """Yield every step of a scope and of those that it opened; a stack, for they nest deep."""
    waiting: list[ScopeRun | StepRun] = [root]
    while waiting:
        each = waiting.pop()
        if isinstance(each, StepRun):
            yield each
            waiting += reversed(each.inner)
        else:
            waiting += reversed([*each.steps, *each.inner])


def paused(run: Run) -> Json:
    """Return who has paused a run, why, since when and until when; None if nobody has."""
    if run.paused is None:
        return None
    told = run.paused
    since, until = told.since.isoformat(), told.until.isoformat()
    return {"by": told.by, "reason": told.reason, "since": since, "until": until}


def snapshot(run: Run) -> bytes:
    """Return the whole state as bytes: equal for equal histories."""
    told: dict[str, Json] = {
        "status": machine.status(run).value,
        "flags": machine.flags(run),
        "outputs": run.outputs,
        "error": run.error,
        "ended_at": _instant(run.ended_at),
        "paused": paused(run),
        "steps": [{**step(each), **_hidden(each)} for each in run.steps.values()],
        "scopes": {path: each.stop_reason for path, each in run.scopes.items()},
    }
    return canonical(told)


def _hidden(step: StepRun) -> Mapping[str, Json]:
    return {
        "losses": [step.losses, step.severed],
        "marked": step.marked,
        "due": _instant(step.due),
        "deadline": _instant(step.deadline),
        "remaining": step.remaining,
        "ticks": [step.began, step.ended],
        "doubt": step.doubt,
        "undoable": [each.path for each in step.undoable],
    }


def _instant(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat()
