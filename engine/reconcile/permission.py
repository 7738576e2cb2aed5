"""Whether a source may define what a commit defines: policies are asked, workflow by workflow."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Protocol

from engine.core.anatomy import parts
from engine.core.diagnostic import Diagnostic, Span
from engine.core.facts import worst
from engine.core.plan import Effect, Emit, Plan, Start, Uses, Verb
from engine.reconcile.verdict import Stage, Verdict
from engine.settings import Source
from policies.facts import Action, Actor, Resource
from policies.facts import Verdict as Ruling

_DEFINE = Action("workflow.define")
_MOST_NAMED = 3


class Policy(Protocol):
    """What decides. `digest` changes when its rules do."""

    digest: str

    def decide(self, actor: Actor, action: Action, resource: Resource) -> Ruling: ...


@dataclass(slots=True)
class Permission:
    """What the policies say of one source. A plan that was allowed is not asked about again."""

    policy: Policy
    source: Source
    _allowed: dict[str, str] = field(init=False, default_factory=dict)

    def denial(self, before: Set[str], plans: Mapping[str, Plan]) -> Verdict | None:
        """Return the verdict on workflows that the source may not define or remove, if there are.

        `before` are the names of those that it has. Blocks.
        """
        asked = {name: plan for name, plan in plans.items() if self._is_new(plan)}
        denied = [
            *(self._denied(name, plan.file, _effect(plan).value) for name, plan in asked.items()),
            *(self._denied(name, "", "remove") for name in sorted(before - plans.keys())),
        ]
        found = [each for each in denied if each is not None]
        if found:
            more = f"; and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
            told = "; ".join(each.message for each in found[:_MOST_NAMED]) + more
            return Verdict(
                Stage.AUTHORISED, "Denied", told, [each for each in found if each.span.file]
            )
        self._allowed = {name: plan.digest for name, plan in plans.items()}
        return None

    def _is_new(self, plan: Plan) -> bool:
        return self._allowed.get(plan.name) != plan.digest

    def _denied(self, name: str, file: str, effect: str) -> Diagnostic | None:
        source = self.source
        facts = (("environment", source.environment), ("effect", effect))
        ruling = self.policy.decide(
            Actor("source", source.name, source.namespace), _DEFINE,
            Resource("workflow", name, source.namespace, facts),
        )  # fmt: skip
        if ruling.allowed:
            return None
        return Diagnostic("denied", f"workflow {name!r}: {ruling.reason}", Span(file, 1, 1))


def _effect(plan: Plan) -> Effect:
    """Return the most that a workflow does to the world."""
    steps = (step for part in parts(plan) for step in part.scope.steps)
    return worst(Effect.PURE, *(_done(step.verb) for step in steps))


def _done(verb: Verb) -> Effect:
    match verb:
        case Uses():
            return verb.effect
        case Emit() | Start():
            return Effect.WRITE
        case _:
            return Effect.PURE
