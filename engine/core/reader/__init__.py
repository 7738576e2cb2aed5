"""A document becomes a workflow: every scalar typed by its key, every complaint with its place."""

from contextlib import suppress
from typing import Final

from pydantic import ValidationError

from engine.core import spec
from engine.core.diagnostic import Diagnostic, Enough, has_errors
from engine.core.document import Document, Mapping, Path, Scalar
from engine.core.reader import later
from engine.core.reader.codes import CODES
from engine.core.reader.scalar import is_ambiguous, resolve
from engine.core.reader.shaping import workflow_shape
from engine.core.reader.walk import Walk
from engine.core.reader.words import coded, found, listed, meant, place

__all__ = ["CODES", "is_ambiguous", "read", "resolve"]

_KINDS: Final = ("Workflow",)


def read(document: Document) -> tuple[spec.Workflow | None, list[Diagnostic]]:
    """Return the workflow that a document says, or nothing, and what there is to say of it.

    The findings are all that can be told from the document alone, in the order of its lines.
    """
    walk = Walk(document)
    workflow = None
    with suppress(Enough):
        workflow = _workflow(walk) if _is_workflow(walk) else None
    return workflow, walk.found.sorted()


def _is_workflow(walk: Walk) -> bool:
    """True if the rest of the document can be read as a workflow; else tell why not."""
    root = walk.document.root
    if not isinstance(root, Mapping):
        message = f"a document is a mapping; this is {found(root)}"
        walk.error("not-a-spec", message, root, hint=_BEGIN)
        return False
    if "apiVersion" not in root.members and "kind" not in root.members:
        message = 'this document has neither "apiVersion" nor "kind": it is no spec'
        walk.error("not-a-spec", message, root, hint=_BEGIN)
        return False
    _, kind = root.members.get("kind", (None, None))
    if isinstance(kind, Scalar) and not kind.is_empty and kind.text not in _KINDS:
        hint = f"this version knows {listed(coded(_KINDS), 'and')}"
        if kind.text in later.KINDS:
            walk.error("not-supported", later.told(f"the kind {found(kind)}"), kind, hint=hint)
            return False
        message = f"there is no kind {found(kind)}"
        walk.error("unknown-kind", message, kind, hint=meant(kind.text, _KINDS) or hint)
        return False
    return True


_BEGIN: Final = (
    "begin it with `apiVersion: sark/v1` and `kind: Workflow`, or keep the file somewhere else"
)


def _workflow(walk: Walk) -> spec.Workflow | None:
    data = workflow_shape().read(walk, walk.document.root, ())
    if has_errors(walk.found.all):
        return None
    try:
        return spec.Workflow.model_validate(data)
    except ValidationError as error:
        for each in error.errors(include_url=False, include_context=False, include_input=False):
            _complain(walk, each["loc"], each["msg"])
    return None


def _complain(walk: Walk, location: Path, message: str) -> None:
    """Tell what the models say beyond their schema, at the part of its place that was written."""
    path = tuple(part for part in location if part != "[key]")
    walk.missing("bad-value", f"{place(path)}: {message}", path, "")
