"""Units as plain JSON and back, without their plans: enough to say what is wrong with a commit."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from engine.cli import finding
from engine.core.commit import (
    Declared,
    Flow,
    Goal,
    Kind,
    Label,
    Mention,
    Origin,
    Question,
    Trust,
    Unit,
    Wiring,
)
from engine.core.diagnostic import Span
from engine.core.values import Json

_LISTS = (
    "calls", "detached", "follows", "emits", "starts", "bounded", "awaits", "outside", "routes",
)  # fmt: skip


def put(unit: Unit) -> Json:
    """Return what `taken` gives back, but for the plans."""
    return [unit.file, put_documents(unit.documents), *put_found(unit)]


def taken(told: Any) -> Unit:
    """Return the unit that was put away."""
    file, documents, *found = told
    return taken_found(file, taken_documents(file, documents), found)


def put_documents(documents: Iterable[Declared]) -> list[Json]:
    """Return what a file declares; `taken_documents` gives it back, but for the plans."""
    return [_declared(each) for each in documents]


def taken_documents(file: str, told: Any) -> tuple[Declared, ...]:
    return tuple([_declared_in(file, *each) for each in told])


def put_found(unit: Unit) -> list[Json]:
    """Return what was found out about a file when it was compiled, beside what it declares."""
    asked: list[Json] = [[each.about, each.name, each.answer] for each in unit.asked]
    found: list[Json] = [finding.put(each) for each in unit.diagnostics]
    return [found, asked, [_trust(each.trust) for each in unit.documents]]


def taken_found(file: str, documents: tuple[Declared, ...], told: Any) -> Unit:
    """Return the unit of a file that declares these documents."""
    findings, asked, trusts = told
    pairs = zip(documents, trusts, strict=True)
    known = [replace(each, trust=_trust_in(file, *it)) if it else each for each, it in pairs]
    found = tuple([finding.taken(file, *each) for each in findings])
    return Unit(file, tuple(known), found, tuple([Question(*each) for each in asked]))


def put_known(documents: Iterable[Declared]) -> list[Json]:
    """Return what neighbours may know of documents; `taken_known` gives back no more."""
    return [[each.kind, each.name, each.facts, each.digest] for each in documents]


def taken_known(told: Any) -> Iterator[Declared]:
    nowhere = Span("", 0, 0)
    for kind, name, facts, digest in told:
        yield Declared(Kind(kind), name, nowhere, facts, digest)


def _declared(told: Declared) -> Json:
    wiring = {
        name: [[each.name, *finding.place(each.span)] for each in mentions]
        for name in _LISTS
        if (mentions := getattr(told.wiring, name))
    }
    uses = [[kind.value, each.name, *finding.place(each.span)] for kind, each in told.wiring.uses]
    span = finding.place(told.span)
    return [told.kind, told.name, span, told.facts, told.digest, told.wiring.steps, uses, wiring]


def _declared_in(
    file: str, kind: str, name: str, span: Any, facts: Json, digest: str, steps: int,
    uses: Any, wiring: Any,
) -> Declared:  # fmt: skip
    lists = {
        what: tuple([Mention(each, Span(file, *place)) for each, *place in mentions])
        for what, mentions in wiring.items()
    }
    told = tuple([(Kind(of), Mention(each, Span(file, *place))) for of, each, *place in uses])
    wired = Wiring(uses=told, steps=steps, **lists)
    return Declared(Kind(kind), name, Span(file, *span), facts, digest, wired)


def _trust(told: Trust | None) -> Json:
    if told is None:
        return None
    return [list(told.calls), list(told.fed), [_flow(each) for each in told.flows]]


def _flow(told: Flow) -> Json:
    labels: list[Json] = [[each.origin.value, *each[1:]] for each in told.labels]
    return [told.goal.value, told.name, told.text, told.call, labels, *finding.place(told.span)]


def _trust_in(file: str, calls: Any, fed: Any, flows: Any) -> Trust:
    return Trust(tuple(calls), tuple(fed), tuple([_flow_in(file, *each) for each in flows]))


def _flow_in(
    file: str, goal: str, name: str, text: str, call: int, labels: Any, *place: int
) -> Flow:
    told = tuple([Label(Origin(origin), *rest) for origin, *rest in labels])
    return Flow(Goal(goal), name, text, Span(file, *place), told, call)
