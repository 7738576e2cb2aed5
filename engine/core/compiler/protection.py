"""What a protected environment puts before each workflow: people are asked, time is waited.

It is laid into a plan when that is put together, so what holds a run is in the plan, its digest,
its picture and its review, and the machine asks as it asks for any `approve`. Plans that are
called are laid in without it: who has let in the caller has let in all that it does.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

from engine.core import spec
from engine.core.commit.declared import Declared, Kind
from engine.core.compiler.timing import LONGEST
from engine.core.plan import Approve, Block, Edge, Plan, Requirement, Scope, Step, Wait
from engine.core.values import Json, parse_duration

NAME = "protection"
"""The id of the step that holds a run; no other step has it."""

# A run that a run has started (`detach: true`) is part of what was let in.
_CONDITION = "trigger.type != 'call'"


def protection_of(documents: Iterable[Declared], environment: str) -> Step | None:
    """Return the step that holds the runs of an environment, None if nothing does."""
    for each in documents:
        if each.kind is Kind.ENVIRONMENT and each.name == environment:
            facts = each.facts if isinstance(each.facts, Mapping) else {}
            told = facts.get("protection")
            return _step(environment, told) if isinstance(told, Mapping) else None
    return None


def protected(plan: Plan, protection: Step) -> Plan:
    """Return a plan of which nothing runs before the protection has let it in."""
    root = plan.root
    before = tuple(at for at, each in enumerate(root.steps, start=1) if not each.after)
    first = replace(protection, before=before)
    assert isinstance(first.verb, Block)
    spans = (_longest(each) for each in first.verb.body.steps)
    steps = (first, *map(_moved, root.steps))
    return replace(plan, root=replace(root, steps=steps, held=max(spans)))


def _step(environment: str, told: Mapping[str, Json]) -> Step | None:
    """Return the step by the facts of a document, None if they ask nobody and wait for nothing."""
    model = spec.Protection.of(told)
    steps = []
    if model.wait is not None:
        steps.append(Step("wait", Wait(model.wait)))
    if model.by:
        show = f"Let a run of {{{{ run.workflow }}}} into {environment}?"
        expires = parse_duration(model.expires)
        asked = Approve(tuple(model.by), expires, model.min, tuple(model.exclude), show=show)
        steps.append(Step("approve", asked))
    body = Scope(tuple(steps), LONGEST)
    return Step(NAME, Block(body), condition=_CONDITION) if steps else None


def _longest(step: Step) -> timedelta:
    verb = step.verb
    if isinstance(verb, Wait):
        return parse_duration(str(verb.duration))
    assert isinstance(verb, Approve)
    return verb.expires


def _moved(step: Step) -> Step:
    """Return a step of a scope that has a protection before its own steps."""
    after = tuple(replace(each, step=each.step + 1) for each in step.after)
    held = after or (Edge(0, Requirement.OK, inferred=True),)
    return replace(step, after=held, before=tuple(each + 1 for each in step.before))
