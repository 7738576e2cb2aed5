"""Whether a step whose predecessors have ended may run, and what others then read of it."""

from collections.abc import Mapping

from engine.core.plan import Requirement
from engine.core.run import StepRun
from engine.core.state import TERMINAL, StepState
from engine.core.values import Json

_MET = {
    Requirement.OK: frozenset({StepState.SUCCEEDED, StepState.SKIPPED}),
    Requirement.SUCCEEDED: frozenset({StepState.SUCCEEDED}),
    Requirement.FAILED: frozenset({StepState.FAILED}),
    Requirement.SKIPPED: frozenset({StepState.SKIPPED}),
    Requirement.DONE: TERMINAL,
}
_AFTER_FAILURE = frozenset({Requirement.FAILED, Requirement.DONE})


def unmet(step: StepRun) -> str:
    """Return why a step whose predecessors have ended is skipped, or an empty string."""
    plan = step.step.plan
    if plan.join and not has_joined(step):
        return "need"
    steps = step.scope.steps
    for edge in plan.after:
        if not plan.join and steps[edge.step].state not in _MET[edge.requires]:
            return "need"
    for edge in plan.after:
        if edge.data and steps[edge.step].state is not StepState.SUCCEEDED:
            return "data"
    return ""


def has_joined(step: StepRun) -> bool:
    """True if enough needs are met, and all that the step reads has ended."""
    steps = step.scope.steps
    met = 0
    for edge in step.step.plan.after:
        if not edge.inferred:
            met += steps[edge.step].state in _MET[edge.requires]
        elif steps[edge.step].state not in TERMINAL:
            return False
    return met >= min(step.step.plan.join, step.step.join_edges)


def follows_failure(step: StepRun) -> bool:
    """True if the author asked for this step to run after one that has failed."""
    steps = step.scope.steps
    return any(
        not edge.inferred
        and edge.requires in _AFTER_FAILURE
        and steps[edge.step].state is StepState.FAILED
        for edge in step.step.plan.after
    )


def view(step: StepRun) -> dict[str, Json]:
    """Return what expressions read as `steps.<id>`."""
    state = step.state
    return {
        "outputs": step.outputs or {},
        "artifacts": step.artifacts or {},
        "status": state.value,
        "succeeded": state is StepState.SUCCEEDED,
        "failed": state is StepState.FAILED,
        "skipped": state is StepState.SKIPPED,
        "timed_out": step.timed_out,
        "degraded": step.degraded,
        "cached": step.cached,
        "error": read(step.error),
    }


def read(error: Mapping[str, Json] | None) -> Json:
    """Return an error as expressions read it: what it says is its `detail` and its `message`."""
    return None if error is None else {**error, "message": error.get("detail", "")}
