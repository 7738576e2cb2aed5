"""Compensation: what was dispatched is undone, last ended first, independent steps at once.

A step is undone when every step that began after it had ended is undone: what overlapped in time
did not build on each other. What nobody knows of is undone too, for it may have happened.
"""

from collections.abc import Iterable

from engine.core.machine.readiness import view
from engine.core.machine.turn import Turn, problem
from engine.core.run import Role, ScopeRun, StepRun, Undoing
from engine.core.state import Move, StepState, move
from engine.core.values import Json


def undo(turn: Turn, steps: Iterable[StepRun], holder: ScopeRun | StepRun) -> Undoing:
    """Begin to undo those of `steps` that need it; nothing is under way if none does."""
    told = [each for each in steps if _needs_undoing(each)]
    undoing = Undoing(
        holder,
        sorted(told, key=lambda each: each.ended),
        sorted(told, key=lambda each: each.began),
    )
    _advance(turn, undoing)
    return undoing


def close(turn: Turn, scope: ScopeRun) -> Undoing:
    """Take in that a compensation, or what alerts of a failed one, has ended; go on."""
    undoing = scope.part_of
    assert undoing is not None
    undoing.under_way -= 1
    if scope.role is Role.UNDO:
        _settle(turn, undoing, scope)
    _advance(turn, undoing)
    return undoing


def _settle(turn: Turn, undoing: Undoing, scope: ScopeRun) -> None:
    step = scope.owner
    assert step is not None
    step.scopes.pop(scope.path)
    if scope.failure is None:
        step.state = move(step.state, Move.COMPENSATE)
        step.scope.view[step.step.id] = view(step)
        undoing.undone += 1
        return
    undoing.failure = undoing.failure or {**scope.failure, "step": step.path}
    step.doubt = step.took_effect = False
    turn.run.compensation_failed = True
    alert = turn.run.bound.alert
    if alert is not None:
        path = f"on_compensation_failure[{step.path}]."
        names = {"error": {**scope.failure, "step": step.path}}
        told = turn.open(alert, Role.ALERT, path, turn.run.root, names)
        told.part_of = undoing
        undoing.under_way += 1


def _advance(turn: Turn, undoing: Undoing) -> None:
    """Begin every compensation that waits for none of the others any more."""
    while undoing.unfinished and not _needs_undoing(undoing.unfinished[-1]):
        undoing.unfinished.pop()
    if not undoing.unfinished:
        return
    latest = undoing.unfinished[-1].began
    while undoing.pending and undoing.pending[-1].ended >= latest:
        _begin(turn, undoing, undoing.pending.pop())


def _begin(turn: Turn, undoing: Undoing, step: StepRun) -> None:
    bound = step.step.compensation
    assert bound is not None
    about: dict[str, Json] = {
        "outputs": step.outputs or {},
        "error": step.error,
        "status": step.state.value,
        "idempotency_key": key_of(turn, step),
    }
    path = f"{step.path}.compensate."
    scope = turn.open(bound, Role.UNDO, path, step.scope, {"self": about}, step)
    scope.part_of = undoing
    undoing.under_way += 1


def key_of(turn: Turn, step: StepRun) -> str:
    """Return the idempotency key that was sent with every attempt of a step."""
    key = step.step.key
    if key is None:
        return f"{turn.run.header.id}:{step.path}"
    return str(key.evaluate(turn.names(step.scope)))


def _needs_undoing(step: StepRun) -> bool:
    """True if a step took effect, or may have, and is not undone."""
    return (step.took_effect or step.doubt) and step.state is not StepState.COMPENSATED


def failure_of(undoing: Undoing) -> dict[str, Json]:
    """Return the error of a `rollback` that could not undo everything."""
    cause = undoing.failure or {}
    told = problem("sark.compensation", f"{cause.get('step')} could not be undone")
    return {**told, "cause": dict(cause)}
