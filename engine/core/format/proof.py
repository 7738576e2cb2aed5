"""The proof that a file in the one style says what it said before."""

from collections.abc import Sequence as Many

from engine.core.compiler import compile_workflow
from engine.core.diagnostic import Diagnostic
from engine.core.document import Document, Mapping, Node, Scalar, Sequence, load
from engine.core.facts import Catalogue
from engine.core.format.reading import read
from engine.core.plan import Plan
from engine.core.reader import is_ambiguous, resolve
from engine.core.reader import read as read_spec
from engine.core.spec import Workflow


class Unproved(Exception):
    """What was written does not say what was read: a defect of ours. The file must stay."""


def check_values(documents: Many[Document], comments: Many[str], made: bytes) -> None:
    """Raise Unproved unless `made` holds these documents, and these comments in this order."""
    again = _loaded(comments, made)
    roots = zip(documents, again, strict=False)
    if len(again) != len(documents) or not all(_is_same(a.root, b.root) for a, b in roots):
        raise Unproved("a value would change")


def check_plans(
    digests: Many[str | None], comments: Many[str], made: bytes, catalogue: Catalogue
) -> None:
    """Raise Unproved unless `made` compiles to plans of these digests, and has these comments.

    A document of another kind has no plan, and no digest.
    """
    plans = [compiled(each, catalogue, []) for each in _loaded(comments, made)]
    if list(digests) != [plan and plan.digest for plan in plans]:
        raise Unproved("a step would wait for something else")


def compiled(told: Document, catalogue: Catalogue, found: list[Diagnostic]) -> Plan | None:
    """Return what a document compiles to; what there is to say of it is added to `found`."""
    made, more = read_spec(told)
    found += more
    if not isinstance(made, Workflow):
        return None
    whole = compile_workflow(told, made, catalogue)
    found += whole.diagnostics
    return whole.plan


def _loaded(comments: Many[str], made: bytes) -> list[Document]:
    documents, found = load(made, "")
    if found:
        raise Unproved(f"{found[0].message}, in line {found[0].span.line} of what was made")
    if read(made.decode()).comments != list(comments):
        raise Unproved("a comment would move or be lost")
    return documents


def _is_same(one: Node, other: Node) -> bool:
    match one, other:
        case Scalar(), Scalar():
            return one.text == other.text and (one.plain == other.plain or _is_text(one, other))
        case Sequence(), Sequence():
            return len(one.items) == len(other.items) and all(map(_is_same, one.items, other.items))
        case Mapping(), Mapping():
            pairs = zip(one.entries, other.entries, strict=False)
            return len(one.members) == len(other.members) and all(
                _is_same(mine[0], its[0]) and _is_same(mine[1], its[1]) for mine, its in pairs
            )
        case _:
            return False


def _is_text(one: Scalar, other: Scalar) -> bool:
    """True if quotes make no difference: the plain one of the two is a string to every reader."""
    plain = one if one.plain else other
    return resolve(plain) == plain.text and not is_ambiguous(plain)
