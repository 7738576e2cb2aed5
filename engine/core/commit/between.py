"""What only shows when all documents of a commit are put together."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TypeAlias

from engine.core.commit import chain, trust
from engine.core.commit.declared import Declared, Kind
from engine.core.commit.lookalike import skeleton
from engine.core.diagnostic import Diagnostic, Enough, Gathered, Related, Severity, Span
from engine.core.mending import fix_at
from engine.core.wording import listed, meant

_Taken: TypeAlias = Iterable[tuple[str, Span]]
# What is worth nothing unless another document names it.
_SERVING = (Kind.POOL, Kind.BREAKER, Kind.CALENDAR, Kind.CONNECTION)
_WORDS: Mapping[Kind, str] = {
    Kind.WORKFLOW: "workflow",
    Kind.CONNECTION: "connection",
    Kind.POOL: "pool",
    Kind.BREAKER: "circuit breaker",
    Kind.CALENDAR: "calendar",
    Kind.ENVIRONMENT: "environment",
    Kind.TEST: "test",
    Kind.POLICY_TEST: "test of policies",
}
# What to do about a name that is no slip, where that is not plain.
_OTHERWISE: Mapping[Kind, str] = {
    Kind.ENVIRONMENT: "describe it: a document of the kind `Environment` needs no more than a name",
}


def findings(documents: Sequence[Declared]) -> list[Diagnostic]:
    """Return what is wrong between the documents of a commit; of very much, the first."""
    gathered = Gathered()
    with suppress(Enough):
        gathered.extend(_between(documents))
    return gathered.all


def _between(documents: Sequence[Declared]) -> Iterator[Diagnostic]:
    is_whole = all(each.facts is not None for each in documents)
    by_kind: dict[Kind, list[Declared]] = {kind: [] for kind in Kind}
    for each in documents:
        by_kind[each.kind].append(each)
    for kind, mine in by_kind.items():
        names = [(each.name, each.span) for each in mine]
        message = f'there are two {_WORDS[kind]}s with the name "{{}}"'
        yield from _twice(names, "duplicate-name", message.format)
        yield from _look_alikes(kind, names)
    routes = ((told.name, told.span) for each in documents for told in each.wiring.routes)
    yield from _twice(routes, "duplicate-route", 'there are two webhooks with the path "{}"'.format)
    yield from _unknown(documents, by_kind)
    workflows: dict[str, Declared] = {}
    for each in by_kind[Kind.WORKFLOW]:
        workflows.setdefault(each.name, each)
    yield from chain.calls(workflows)
    yield from chain.events(workflows, is_whole=is_whole)
    yield from trust.findings(workflows)
    if is_whole:
        yield from _unused(documents, by_kind)


def _twice(taken: _Taken, code: str, worded: Callable[[str], str]) -> Iterator[Diagnostic]:
    first: dict[str, Span] = {}
    for name, span in taken:
        if name not in first:
            first[name] = span
            continue
        also = (Related(first[name], "the first is here"),)
        yield Diagnostic(code, worded(name), span, hint="rename one of them", related=also)


def _look_alikes(kind: Kind, names: _Taken) -> Iterator[Diagnostic]:
    """Find names of a kind that a reader takes for each other."""
    first: dict[str, tuple[str, Span]] = {}
    for name, span in names:
        other, place = first.setdefault(skeleton(name), (name, span))
        if other != name:
            message = f'the {_WORDS[kind]}s "{name}" and "{other}" look alike'
            also = (Related(place, f'"{other}" is here'),)
            hint = "rename one, so that nobody takes it for the other"
            yield Diagnostic("look-alike", message, span, Severity.WARNING, hint, related=also)


def _unknown(
    documents: Sequence[Declared], by_kind: Mapping[Kind, Sequence[Declared]]
) -> Iterator[Diagnostic]:
    """Find names of documents that are not there."""
    known = {kind: {each.name for each in mine} for kind, mine in by_kind.items()}
    for document in documents:
        for kind, told in document.wiring.uses:
            if told.name not in known[kind]:
                word, names = _WORDS[kind], sorted(known[kind])
                code = f"unknown-{word.split()[-1]}"
                message = f'there is no {word} "{told.name}" in this commit'
                expected = listed(names, f"no {word}")
                others = [each for each in names if (kind, each) != (document.kind, document.name)]
                hint = meant(told.name, others, _OTHERWISE.get(kind, ""))
                fix = fix_at(hint, told.span)
                yield Diagnostic(code, message, told.span, hint=hint, expected=expected, fix=fix)


def _unused(
    documents: Sequence[Declared], by_kind: Mapping[Kind, Sequence[Declared]]
) -> Iterator[Diagnostic]:
    """Find documents that serve others, and serve none."""
    # To say what is other about a document in an environment is no use of it.
    using = (each for each in documents if each.kind is not Kind.ENVIRONMENT)
    used = {(kind, told.name) for each in using for kind, told in each.wiring.uses}
    for kind in _SERVING:
        for each in by_kind[kind]:
            if (kind, each.name) not in used:
                message = f'nothing refers to the {_WORDS[kind]} "{each.name}"'
                yield Diagnostic("unused-document", message, each.span, Severity.WARNING)
