"""A document becomes what it says: scalars typed by their keys, complaints with their places."""

from contextlib import suppress
from typing import Final, cast

from engine.core import spec
from engine.core.diagnostic import Diagnostic, Enough, Gathered, has_errors
from engine.core.document import Document, Mapping, Scalar
from engine.core.reader.codes import CODES
from engine.core.reader.passing import without
from engine.core.reader.scalar import is_ambiguous, resolve
from engine.core.reader.shaping import document_shape
from engine.core.reader.walk import Walk
from engine.core.reader.words import coded, found, listed, meant

__all__ = ["CODES", "is_ambiguous", "read", "read_on", "resolve"]

# What a document of each kind is called where it is spoken of as a whole.
_WHOLE: Final = {
    "Workflow": "the workflow",
    "Connection": "the connection",
    "Pool": "the pool",
    "CircuitBreaker": "the circuit breaker",
    "Calendar": "the calendar",
    "Environment": "the environment",
    "WorkflowTest": "the test",
    "PolicyTest": "the test",
}
_BEGIN: Final = (
    "begin it with `apiVersion: sark/v1` and `kind: Workflow`, or keep the file somewhere else"
)


def read(document: Document) -> tuple[spec.Document | None, list[Diagnostic]]:
    """Return what a document says, or nothing, and what there is to say of it.

    The findings are all that can be told from the document alone, in the order of its lines.
    """
    made, walk = _walked(document)
    return made, walk.found.sorted()


def read_on(
    document: Document,
) -> tuple[Document, spec.Document | None, list[Diagnostic]]:
    """Return what `read` does, and the document as it was read.

    A misspelt key is told, and read as the one that it must mean; one that means nothing is told
    and passed over. What is wrong with the rest is found all the same.
    """
    told = Gathered()
    made, walk = _walked(document)
    with suppress(Enough):
        while walk.passed:
            told.extend(walk.passed)
            for each in walk.passed.values():
                document = without(document, each)
            made, walk = _walked(document)
        told.extend(walk.found.all)
    return document, made, told.sorted()


def _walked(document: Document) -> tuple[spec.Document | None, Walk]:
    """Return what a document says, or nothing, and the walk that has read it."""
    walk = Walk(document)
    made = None
    with suppress(Enough):
        kind = _kind(walk)
        made = None if kind is None else _document(walk, kind)
    return made, walk


def _kind(walk: Walk) -> str | None:
    """Return the kind by which to read the rest of the document; else tell why not.

    Where a spec does not say its kind, it is read as a workflow, which tells that too.
    """
    root = walk.document.root
    if not isinstance(root, Mapping):
        message = f"a document is a mapping; this is {found(root)}"
        walk.error("not-a-spec", message, root, hint=_BEGIN)
        return None
    if "apiVersion" not in root.members and "kind" not in root.members:
        message = 'this document has neither "apiVersion" nor "kind": it is no spec'
        walk.error("not-a-spec", message, root, hint=_BEGIN)
        return None
    _, kind = root.members.get("kind", (None, None))
    if not isinstance(kind, Scalar) or kind.is_empty:
        return "Workflow"
    if kind.text not in spec.KINDS:
        hint = meant(kind.text, spec.KINDS) or f"the kinds are {listed(coded(spec.KINDS), 'and')}"
        walk.error("unknown-kind", f"there is no kind {found(kind)}", kind, hint=hint)
        return None
    return kind.text


def _document(walk: Walk, kind: str) -> spec.Document | None:
    walk.whole = _WHOLE[kind]
    made = document_shape(kind).read(walk, walk.document.root, ())
    return None if has_errors(walk.found.all) else cast(spec.Document, made)
