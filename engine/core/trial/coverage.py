"""How much of a plan its tests go through: the edges that `engine.core.trial.outline` names.

An edge is gone through if the step behind it began after the one before it had ended; one into a
scope if the scope was opened and the step began.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from engine.core.run import Role, Run, ScopeRun, StepRun
from engine.core.state import StepState
from engine.core.trial.outline import ALERT, Outline, Way, fallback_edge, has_plain_fallback

_NOT_BEGUN = frozenset({StepState.PENDING, StepState.SKIPPED, StepState.CANCELLED})
_BELOW = {
    Role.ITEM: "[*].",
    Role.TURN: "[*].",
    Role.UNDO: ".compensate.",
    Role.FALLBACK: ".fallback.",
}
_BESIDE = {Role.HANDLER: "on_failure.", Role.FINALLY: "finally."}


@dataclass(slots=True)
class Coverage:
    """The edges of a plan, and those that were gone through so far."""

    edges: frozenset[str]
    taken: set[str] = field(default_factory=set)

    @property
    def part(self) -> float:
        """The part that was gone through, from 0 to 1; of no edges, all."""
        return len(self.taken) / len(self.edges) if self.edges else 1.0

    @property
    def missing(self) -> list[str]:
        return sorted(self.edges - self.taken)

    def add(self, run: Run, outline: Outline) -> None:
        """Count what a run went through; `outline` is that of its own plan, stand-ins included."""
        self.taken.update(_scope(run.root, "", outline.ways))


def _scope(scope: ScopeRun, prefix: str, ways: Mapping[tuple[int, str], Way]) -> Iterator[str]:
    way = ways[id(scope.bound.plan), prefix]
    yield from way.into
    for step, names in zip(scope.steps, way.before, strict=True):
        yield from _taken(scope, step, names)
        path = prefix + step.step.id if step.step.id else prefix[:-1]
        if step.fell_back and has_plain_fallback(step.step.plan):
            yield fallback_edge(path)
        for inner in step.inner:
            yield from _scope(inner, path + _below(inner), ways)
    for inner in scope.inner:
        beside = f"{ALERT}." if inner.role is Role.ALERT else prefix + _BESIDE[inner.role]
        yield from _scope(inner, beside, ways)


def _below(inner: ScopeRun) -> str:
    """Return what paths in a scope begin with, after the path of the step that opened it."""
    if inner.role is Role.BRANCH:
        return f"[{inner.label}]."
    if inner.role is Role.CASE and inner.bound.is_one_verb:
        return ".case."
    return _BELOW.get(inner.role, ".")


def _taken(scope: ScopeRun, step: StepRun, names: tuple[str, ...]) -> Iterator[str]:
    """Yield the edges over which a step was come to; `join` may have left some of them out."""
    if not step.began and step.state in _NOT_BEGUN:
        return
    after = step.step.plan.after
    if not after:
        yield from names
    for edge, name in zip(after, names, strict=False):
        if 0 < scope.steps[edge.step].ended < (step.began or step.ended):
            yield name
