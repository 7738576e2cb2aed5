"""Completion and hover: what may stand at a place, and what stands there."""

from collections.abc import Iterable, Iterator

from engine.cli.editor.described import Described
from engine.cli.editor.pointing import Pointed, point
from engine.cli.editor.wording import described as prose_of
from engine.cli.editor.wording import functions, names_in, worded
from engine.cli.editor.workspace import Workspace
from engine.core.commit import Kind
from engine.core.frozen import frozen

NAMED = {
    "call": Kind.WORKFLOW,
    "workflow": Kind.WORKFLOW,
    "circuit": Kind.BREAKER,
    "pool": Kind.POOL,
    "calendar": Kind.CALENDAR,
    "connection": Kind.CONNECTION,
}
"""Keys whose value is the name of another document."""


@frozen
class Item:
    """Something that may be written: the word, of what sort it is, its type, and its prose."""

    word: str
    sort: str
    detail: str = ""
    prose: str = ""


def complete(space: Workspace, described: Described, path: str, index: int) -> list[Item]:
    """Return what may be written at an index of a text, sorted by word."""
    at = point(space.text(path), index, described)
    if at.in_expression:
        told = _in_expression(space, path, at)
    elif at.spot.is_key:
        told = _keys(described, at)
        if at.spot.path and isinstance(at.spot.path[-1], int):
            told = [*told, *_words(space, described, path, at)]
    else:
        told = _words(space, described, path, at)
    return sorted({each.word: each for each in told}.values(), key=lambda each: each.word)


def hover(space: Workspace, described: Described, path: str, index: int) -> str:
    """Return Markdown on what stands at an index of a text, or nothing."""
    at = point(space.text(path), index, described, whole=True)
    if at.in_expression:
        return _type(space, path, at)
    if at.spot.path[-1:] == ("uses",) and not at.spot.is_key:
        return _operation(space, at.outline.value(at.spot.document, at.spot.path) or "")
    here = (*at.spot.path, at.word) if at.spot.is_key else at.spot.path
    return described.prose(at.outline, at.spot.document, here)


def _in_expression(space: Workspace, path: str, at: Pointed) -> Iterable[Item]:
    if at.is_filter:
        return _functions()
    visibility = space.visibility(path, at.spot.document)
    if len(at.reference) > 1:
        schema = (
            visibility.type_of(at.spot.path, at.reference[:-1]) if visibility is not None else None
        )
        told = names_in(schema)
        return [Item(name, "name", worded(each), prose_of(each)) for name, each in told.items()]
    names = visibility.names(at.spot.path) if visibility is not None else {}
    own = [Item(name, "name", worded(each), prose_of(each)) for name, each in names.items()]
    return [*own, *_functions()]


def _functions() -> Iterator[Item]:
    return (Item(name, "function", told) for name, told in functions().items())


def _keys(described: Described, at: Pointed) -> list[Item]:
    there = set(at.outline.keys_of(at.spot.document, at.spot.path)) - {at.word}
    keys = described.keys(at.outline, at.spot.document, at.spot.path)
    return [Item(name, "key", "", prose) for name, prose in keys.items() if name not in there]


def _words(space: Workspace, described: Described, path: str, at: Pointed) -> list[Item]:
    spot = at.spot
    if spot.path[-1:] == ("uses",):
        told = space.operations.items()
        return [Item(name, "operation", _effect(space, name), each.title) for name, each in told]
    kind = NAMED.get(str(spot.path[-1])) if spot.path else None
    if kind is not None:
        return [Item(each.name, "name", kind) for each in space.documents if each.kind is kind]
    visibility = space.visibility(path, spot.document)
    if "needs" in spot.path[-2:] and visibility is not None:
        names = names_in(visibility.names(spot.path).get("steps"))
        return [Item(name, "name", "step") for name in names]
    words = described.words(at.outline, spot.document, spot.path)
    return [Item(word, "word", "", prose) for word, prose in words.items()]


def _type(space: Workspace, path: str, at: Pointed) -> str:
    if at.is_filter or (len(at.reference) == 1 and at.reference[0] in functions()):
        told = functions().get(str(at.word), "")
        return f"```\n{told}\n```" if told else ""
    visibility = space.visibility(path, at.spot.document)
    schema = visibility.type_of(at.spot.path, at.reference) if visibility is not None else None
    if schema is None:
        return ""
    prose = prose_of(schema)
    name = ".".join(map(str, at.reference))
    return f"```\n{name}: {worded(schema)}\n```" + (f"\n\n{prose}" if prose else "")


def _effect(space: Workspace, name: str) -> str:
    operation = space.operations.get(name)
    return "" if operation is None else f"effect: {operation.effect}"


def _operation(space: Workspace, name: str) -> str:
    operation = space.operations.get(name)
    if operation is None:
        return ""
    repeats = "may be repeated" if operation.idempotent else "not repeated by itself"
    told = [f"**{name}** {operation.title}", f"{_effect(space, name)}, {repeats}",
            f"gives `{worded(operation.outputs)}`"]  # fmt: skip
    return "\n\n".join(told)
