"""A plan from above: every step by its path, every scope by a name, and the edges between them.

Keys that only a run knows are `*`: `load[*].fetch`. An edge leads from a step to one after it
(`build -> publish`), or into a scope to the first steps of it (`load[*] -> load[*].fetch`).
"""

from collections.abc import Iterator, Mapping

from engine.core.frozen import frozen
from engine.core.plan import (
    Block,
    Call,
    Case,
    ForEach,
    Handler,
    Plan,
    Race,
    Repeat,
    Scope,
    Step,
    Switch,
)
from engine.core.trial.path import Parts, parts, speaks_of
from engine.core.wording import shown

ALERT = "on_compensation_failure[*]"
_START = "start"


@frozen
class Place:
    """A step of a plan; `is_read` tells that another one needs what it gives."""

    path: str
    parts: Parts
    step: Step
    is_read: bool


@frozen
class Way:
    """The names of the edges in a scope: those that lead to each step, by its position.

    A scope with no step has the one edge `into` it.
    """

    before: tuple[tuple[str, ...], ...]
    into: tuple[str, ...]


class Outline:
    """The steps of a plan and its edges; `ways` are by the identity of a scope and its prefix."""

    def __init__(self, plan: Plan) -> None:
        self.places: list[Place] = []
        self.ways: dict[tuple[int, str], Way] = {}
        self._plan = plan  # held, so that no other scope comes by the identity of one of its own
        self._by_words: dict[tuple[str, ...], list[Place]] = {}
        self._found: dict[str, list[Place]] = {}
        self._scope(plan.root, _START, "", "")
        if plan.on_compensation_failure is not None:
            self._scope(plan.on_compensation_failure, ALERT, f"{ALERT}.", _START)

    @property
    def edges(self) -> frozenset[str]:
        told = {name for way in self.ways.values() for names in way.before for name in names}
        told.update(name for way in self.ways.values() for name in way.into)
        told.update(
            fallback_edge(each.path) for each in self.places if has_plain_fallback(each.step)
        )
        return frozenset(told)

    def find(self, name: str) -> list[Place]:
        """Return the steps that a name in a test is for; several cases may have one of a path."""
        found = self._found.get(name)
        if found is None:
            told = parts(name)
            same = self._by_words.get(_words(told), [])
            found = [each for each in same if speaks_of(told, each.parts)]
            self._found[name] = found
        return found

    def _scope(self, scope: Scope, label: str, prefix: str, owner: str) -> None:
        read = {edge.step for step in scope.steps for edge in step.after if edge.data}
        before = []
        for position, step in enumerate(scope.steps):
            path = prefix + step.id if step.id else prefix[:-1]
            place = Place(path, parts(path), step, position in read)
            self.places.append(place)
            self._by_words.setdefault(_words(place.parts), []).append(place)
            before.append(_before(scope, step, path, label, prefix, owner))
            for told, inner, body in _inside(step, path):
                self._scope(body, told, inner, path)
        into = () if scope.steps else (f"{owner} -> {label}",)
        self.ways[id(scope), prefix] = Way(tuple(before), into)
        for told, inner, body in _around(scope, prefix):
            self._scope(body, told, inner, label)


def fallback_edge(path: str) -> str:
    """Return the name of the edge from a step to the values that stand in for it."""
    return f"{path} -> {path}.fallback"


def has_plain_fallback(step: Step) -> bool:
    return step.fallback is not None and step.fallback.body is None


def _inside(step: Step, path: str) -> Iterator[tuple[str, str, Scope]]:
    """Yield the scopes that a step may open, each with its name and what paths in it begin with."""
    match step.verb:
        case Block(body) | Call(body=body):
            yield path, f"{path}.", body
        case ForEach(body=body) | Repeat(body=body):
            yield f"{path}[*]", f"{path}[*].", body
        case Switch(cases, _, otherwise):
            for case in cases:
                yield f"{path} ({_case(case)})", _case_path(path, case.body), case.body
            if otherwise is not None:
                yield f"{path} (else)", _case_path(path, otherwise), otherwise
        case Race(branches):
            for branch in branches:
                yield f"{path}[{branch.id}]", f"{path}[{branch.id}].", branch.body
        case _:
            pass
    if step.compensation is not None:
        yield f"{path}.compensate", f"{path}.compensate.", step.compensation
    if step.fallback is not None and step.fallback.body is not None:
        yield f"{path}.fallback", f"{path}.fallback.", step.fallback.body


def _case_path(path: str, body: Scope) -> str:
    """Return what paths in a case begin with, as the machine has it."""
    is_one_verb = len(body.steps) == 1 and not body.steps[0].id
    return f"{path}.case." if is_one_verb else f"{path}."


def _around(scope: Scope, prefix: str) -> Iterator[tuple[str, str, Scope]]:
    """Yield what may follow the steps of a scope, as `_inside` does."""
    for handler in scope.handlers:
        yield f"{prefix}on_failure ({_handler(handler)})", f"{prefix}on_failure.", handler.body
    if scope.finally_ is not None:
        yield f"{prefix}finally", f"{prefix}finally.", scope.finally_


def _before(
    scope: Scope, step: Step, path: str, label: str, prefix: str, owner: str
) -> tuple[str, ...]:
    if not step.id:
        return (f"{owner} -> {label}",)
    if not step.after:
        return (f"{label} -> {path}",)
    return tuple(f"{prefix}{scope.steps[edge.step].id} -> {path}" for edge in step.after)


def _words(told: Parts) -> tuple[str, ...]:
    return tuple([word for word, _ in told])


def _case(case: Case) -> str:
    if case.condition is not None:
        return f"if {case.condition}"
    return case.value if isinstance(case.value, str) else shown(case.value)


def _handler(handler: Handler) -> str:
    words: Mapping[str, str] = {
        "type": handler.type, "step": handler.step, "class": handler.error_class,
        "if": handler.condition or "",
    }  # fmt: skip
    return ", ".join(f"{key} {word}" for key, word in words.items() if word) or "any"
