"""The end of a scope: undo what must be undone, handle the failure, then `finally`.

A scope goes through its stages in one order. A handler that recovers comes before the undoing
and, if it succeeds, instead of it; any other comes after. What ends a scope from outside, a
cancellation or a lost race, is handled by nobody, but undone and followed by `finally`.
"""

from engine.core.binding import BoundHandler, evaluate
from engine.core.expression import EvaluationError
from engine.core.machine import undoing
from engine.core.machine.readiness import read
from engine.core.machine.turn import Turn, problem
from engine.core.run import Role, ScopeRun, Stage, Undoing
from engine.core.state import RunStatus
from engine.core.values import Json


def advance(turn: Turn, scope: ScopeRun) -> bool:
    """Move a scope that waits for nothing to its next stage; return True once it is closed."""
    match scope.stage:
        case Stage.STEPS:
            turn.run.scopes.pop(scope.key)
            _end_steps(turn, scope)
        case Stage.UNDOING:
            _handle(turn, scope)
        case Stage.HANDLING:
            _end_handling(turn, scope)
        case _:
            _end_finishing(turn, scope)
    return scope.stage is Stage.CLOSED


def told(turn: Turn, inner: ScopeRun) -> ScopeRun:
    """Take in how a handler or `finally` ended; return the scope that it belongs to."""
    scope = inner.parent
    assert scope is not None
    if inner.role is Role.FINALLY:
        scope.failure = scope.failure or inner.failure
        return scope
    assert scope.handler is not None
    if not scope.handler.plan.recover:
        return scope
    scope.undoable += inner.undoable
    if inner.failure is None:
        inner.failure = _recovered(scope, scope.handler, inner)
    if inner.failure is None:
        scope.failure, scope.recovered = None, True
        turn.run.degraded = True
    return scope


def status_after(turn: Turn, scope: ScopeRun) -> RunStatus:
    """Return how a run ends whose root is in this state."""
    if turn.run.cancelled is not None:
        return RunStatus.CANCELLED
    if scope.failure is None:
        return RunStatus.SUCCEEDED
    return RunStatus.COMPENSATED if _is_undone(scope) else RunStatus.FAILED


def _end_steps(turn: Turn, scope: ScopeRun) -> None:
    if not scope.is_let_in:
        scope.stage = Stage.CLOSED
        return None
    if not scope.stop_reason and scope.failure is None:
        try:
            scope.outputs = _outputs(scope)
        except (EvaluationError, ValueError) as fault:
            scope.failure = problem("sark.output", str(fault))
    if scope.failure is None and not scope.stop_reason:
        return _finish(turn, scope)
    if not scope.stop_reason:
        scope.handler = _matching(scope)
    if scope.handler is not None and scope.handler.plan.recover:
        return _open_handler(turn, scope, scope.handler)
    return _undo(turn, scope)


def _outputs(scope: ScopeRun) -> dict[str, Json]:
    if scope.bound.is_one_verb:
        return dict(scope.steps[0].outputs or {})
    return evaluate(scope.bound.outputs, scope.readable())


def _undo(turn: Turn, scope: ScopeRun) -> None:
    scope.stage = Stage.UNDOING
    scope.undoing = _undoing(turn, scope)
    if not scope.undoing.under_way:
        _handle(turn, scope)


def _undoing(turn: Turn, scope: ScopeRun) -> Undoing:
    steps, scope.undoable = scope.undoable, []
    return undoing.undo(turn, steps, scope)


def _handle(turn: Turn, scope: ScopeRun) -> None:
    """Run the handler of a failure, unless it recovers and has had its turn."""
    if scope.handler is None or scope.handler.plan.recover:
        return _finish(turn, scope)
    return _open_handler(turn, scope, scope.handler)


def _end_handling(turn: Turn, scope: ScopeRun) -> None:
    """Undo after a handler that should have recovered and did not, or did so too late."""
    assert scope.handler is not None
    if scope.handler.plan.recover and (not scope.recovered or scope.stop_reason):
        return _undo(turn, scope)
    return _finish(turn, scope)


def _finish(turn: Turn, scope: ScopeRun) -> None:
    bound = scope.bound.finally_
    scope.stage = Stage.FINISHING if bound else Stage.CLOSED
    if bound is None:
        return
    names = _names(turn, scope)
    turn.open(bound, Role.FINALLY, f"{scope.path}finally.", scope, names)


def _end_finishing(turn: Turn, scope: ScopeRun) -> None:
    """Close a scope; one that was ended from outside meanwhile is undone first."""
    if scope.stop_reason and scope.undoing is None:
        scope.undoing = _undoing(turn, scope)
        if scope.undoing.under_way:
            return
    scope.stage = Stage.CLOSED


def _open_handler(turn: Turn, scope: ScopeRun, handler: BoundHandler) -> None:
    scope.stage = Stage.HANDLING
    names = _names(turn, scope)
    turn.open(handler.body, Role.HANDLER, f"{scope.path}on_failure.", scope, names)


def _names(turn: Turn, scope: ScopeRun) -> dict[str, Json]:
    """Return what a handler and `finally` read: the error, and how the run is about to end."""
    about = scope.names["run"]
    assert isinstance(about, dict)
    status = about["status"]
    if scope.role is Role.ROOT:
        status = status_after(turn, scope).value
    return {
        "run": {**about, "status": status, "compensated": _is_undone(scope)},
        "error": read(scope.failure),
    }


def _is_undone(scope: ScopeRun) -> bool:
    """True if something was undone, and nothing could not be."""
    told = scope.undoing
    return told is not None and told.undone > 0 and told.failure is None


def _matching(scope: ScopeRun) -> BoundHandler | None:
    """Return the first handler for the failure; one whose condition is in error is for it."""
    for handler in scope.bound.handlers:
        if _is_for(scope, handler):
            return handler
    return None


def _is_for(scope: ScopeRun, handler: BoundHandler) -> bool:
    error, plan = scope.failure or {}, handler.plan
    kind, step = str(error.get("type")), str(error.get("step", ""))
    if plan.type and kind != plan.type and not kind.startswith(f"{plan.type}."):
        return False
    where = f"{scope.path}{plan.step}"
    if plan.step and step != where and not step.startswith((f"{where}.", f"{where}[")):
        return False
    if plan.error_class and error.get("class") != plan.error_class:
        return False
    if handler.condition is None:
        return True
    try:
        names = {**scope.readable(), "error": read(scope.failure)}
        return handler.condition.evaluate(names) is not False
    except (EvaluationError, ValueError):
        return True


def _recovered(scope: ScopeRun, handler: BoundHandler, inner: ScopeRun) -> dict[str, Json] | None:
    """Give the scope the handler's outputs; return the error if it cannot."""
    try:
        scope.outputs = evaluate(handler.outputs, inner.readable())
    except (EvaluationError, ValueError) as fault:
        return problem("sark.output", f"on_failure: {fault}")
    return None
