"""A file in the one style, or what is wrong with it."""

from engine.core.codec import digest
from engine.core.diagnostic import Diagnostic, Span, has_errors
from engine.core.document import MAX_BYTES, load
from engine.core.facts import Catalogue, Operations
from engine.core.format import needs, proof
from engine.core.format.printing import render
from engine.core.format.reading import read


def tidy(source: bytes, file: str) -> tuple[bytes, list[Diagnostic]]:
    """Return a file in the one style; or as it is, and what is wrong with it as YAML.

    Raise Unproved if the style would change a value or lose a comment.
    """
    documents, found = load(source, file)
    if found:
        return source, found
    text = source.decode().removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    layout = read(text)
    made = render(layout).encode()
    if made == source:
        return source, []
    if len(made) > MAX_BYTES:
        return source, [_too_large(file, len(made))]
    proof.check_values(documents, layout.comments, made)
    return made, []


def spell_out(source: bytes, file: str, operations: Operations) -> tuple[bytes, list[Diagnostic]]:
    """Return a file in the one style with inferred edges in `needs`; or as it is, and its errors.

    Raise Unproved if the file would then compile to anything else.
    """
    catalogue = Catalogue(operations)
    documents, found = load(source, file)
    plans = [proof.compiled(each, catalogue, found) for each in documents]
    if has_errors(found):
        return source, found
    styled, found = tidy(source, file)
    if found:
        return source, found
    layout, digests = read(styled.decode()), list[str | None]()
    for root, told, plan in zip(layout.documents, documents, plans, strict=True):
        if plan is None:  # no workflow: it has no steps
            digests.append(None)
            continue
        inferred = needs.inferred(plan, told)
        digests.append(digest(inferred.plan))
        for path, ids in inferred.by_path.items():
            needs.write(root, path, ids)
    made = render(layout).encode()
    if len(made) > MAX_BYTES:
        return source, [_too_large(file, len(made))]
    proof.check_plans(digests, layout.comments, made, catalogue)
    return made, []


def _too_large(file: str, size: int) -> Diagnostic:
    message = f"in this style the file would have {size:,} bytes; a spec may have {MAX_BYTES:,}"
    return Diagnostic("file-too-large", message, Span(file, 1, 1, 1), hint="split it over files")
