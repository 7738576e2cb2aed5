"""What a test says of steps: how each attempt ends, by the path of its step.

A path may leave out what stands in brackets, and then speaks of every item, turn or branch:
`load[fr].fetch` is asked for first, then `load[*].fetch`, then `load.fetch`.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from engine.core import spec
from engine.core.event import Failed, Succeeded
from engine.core.plan import Approve, Effect, Plan, Scope, Step, Uses
from engine.core.spec.workflow_test import Mock
from engine.core.values import Json, digest

_KEYS = re.compile(r"\[[^\[\]]*\]")
# The operation that stands in for a verb which a test answers as a whole.
STAND_IN = "trial.mock@1"


class Script:
    """The mocks of a test, taken one attempt after the other; the last one holds for the rest."""

    def __init__(self, mocks: Mapping[str, Mock | list[Mock]]) -> None:
        self._mocks = mocks
        self._taken: Counter[str] = Counter()
        self.used: set[str] = set()

    def next(self, path: str) -> Mock | None:
        """Return how the next attempt of a step ends, or None if the test does not say."""
        for name in _names(path):
            if name in self._mocks:
                told = self._mocks[name]
                self.used.add(name)
                listed = told if isinstance(told, list) else [told]
                number = min(self._taken[path], len(listed) - 1)
                self._taken[path] += 1
                return listed[number] if listed else None
        return None


def scripted(plan: Plan, mocks: Mapping[str, object]) -> Plan:
    """Return a plan in which every step that a mock answers as a whole is one attempt.

    That is any verb but `uses`, which is one already, and `approve`, which a mock decides.
    """
    wholes = {_KEYS.sub("", name) for name in mocks}
    root = _scope(plan.root, "", wholes)
    alert = plan.on_compensation_failure
    if alert is not None:
        alert = _scope(alert, "on_compensation_failure.", wholes)
    return replace(plan, root=root, on_compensation_failure=alert)


def outcome(path: str, attempt: int, mock: Mock) -> Succeeded | Failed:
    """Return the event with which an attempt ends."""
    if mock.error is not None:
        told = mock.error
        error: dict[str, Json] = {
            **(told.model_extra or {}),
            "type": told.type,
            "detail": told.message or "the test says so",
            "class": told.class_,
        }
        return Failed(path, attempt, error)
    artifacts: dict[str, Json] = {
        name: {"artifact": digest(file), "name": name, "media_type": "", "bytes": 0}
        for name, file in mock.artifacts.items()
    }
    return Succeeded(path, attempt, mock.outputs or {}, artifacts)


def _names(path: str) -> Iterator[str]:
    yield path
    if "[" in path:
        yield _KEYS.sub("[*]", path)
        yield _KEYS.sub("", path)


def _scope(scope: Scope, path: str, wholes: set[str]) -> Scope:
    """Return a scope with its mocked verbs replaced; `path` is without what stands in brackets."""
    steps = tuple(_step(each, path + each.id if each.id else path[:-1], wholes)
                  for each in scope.steps)  # fmt: skip
    handlers = tuple(
        replace(each, body=_scope(each.body, f"{path}on_failure.", wholes))
        for each in scope.handlers
    )
    last = scope.finally_ and _scope(scope.finally_, f"{path}finally.", wholes)
    return replace(scope, steps=steps, handlers=handlers, finally_=last)


def _step(step: Step, path: str, wholes: set[str]) -> Step:
    undo = step.compensation and _scope(step.compensation, f"{path}.compensate.", wholes)
    fallback = step.fallback
    if fallback is not None and fallback.body is not None:
        fallback = replace(fallback, body=_scope(fallback.body, f"{path}.fallback.", wholes))
    verb = step.verb
    if path in wholes and not isinstance(verb, Uses | Approve):
        verb = Uses(STAND_IN, {}, Effect.PURE, repeatable=True)
        step = replace(step, outputs=())
    else:
        verb = _within(verb, path, wholes)
    return replace(step, verb=verb, compensation=undo, fallback=fallback)


def _within(verb: Any, path: str, wholes: set[str]) -> Any:
    """Return a verb, a case or a branch with the scopes that it holds gone through."""
    held: dict[str, Any] = {}
    for each in fields(verb):
        value: Any = getattr(verb, each.name)
        if isinstance(value, Scope):
            held[each.name] = _scope(value, f"{path}.", wholes)
        elif isinstance(value, tuple) and value and all(map(_has_scope, value)):
            held[each.name] = tuple(_within(one, path, wholes) for one in value)
    return replace(verb, **held) if held else verb


def _has_scope(value: object) -> bool:
    return is_dataclass(value) and isinstance(getattr(value, "body", None), Scope)


def check_paths(plan: Plan, test: spec.WorkflowTest) -> list[tuple[tuple[str, ...], str]]:
    """Return the places of a test that speak of steps which the plan has not, and their names."""
    known = set(paths(plan))
    told = [("mock", each) for each in test.mock]
    told += [("expect", each) for each in (*test.expect.steps, *test.expect.order)]
    return [((where, name), name) for where, name in told if _KEYS.sub("", name) not in known]


def paths(plan: Plan) -> Iterator[str]:
    """Yield the path of every step of a plan, without what would stand in brackets."""
    yield from (path for path, _ in steps(plan.root, ""))
    if plan.on_compensation_failure is not None:
        told = steps(plan.on_compensation_failure, "on_compensation_failure.")
        yield from (path for path, _ in told)


def steps(scope: Scope, path: str) -> Iterator[tuple[str, Step]]:
    """Yield every step of a scope and of those in it by its path; they nest at most 40 deep."""
    for step in scope.steps:
        own = path + step.id if step.id else path[:-1]
        yield own, step
        for told, inner in _inner(step, own):
            yield from steps(inner, told)
    for handler in scope.handlers:
        yield from steps(handler.body, f"{path}on_failure.")
    if scope.finally_ is not None:
        yield from steps(scope.finally_, f"{path}finally.")


def _inner(step: Step, path: str) -> Iterator[tuple[str, Scope]]:
    for each in fields(step.verb):
        value: object = getattr(step.verb, each.name)
        held: tuple[object, ...] = value if isinstance(value, tuple) else (value,)
        for one in held:
            body = getattr(one, "body", one)
            if isinstance(body, Scope):
                yield f"{path}.", body
    if step.compensation is not None:
        yield f"{path}.compensate.", step.compensation
    if step.fallback is not None and step.fallback.body is not None:
        yield f"{path}.fallback.", step.fallback.body
