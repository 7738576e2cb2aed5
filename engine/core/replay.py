"""A run rebuilt from its journal, and what is told of its steps."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from engine.core import machine
from engine.core.binding import Bound
from engine.core.event import Row, from_row
from engine.core.run import Header, Run, StepRun
from engine.core.state import StepState
from engine.core.values import Json, canonical


def replay(bound: Bound, header: Header, started_at: datetime, rows: Iterable[Row]) -> Run:
    """Return the run as it stood after `rows`, which come in the order of their `seq`."""
    run, _ = machine.begin(bound, header, started_at)
    for row in rows:
        machine.advance(run, from_row(row), row.at)
    return run


def steps(run: Run) -> list[dict[str, Json]]:
    """Return each step as the API tells it, in the order of the spec, `finally` last."""
    return [step(each) for each in run.steps.values()]


def step(told: StepRun) -> dict[str, Json]:
    """Return a step as the API tells it."""
    return {
        "path": told.path,
        "status": told.state.value,
        "reason": told.reason or None,
        "attempts": told.attempt,
        "started_at": _instant(told.started_at),
        "ended_at": _instant(told.ended_at) if told.started_at or told.outputs else None,
        "error": told.error,
        "outputs": told.outputs if told.state is StepState.SUCCEEDED else None,
    }


def snapshot(run: Run) -> bytes:
    """Return the whole state as bytes: equal for equal histories."""
    told: dict[str, Json] = {
        "status": machine.status(run).value,
        "flags": machine.flags(run),
        "outputs": run.outputs,
        "error": run.error,
        "ended_at": _instant(run.ended_at),
        "steps": [{**step(each), **_hidden(each)} for each in run.steps.values()],
    }
    return canonical(told)


def _hidden(step: StepRun) -> Mapping[str, Json]:
    return {
        "losses": step.losses,
        "marked": step.marked,
        "due": _instant(step.due),
        "deadline": _instant(step.deadline),
        "remaining": step.remaining,
    }


def _instant(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat()
