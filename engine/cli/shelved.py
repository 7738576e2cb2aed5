"""Units as plain JSON and back, without their plans: enough to say what is wrong with a commit."""

from collections.abc import Iterable, Iterator
from typing import Any

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
from engine.core.diagnostic import Diagnostic, Edit, Related, Severity, Span
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
    """Return what was found in a file and asked for it; `taken_found` gives the unit back."""
    asked: list[Json] = [[each.about, each.name, each.answer] for each in unit.asked]
    return [[_finding(each) for each in unit.diagnostics], asked]


def taken_found(file: str, documents: tuple[Declared, ...], told: Any) -> Unit:
    findings, asked = told
    found = tuple([_finding_in(file, *each) for each in findings])
    return Unit(file, documents, found, tuple([Question(*each) for each in asked]))


def put_known(documents: Iterable[Declared]) -> list[Json]:
    """Return what neighbours may know of documents; `taken_known` gives back no more."""
    return [[each.kind, each.name, each.facts, each.digest] for each in documents]


def taken_known(told: Any) -> Iterator[Declared]:
    nowhere = Span("", 0, 0)
    for kind, name, facts, digest in told:
        yield Declared(Kind(kind), name, nowhere, facts, digest)


def _declared(told: Declared) -> Json:
    wiring = {
        name: [[each.name, *_span(each.span)] for each in mentions]
        for name in _LISTS
        if (mentions := getattr(told.wiring, name))
    }
    uses = [[kind.value, each.name, *_span(each.span)] for kind, each in told.wiring.uses]
    span = _span(told.span)
    return [
        told.kind, told.name, span, told.facts, told.digest, told.wiring.steps, uses, wiring,
        _trust(told.trust),
    ]  # fmt: skip


def _declared_in(
    file: str, kind: str, name: str, span: Any, facts: Json, digest: str, steps: int,
    uses: Any, wiring: Any, trust: Any,
) -> Declared:  # fmt: skip
    lists = {
        what: tuple([Mention(each, Span(file, *place)) for each, *place in mentions])
        for what, mentions in wiring.items()
    }
    told = tuple([(Kind(of), Mention(each, Span(file, *place))) for of, each, *place in uses])
    wired = Wiring(uses=told, steps=steps, **lists)
    flows = trust and _trust_in(file, *trust)
    return Declared(Kind(kind), name, Span(file, *span), facts, digest, wired, trust=flows)


def _trust(told: Trust | None) -> Json:
    if told is None:
        return None
    return [list(told.calls), list(told.fed), [_flow(each) for each in told.flows]]


def _flow(told: Flow) -> Json:
    labels: list[Json] = [[each.origin.value, *each[1:]] for each in told.labels]
    return [told.goal.value, told.name, told.text, told.call, labels, *_span(told.span)]


def _trust_in(file: str, calls: Any, fed: Any, flows: Any) -> Trust:
    return Trust(tuple(calls), tuple(fed), tuple([_flow_in(file, *each) for each in flows]))


def _flow_in(
    file: str, goal: str, name: str, text: str, call: int, labels: Any, *place: int
) -> Flow:
    told = tuple([Label(Origin(origin), *rest) for origin, *rest in labels])
    return Flow(Goal(goal), name, text, Span(file, *place), told, call)


def _finding(told: Diagnostic) -> Json:
    also = [[each.message, *_span(each.span)] for each in told.related]
    span = _span(told.span)
    return [
        told.code, told.message, span, told.severity.value, told.hint, told.expected, also,
        _fix(told.fix),
    ]  # fmt: skip


def _fix(told: Edit | None) -> Json:
    return None if told is None else [told.text, told.is_sure, *_span(told.span)]


def _finding_in(
    file: str, code: str, message: str, span: Any, severity: str, hint: str, expected: str,
    also: Any, fix: Any,
) -> Diagnostic:  # fmt: skip
    related = tuple([Related(Span(file, *place), each) for each, *place in also])
    place = Span(file, *span)
    mended = fix and Edit(Span(file, *fix[2:]), fix[0], fix[1])
    return Diagnostic(code, message, place, Severity(severity), hint, expected, related, mended)


def _span(span: Span) -> list[Json]:
    return [span.line, span.column, span.end]
