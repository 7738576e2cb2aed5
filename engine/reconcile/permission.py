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

    def decide_any_name(
        self, actor: Actor, action: Action, resource: Resource
    ) -> Ruling | None: ...  # fmt: skip


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
        allowed = self._allowed
        new = [plan for name, plan in plans.items() if allowed.get(name) != plan.digest]
        asked = [(plan.name, plan.file, _effect(plan).value) for plan in new]
        asked += [(name, "", "remove") for name in sorted(before - plans.keys())]
        of_all = {effect: self._of_all(effect) for effect in {effect for *_, effect in asked}}
        denied = (
            _denied(name, file, of_all[effect] or self._decided(name, effect))
            for name, file, effect in asked
        )
        found = [each for each in denied if each is not None]
        if found:
            more = f"; and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
            told = "; ".join(each.message for each in found[:_MOST_NAMED]) + more
            return Verdict(
                Stage.AUTHORISED, "Denied", told, [each for each in found if each.span.file]
            )
        self._allowed = {name: plan.digest for name, plan in plans.items()}
        return None

    def _of_all(self, effect: str) -> Ruling | None:
        """Return what holds for workflows of every name; None where rules look at the name."""
        return self.policy.decide_any_name(self._actor, _DEFINE, self._resource("", effect))

    def _decided(self, name: str, effect: str) -> Ruling:
        return self.policy.decide(self._actor, _DEFINE, self._resource(name, effect))

    @property
    def _actor(self) -> Actor:
        return Actor("source", self.source.name, self.source.namespace)

    def _resource(self, name: str, effect: str) -> Resource:
        facts = (("environment", self.source.environment), ("effect", effect))
        return Resource("workflow", name, self.source.namespace, facts)


def _denied(name: str, file: str, ruling: Ruling) -> Diagnostic | None:
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
