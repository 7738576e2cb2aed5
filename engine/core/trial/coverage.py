"""How much of a plan its tests go through: the edges between steps, and into every scope.

An edge is gone through if the step behind it began after the one before it; an edge into a scope,
as that of a case or of a handler, if the scope was opened.
"""

import re
from dataclasses import dataclass, field

from engine.core.plan import Plan, Scope, Step
from engine.core.run import Run, ScopeRun
from engine.core.trial.script import steps

_KEYS = re.compile(r"\[[^\[\]]*\]")


@dataclass(slots=True)
class Coverage:
    """The edges of a plan, and those that were gone through so far."""

    edges: frozenset[str]
    taken: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, plan: Plan) -> "Coverage":
        """Return the coverage of a plan that nothing has gone through yet."""
        told: set[str] = set()
        scopes: dict[str, Scope] = {"": plan.root}
        if plan.on_compensation_failure is not None:
            scopes["on_compensation_failure."] = plan.on_compensation_failure
        for path, scope in scopes.items():
            for own, step in steps(scope, path):
                told.update(_into(own, step))
        return cls(frozenset(told))

    @property
    def part(self) -> float:
        """The part that was gone through, from 0 to 1; of no edges, all."""
        return len(self.taken) / len(self.edges) if self.edges else 1.0

    @property
    def missing(self) -> list[str]:
        return sorted(self.edges - self.taken)

    def add(self, run: Run) -> None:
        """Count what a run went through."""
        waiting: list[ScopeRun] = [run.root]
        while waiting:
            scope = waiting.pop()
            waiting += scope.inner
            for each in scope.steps:
                waiting += each.inner
                if each.began or each.took_effect:
                    own = _KEYS.sub("", each.path)
                    self.taken.update(_into(own, each.step.plan, scope.bound.plan) & self.edges)


def _into(path: str, step: Step, scope: Scope | None = None) -> set[str]:
    """Return the names of the edges that lead to a step."""
    if not step.after:
        return {f"-> {path}"}
    return {f"{edge.step} -> {path}" for edge in step.after}
