"""One file compiled by itself, and what only shows when all files are put together."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeAlias

from engine.core import spec
from engine.core.compiler.start import route
from engine.core.compiler.workflow import compile_workflow
from engine.core.diagnostic import Diagnostic, Enough, Gathered, Related, Span
from engine.core.document import Document, load
from engine.core.facts import Catalogue, Operations
from engine.core.plan import Plan
from engine.core.reader import read


@dataclass(frozen=True, slots=True)
class Declared:
    """A workflow of a file: `span` is its name, `routes` its webhooks' paths. No plan: errors."""

    name: str
    span: Span
    plan: Plan | None
    routes: tuple[tuple[str, Span], ...] = ()


@dataclass(frozen=True, slots=True)
class Unit:
    """What one file compiles to. It depends on nothing but its bytes and the catalogue."""

    file: str
    workflows: tuple[Declared, ...]
    diagnostics: tuple[Diagnostic, ...]

    def at(self, file: str) -> "Unit":
        """Return the same for a file of the same content at another path."""
        if file == self.file:
            return self
        workflows = tuple(_moved(each, file) for each in self.workflows)
        return Unit(file, workflows, tuple(_told_at(each, file) for each in self.diagnostics))


def compile_file(file: str, source: bytes, operations: Operations | Catalogue) -> Unit:
    """Return what the file compiles to: every workflow in it, and every finding by its place.

    With more errors than are shown, the documents that follow are not looked at.
    """
    documents, found = load(source, file)
    gathered = Gathered()
    workflows = []
    with suppress(Enough):
        gathered.extend(found)
        for document in documents:
            made, found = read(document)
            gathered.extend(found)
            if isinstance(made, spec.Workflow):
                plan, found = compile_workflow(document, made, operations)
                workflows.append(_declared(document, made, plan))
                gathered.extend(found)
    return Unit(file, tuple(workflows), tuple(gathered.sorted()))


def link(units: Iterable[Unit]) -> list[Diagnostic]:
    """Return what is wrong between files: names and webhook paths that are taken twice."""
    declared = [each for unit in units for each in unit.workflows]
    names = ((each.name, each.span) for each in declared)
    routes = (told for each in declared for told in each.routes)
    return [
        *_twice(names, "duplicate-name", _NAME.format),
        *_twice(routes, "duplicate-route", _ROUTE.format),
    ]


_NAME = 'there are two workflows with the name "{}"'
_ROUTE = 'there are two webhooks with the path "{}"'
_Taken: TypeAlias = Iterable[tuple[str, Span]]


def _twice(taken: _Taken, code: str, worded: Callable[[str], str]) -> Iterator[Diagnostic]:
    first: dict[str, Span] = {}
    for name, span in taken:
        if name not in first:
            first[name] = span
            continue
        also = (Related(first[name], "the first is here"),)
        yield Diagnostic(code, worded(name), span, hint="rename one of them", related=also)


def _declared(document: Document, workflow: spec.Workflow, plan: Plan | None) -> Declared:
    routes = tuple(
        (route(each), document.span(("triggers", name, "path")))
        for name, each in workflow.triggers.items()
        if isinstance(each, spec.WebhookTrigger)
    )
    return Declared(workflow.name, document.span(("name",)), plan, routes)


def _moved(declared: Declared, file: str) -> Declared:
    return Declared(
        declared.name,
        replace(declared.span, file=file),
        declared.plan and replace(declared.plan, file=file),
        tuple((path, replace(span, file=file)) for path, span in declared.routes),
    )


def _told_at(diagnostic: Diagnostic, file: str) -> Diagnostic:
    related = (Related(replace(each.span, file=file), each.message) for each in diagnostic.related)
    return replace(diagnostic, span=replace(diagnostic.span, file=file), related=tuple(related))
