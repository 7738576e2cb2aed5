"""Steps that a test answers as a whole: in its plan one attempt stands in for each of them."""

from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from typing import Any

from engine.core.plan import Approve, Effect, ForEach, Plan, Race, Repeat, Scope, Step, Uses
from engine.core.trial.outline import ALERT

# The operation that stands in for a verb which a test answers as a whole.
OPERATION = "trial.mock@1"
_VERB = Uses(OPERATION, {}, Effect.PURE, repeatable=True)
_LONGEST = timedelta(days=3660)  # what it stands for has no attempts, whose time could be over


def with_stand_ins(plan: Plan, wholes: frozenset[str]) -> Plan:
    """Return a plan in which each step whose path is one of `wholes` is one attempt."""
    if not wholes:
        return plan
    alert = plan.on_compensation_failure
    if alert is not None:
        alert = _scope(alert, f"{ALERT}.", wholes)
    return replace(plan, root=_scope(plan.root, "", wholes), on_compensation_failure=alert)


def _scope(scope: Scope, path: str, wholes: frozenset[str]) -> Scope:
    steps = tuple(
        _step(each, path + each.id if each.id else path[:-1], wholes) for each in scope.steps
    )
    handlers = tuple(
        replace(each, body=_scope(each.body, f"{path}on_failure.", wholes))
        for each in scope.handlers
    )
    last = scope.finally_ and _scope(scope.finally_, f"{path}finally.", wholes)
    return replace(scope, steps=steps, handlers=handlers, finally_=last)


def _step(step: Step, path: str, wholes: frozenset[str]) -> Step:
    undo = step.compensation and _scope(step.compensation, f"{path}.compensate.", wholes)
    fallback = step.fallback
    if fallback is not None and fallback.body is not None:
        fallback = replace(fallback, body=_scope(fallback.body, f"{path}.fallback.", wholes))
    if path not in wholes or isinstance(step.verb, Uses | Approve):
        verb = _within(step.verb, path, wholes)
        return replace(step, verb=verb, compensation=undo, fallback=fallback)
    timeout = replace(step.timeout, attempt=_LONGEST)
    return replace(step, verb=_VERB, timeout=timeout, compensation=undo, fallback=fallback)


def _within(verb: Any, path: str, wholes: frozenset[str]) -> Any:
    """Return a verb, a case or a branch with the scopes that it holds gone through."""
    inner = f"{path}[*]." if isinstance(verb, ForEach | Repeat) else f"{path}."
    held: dict[str, Any] = {}
    for each in fields(verb):
        value: Any = getattr(verb, each.name)
        if isinstance(value, Scope):
            held[each.name] = _scope(value, inner, wholes)
        elif isinstance(value, tuple) and value and all(map(_has_scope, value)):
            is_race = isinstance(verb, Race)
            held[each.name] = tuple(
                _within(one, f"{path}[{one.id}]" if is_race else path, wholes) for one in value
            )
    return replace(verb, **held) if held else verb


def _has_scope(value: object) -> bool:
    return is_dataclass(value) and isinstance(getattr(value, "body", None), Scope)
