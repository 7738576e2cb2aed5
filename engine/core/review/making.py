"""A review made of two ends of a change, as far as the specs alone tell."""

from collections.abc import Iterator, Mapping, Sequence

from engine.core.change import NONE, Change, Known, Reach, compare, reach
from engine.core.diagnostic import Diagnostic, Severity
from engine.core.facts import Catalogue
from engine.core.frozen import frozen
from engine.core.plan import Plan
from engine.core.review.guard import guard
from engine.core.review.model import Head, Review
from engine.core.values import Json


@frozen
class Place:
    """Where specs are reviewed: a source, the environment that it is bound to, and its root."""

    source: str
    environment: str = ""
    root: str = ""


@frozen
class End:
    """One end of a change: its plans by name, how many specs it has, and what is found in them."""

    head: Head
    plans: Mapping[str, Plan]
    specs: int
    findings: Sequence[Diagnostic] = ()


def make(
    place: Place, base: End, head: End, catalogue: Catalogue, known: Known = NONE
) -> Review:  # fmt: skip
    """Return the facts of a change; what policies and a running system say is put in later.

    A workflow of a file with errors in it is not told as gone: nobody knows yet what it will be.
    What some of the plans reach may be `known` already.
    """
    broken = {each.span.file for each in head.findings if each.severity is Severity.ERROR}
    old = {
        name: plan for name, plan in base.plans.items()
        if name in head.plans or plan.file not in broken
    }  # fmt: skip
    changes = compare(old, head.plans, catalogue, known)
    return Review(
        place.source, place.environment, place.root, base.head, head.head, head.specs, changes,
        tuple(head.findings), callers=tuple(callers(changes, head.plans, catalogue, known)),
        guard=None if broken else guard(base.plans.keys(), head.plans.keys()),
    )  # fmt: skip


def callers(
    changes: Sequence[Change],
    plans: Mapping[str, Plan],
    catalogue: Catalogue,
    known: Known = NONE,
) -> Iterator[tuple[str, str]]:
    """Yield workflows that do not change, each with one that does and that it has to do with.

    It starts it, starts when that has ended, or starts on or waits for an event that it emits or
    did emit. Who calls it within its own run changes with it, and is none.
    """
    emitted = {each.name: _emits(each, catalogue) for each in changes}
    for name, plan in sorted(plans.items()) if changes else ():
        if name not in emitted:
            reached = reach(plan, catalogue, known)
            named = {*reached.workflows, *_settings(plan, "workflow")}
            heard = {*reached.awaits, *_settings(plan, "event")}
            for changed, emits in emitted.items():
                if changed in named or not heard.isdisjoint(emits):
                    yield changed, name


def _emits(change: Change, catalogue: Catalogue) -> frozenset[str]:
    ends = [each for each in (change.old, change.new) if each is not None]
    return frozenset(Reach.of(reach(each, catalogue) for each in ends).emits)


def _settings(plan: Plan, key: str) -> Iterator[str]:
    for each in plan.triggers:
        told: Json = each.settings.get(key) if isinstance(each.settings, Mapping) else None
        if isinstance(told, str):
            yield told
