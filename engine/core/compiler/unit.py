"""One file: what it declares, and what it compiles to among its neighbours."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TypeAlias

from engine.core import codec, spec
from engine.core.commit import Commit, Companions, Declared, Kind, Neighbours, Unit
from engine.core.compiler import companion, resource, through, wiring
from engine.core.compiler.findings import Findings
from engine.core.compiler.workflow import Made, compile_unsealed
from engine.core.compiler.world import World
from engine.core.diagnostic import Diagnostic, Enough, Gathered, Severity, Span
from engine.core.document import Document, load
from engine.core.facts import Catalogue, Operations
from engine.core.frozen import frozen
from engine.core.reader import read_on

Observe: TypeAlias = Callable[[int, World], None]


@frozen
class Part:
    """One document of a file. Without a `model` it cannot be read; perhaps its name can.

    `may_name`: it may name files beside the specs.
    """

    document: Document
    model: spec.Document | None
    declared: Declared | None
    may_name: bool

    @property
    def names_connection(self) -> bool:
        """True if it names a connection through which something is called or looked at."""
        uses = () if self.declared is None else self.declared.wiring.uses
        return any(kind is Kind.CONNECTION for kind, _ in uses)


@frozen
class Survey:
    """A file parsed and read: what it declares is known, what it compiles to is not yet."""

    file: str
    parts: tuple[Part, ...]
    found: tuple[Diagnostic, ...]

    @property
    def documents(self) -> Iterator[Declared]:
        return (each.declared for each in self.parts if each.declared is not None)


def survey(file: str, source: bytes) -> Survey:
    """Return what a file declares.

    With more errors than are shown, the documents that follow are not looked at.
    """
    documents, found = load(source, file)
    gathered = Gathered()
    parts = []
    if not documents and not found:
        found = [_nothing(file)]
    with suppress(Enough):
        gathered.extend(found)
        for document in documents:
            as_read, model, found = read_on(document)
            parts.append(_part(as_read, model))
            gathered.extend(found)
    return Survey(file, tuple(parts), tuple(gathered.all))


def compile_survey(
    surveyed: Survey, catalogue: Catalogue, commit: Commit, observe: Observe | None = None
) -> Unit:
    """Return what a file compiles to among the documents of its commit.

    Its plans have no digests yet: `laid` gives them, once what they call is in them. With more
    errors than are shown, the documents that follow are not compiled. `observe` is handed what the
    compiler knows of each workflow, with the position of its document.
    """
    neighbours = Neighbours(commit)
    gathered = Gathered()
    documents = [part.declared for part in surveyed.parts]
    with suppress(Enough):
        gathered.extend(surveyed.found)
        for index, part in enumerate(surveyed.parts):
            if part.model is not None and part.declared is not None:
                watch = observe and partial(observe, index)
                made = _compiled(part, part.model, catalogue, neighbours, watch)
                documents[index] = part.declared.compiled(made.plan, made.trust)
                gathered.extend(made.diagnostics)
    known = tuple(each for each in documents if each is not None)
    return Unit(surveyed.file, known, tuple(gathered.sorted()), neighbours.asked)


def compile_file(
    file: str,
    source: bytes,
    operations: Operations | Catalogue,
    beside: Companions | None = None,
) -> Unit:
    """Return what a file compiles to that is a commit by itself, with these files beside it.

    Its plans are sealed.
    """
    catalogue = operations if isinstance(operations, Catalogue) else Catalogue(operations)
    surveyed = survey(file, source)
    unit = compile_survey(surveyed, catalogue, Commit(surveyed.documents, beside))
    sealed = (replace(each, plan=each.plan and codec.sealed(each.plan)) for each in unit.documents)
    return replace(unit, documents=tuple(sealed))


def _nothing(file: str) -> Diagnostic:
    message, hint = "the file declares nothing", "write a document into it, or take it away"
    return Diagnostic("empty-file", message, Span(file, 1, 1, 1), Severity.WARNING, hint)


def _part(document: Document, model: spec.Document | None) -> Part:
    held = () if model is None else wiring.models(model)
    declared = wiring.declare(document, model, held)
    return Part(document, model, declared, any(companion.may_name(each) for _, each in held))


def _compiled(
    part: Part,
    model: spec.Document,
    catalogue: Catalogue,
    neighbours: Neighbours,
    observe: Callable[[World], None] | None,
) -> Made:
    """Return what a document compiles to; of one that is no workflow, what there is to say."""
    findings = Findings(part.document)
    if not isinstance(model, spec.Workflow):
        with suppress(Enough):
            resource.check(findings, model, catalogue, neighbours)
        return Made(findings.sorted())
    with suppress(Enough):
        resource.check_zones(findings, model)
        if part.may_name:
            model = companion.laid_in(findings, model, neighbours, catalogue)
        if part.names_connection:
            model = through.laid_through(findings, model, neighbours, catalogue)
    made = compile_unsealed(part.document, model, catalogue, neighbours, observe)
    plan = None if findings.has_errors else made.plan
    return Made([*findings.sorted(), *made.diagnostics], plan, made.trust)
