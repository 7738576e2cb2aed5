"""Where a name leads, and from where it is led to: steps, inputs, secrets, other documents."""

import re
from collections.abc import Iterator

from engine.cli.editor.described import Described
from engine.cli.editor.outline import Outline, Path, Stretch, outlined
from engine.cli.editor.pointing import Pointed, point
from engine.cli.editor.showing import NAMED
from engine.cli.editor.workspace import Workspace
from engine.core.commit import Kind
from engine.core.diagnostic import Span
from engine.core.frozen import frozen
from engine.core.rendering.excerpt import line_starts

_BODY = 2


@frozen
class Target:
    """What a name stands for: a step, input or secret of one document, or a whole document.

    `path` is where the step, input or secret is declared.
    """

    sort: str
    name: str
    document: int = 0
    path: Path = ()


def definition(space: Workspace, described: Described, path: str, index: int) -> list[Span]:
    """Return where the name at an index of a text is declared."""
    target = _target(space, path, point(space.text(path), index, described, whole=True))
    return [] if target is None else list(_declared(space, path, target))


def references(space: Workspace, described: Described, path: str, index: int) -> list[Span]:
    """Return where the name at an index of a text is declared, and then where it is read."""
    target = _target(space, path, point(space.text(path), index, described, whole=True))
    if target is None:
        return []
    read = _mentioned(space, target) if target.sort in list(Kind) else _read(space, path, target)
    return list(dict.fromkeys([*_declared(space, path, target), *read]))


def _target(space: Workspace, path: str, at: Pointed) -> Target | None:
    spot = at.spot
    if at.in_expression:
        match at.reference[:_BODY]:
            case ("steps" | "inputs" | "secrets" as sort, str(name)):
                return _own(space, path, at, sort, name)
            case _:
                return None
    name = at.outline.value(spot.document, spot.path) or at.word
    if spot.is_key:
        return _named_by_key(at)
    if "needs" in spot.path[-2:] or spot.path[-3:-1] == ("rollback", "steps"):
        return _own(space, path, at, "steps", name)
    if spot.path[:1] == ("secrets",):
        return Target("secrets", name, spot.document, spot.path)
    if spot.path == ("name",):
        kind = at.outline.value(spot.document, ("kind",))
        return Target(kind, name) if kind in list(Kind) else None
    found = NAMED.get(str(spot.path[-1])) if spot.path else None
    return Target(found, name) if found is not None else None


def _named_by_key(at: Pointed) -> Target | None:
    """Return the step or input whose key is pointed at."""
    spot = at.spot
    if spot.path[-1:] == ("needs",):
        return Target("steps", at.word, spot.document, ("steps", at.word))
    if spot.path[-1:] == ("steps",) or spot.path == ("inputs",):
        return Target(str(spot.path[-1]), at.word, spot.document, (*spot.path, at.word))
    return None


def _own(space: Workspace, path: str, at: Pointed, sort: str, name: str) -> Target | None:
    document = at.spot.document
    if sort == "inputs":
        return Target(sort, name, document, ("inputs", name))
    if sort == "secrets":
        part = at.outline.parts[document]
        told = (each for each in part.values if each[:1] == ("secrets",))
        where = (each for each in told if at.outline.value(document, each) == name)
        return Target(sort, name, document, next(where, ()))
    visibility = space.visibility(path, document)
    node = visibility.step(at.spot.path, name) if visibility is not None else None
    return None if node is None else Target(sort, name, document, node.path)


def _declared(space: Workspace, path: str, target: Target) -> Iterator[Span]:
    if target.sort in list(Kind):
        told = (each for each in space.documents if each.kind == target.sort)
        yield from (each.span for each in told if each.name == target.name)
        return
    outline = outlined(space.text(path))
    part = outline.parts[target.document]
    found = part.keys.get(target.path) or part.values.get((*target.path, "id"))
    found = found or part.values.get(target.path)
    if found is not None:
        yield _span(path, outline.text, found)


def _mentioned(space: Workspace, target: Target) -> Iterator[Span]:
    for each in space.documents:
        for kind, told in each.wiring.uses:
            if kind == target.sort and told.name == target.name:
                yield told.span


def _read(space: Workspace, path: str, target: Target) -> Iterator[Span]:
    """Yield where one document reads a step, an input or a secret of its own."""
    outline = outlined(space.text(path))
    word = re.compile(rf"(?<![\w.]){target.sort}\.({re.escape(target.name)})(?!\w)")
    for where, stretch in outline.parts[target.document].values.items():
        if _is_another(space, path, target, where):
            continue
        for found in word.finditer(outline.text, stretch.begin, stretch.end):
            yield _span(path, outline.text, Stretch(found.start(1), found.end(1)))
        if target.sort == "steps" and _needs(outline, target, where):
            yield _span(path, outline.text, stretch)


def _needs(outline: Outline, target: Target, where: Path) -> bool:
    is_list = where[-2:-1] == ("needs",) or where[-3:-1] == ("rollback", "steps")
    return is_list and outline.value(target.document, where) == target.name


def _is_another(space: Workspace, path: str, target: Target, where: Path) -> bool:
    """True if a step of that name, read from there, is another one."""
    visibility = space.visibility(path, target.document) if target.sort == "steps" else None
    node = visibility.step(where, target.name) if visibility is not None else None
    return node is not None and node.path != target.path


def _span(path: str, text: str, stretch: Stretch) -> Span:
    starts = line_starts(text)
    line = sum(1 for each in starts if each <= stretch.begin)
    column = stretch.begin - starts[line - 1] + 1
    return Span(path, line, column, column + stretch.end - stretch.begin)
