"""Compensation: what was dispatched is undone, last ended first, independent steps at once.

A step is undone when every step that began after it had ended is undone: what overlapped in time
did not build on each other. What nobody knows of is undone too, for it may have happened.
"""

from collections.abc import Iterable, Mapping

from engine.core.expression import EvaluationError
from engine.core.machine.readiness import read, view
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


def close(turn: Turn, scope: ScopeRun) -> tuple[Undoing, ...]:
    """Take in that a compensation, or what alerts of a failed one, has ended; let theirs go on."""
    told = (scope.part_of,) if scope.part_of is not None else _settle(turn, scope)
    for undoing in told:
        undoing.under_way -= 1
        _advance(turn, undoing)
    return told


def _settle(turn: Turn, scope: ScopeRun) -> tuple[Undoing, ...]:
    """Note how a compensation has ended; return those that waited for it."""
    step = scope.owner
    assert step is not None
    step.scopes.pop(scope.path)
    told, step.undoings = step.undoings, ()
    if scope.failure is None:
        step.state = move(step.state, Move.COMPENSATE)
        step.scope.view[step.step.id] = view(step)
        for undoing in told:
            undoing.undone += 1
    else:
        for undoing in told:
            undoing.failure = undoing.failure or {**scope.failure, "step": step.path}
        _give_up(turn, step, scope.failure, told[0])
    return told


def _give_up(turn: Turn, step: StepRun, failure: Mapping[str, Json], undoing: Undoing) -> None:
    """Leave a step as it is, and alert of it."""
    step.doubt = step.took_effect = False
    turn.run.compensation_failed = True
    alert = turn.run.bound.alert
    if alert is not None and not _is_in_alert(step.scope):
        path = f"on_compensation_failure[{step.path}]."
        names = {"error": read({**failure, "step": step.path})}
        told = turn.open(alert, Role.ALERT, path, turn.run.root, names)
        told.part_of = undoing
        undoing.under_way += 1


def _is_in_alert(scope: ScopeRun | None) -> bool:
    """True for what alerts of a failed compensation: it raises no alert in its turn."""
    while scope is not None and scope.role is not Role.ALERT:
        scope = scope.parent
    return scope is not None


def _advance(turn: Turn, undoing: Undoing) -> None:
    """Begin every compensation that waits for none of the others any more."""
    while undoing.unfinished and not _needs_undoing(undoing.unfinished[-1]):
        undoing.unfinished.pop()
    if not undoing.unfinished:
        return
    latest = undoing.unfinished[-1].began
    while undoing.pending and undoing.pending[-1].ended >= latest:
        step = undoing.pending.pop()
        if _needs_undoing(step):
            _begin(turn, undoing, step)


def _begin(turn: Turn, undoing: Undoing, step: StepRun) -> None:
    """Begin to undo a step; wait for it if another does so already."""
    undoing.under_way += 1
    step.undoings += (undoing,)
    if len(step.undoings) > 1:
        return
    bound = step.step.compensation
    assert bound is not None
    about: dict[str, Json] = {
        "outputs": step.outputs or {},
        "error": read(step.error),
        "status": step.state.value,
        "idempotency_key": _key_of(turn, step),
    }
    path = f"{step.path}.compensate."
    turn.open(bound, Role.UNDO, path, step.scope, {"self": about}, step)


def _key_of(turn: Turn, step: StepRun) -> str | None:
    """Return the idempotency key of a step's attempts; where it has no value, none was made."""
    key = step.step.key
    if key is None:
        return f"{turn.run.header.id}:{step.path}"
    try:
        return str(key.evaluate(step.scope.readable()))
    except (EvaluationError, ValueError):
        return None


def _needs_undoing(step: StepRun) -> bool:
    """True if a step took effect, or may have, and is not undone."""
    return (step.took_effect or step.doubt) and step.state is not StepState.COMPENSATED


def failure_of(undoing: Undoing) -> dict[str, Json]:
    """Return the error of a `rollback` that could not undo everything."""
    cause = undoing.failure or {}
    told = problem("sark.compensation", f"{cause.get('step')} could not be undone")
    return {**told, "cause": dict(cause)}
