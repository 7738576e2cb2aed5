"""A plan as one SVG file: it asks for nothing from elsewhere, and follows light and dark.

What an author wrote is text in it, never markup. The whole is an image with a name and a
description, for whoever does not see it.
"""

import itertools
from collections.abc import Iterator
from html import escape
from textwrap import wrap

from engine.core.picture.graph import Graph, Kind, Line, Shape, draw
from engine.core.picture.paint import STYLE
from engine.core.picture.place import LINE, PAD, Box, Placed, place, texts
from engine.core.plan import Plan
from engine.core.rendering.excerpt import width_of

_MARGIN = 16.0
_HEAD = 28.0
_LONGEST = 48
_MOST_TOLD = 60
_BENT = 9.0
_VERBS = {
    Kind.NEEDS: "after",
    Kind.DATA: "reads",
    Kind.ORDER: "follows",
    Kind.COMPENSATION: "undoes",
    Kind.FALLBACK: "stands in for",
    Kind.HANDLER: "runs if there is a failure in",
    Kind.FINALLY: "runs at the end of",
    Kind.ALERT: "runs if there is a failure to undo in",
}


def as_svg(plan: Plan) -> str:
    """Return the plan as an SVG document."""
    graph = draw(plan)
    return "\n".join(_written(graph, place(graph))) + "\n"


def _written(graph: Graph, placed: Placed) -> Iterator[str]:
    head = [each for text in (graph.title, _starts(graph)) for each in wrap(text, _LONGEST)]
    words = max(width_of(graph.name) * 10.5, *(width_of(each) * 6.4 for each in ("", *head)))
    width = max(placed.width, words) + 2 * _MARGIN
    top = _MARGIN + _HEAD + LINE * len(head)
    height = placed.height + top + _MARGIN
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="title desc" '
        f'viewBox="0 0 {_n(width)} {_n(height)}" width="{_n(width)}" height="{_n(height)}">'
    )
    yield f'<title id="title">Workflow {_text(graph.name)}</title>'
    yield f'<desc id="desc">{_text(_told(graph))}</desc>'
    yield f"<style>\n{STYLE}</style>"
    yield from _MARKERS
    yield f'<rect class="ground" width="{_n(width)}" height="{_n(height)}" rx="10"/>'
    yield f'<text class="name" x="16" y="30">{_text(graph.name)}</text>'
    for number, text in enumerate(head):
        yield f'<text class="small" x="16" y="{_n(48 + LINE * number)}">{_text(text)}</text>'
    left = (width - placed.width) / 2
    yield f'<g transform="translate({_n(left)} {_n(top)})">'
    for shape in graph.shapes:
        if shape.is_cluster:
            yield from _shape(shape, placed.boxes[shape.key])
    for line, points in placed.ways:
        yield from _line(line, points)
    for shape in graph.shapes:
        if not shape.is_cluster:
            yield from _shape(shape, placed.boxes[shape.key])
    yield "</g>"
    yield "</svg>"


_LABELS = {Kind.HANDLER: "fails", Kind.FINALLY: "ends", Kind.ALERT: "cannot be undone"}
_MARKERS = (
    "<defs>",
    *(
        f'<marker id="to-{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        f'markerHeight="7" orient="auto"><path class="tip {name}" d="M0 0.5 8 4 0 7.5z"/></marker>'
        for name in ("plain", "handler", "finally", "alert")
    ),
    "</defs>",
)


def _shape(shape: Shape, box: Box) -> Iterator[str]:
    what = "cluster" if shape.is_cluster else "node"
    yield f'<g class="{what} {shape.kind}"><title>{_text(_whole(shape))}</title>'
    yield (
        f'<rect x="{_n(box.x)}" y="{_n(box.y)}" width="{_n(box.width)}" '
        f'height="{_n(box.height)}" rx="{10 if shape.is_cluster else 7}"/>'
    )
    if not shape.is_cluster:
        yield (f'<path class="mark" d="M{_n(box.x + 4)} {_n(box.y + 7)}v{_n(box.height - 14)}"/>')
    for number, text in enumerate(texts(shape)):
        word = "small" if number else "title"
        y = box.y + PAD + 5 + LINE * number
        yield f'<text class="{word}" x="{_n(box.x + PAD + 2)}" y="{_n(y)}">{_text(text)}</text>'
    yield "</g>"


def _line(line: Line, points: tuple[tuple[float, float], ...]) -> Iterator[str]:
    tip = line.kind.value if line.kind in _LABELS else "plain"
    yield (
        f'<path class="line {line.kind.value}" d="{_path(points)}" marker-end="url(#to-{tip})"/>'
    )
    label = line.label or _LABELS.get(line.kind, "")
    if label:
        yield from _label(label, points[-2:])


def _label(text: str, ends: tuple[tuple[float, float], ...]) -> Iterator[str]:
    """Write a word on the last stretch of a line, on ground of its own."""
    (x, y), (to_x, to_y) = ends
    middle, height = (x + to_x) / 2, (y + to_y) / 2 - 3
    width = len(text) * 6.2 + 8
    yield (
        f'<rect class="tag" x="{_n(middle - width / 2)}" y="{_n(height - 7)}" '
        f'width="{_n(width)}" height="15" rx="4"/>'
    )
    yield f'<text class="label" x="{_n(middle)}" y="{_n(height + 4)}">{_text(text)}</text>'


def _path(points: tuple[tuple[float, float], ...]) -> str:
    """Return a way as a path: straight through layers, bent between them."""
    told = [f"M{_n(points[0][0])} {_n(points[0][1])}"]
    for (x, y), (to_x, to_y) in itertools.pairwise(points):
        if abs(x - to_x) < 0.5 or y == to_y:
            told.append(f"L{_n(to_x)} {_n(to_y)}")
        else:
            middle = (y + to_y) / 2
            told.append(f"C{_n(x)} {_n(middle)} {_n(to_x)} {_n(middle)} {_n(to_x)} {_n(to_y)}")
    return "".join(told)


def _starts(graph: Graph) -> str:
    return f"starts: {', '.join(graph.starts)}" if graph.starts else ""


def _told(graph: Graph) -> str:
    """Return the graph in sentences, the first of them if there are many."""
    names = {each.key: each.path or each.title for each in graph.shapes}
    after: dict[str, list[str]] = {}
    for line in graph.lines:
        asked = f" ({line.label})" if line.label else ""
        told = f"{_VERBS[line.kind]} {names[line.source]}{asked}"
        after.setdefault(line.target, []).append(told)
    steps = [each for each in graph.shapes if each.path]
    sentences = [
        f"{each.path}: {', '.join(filter(None, (each.about, *after.get(each.key, ()))))}."
        for each in steps[:_MOST_TOLD]
    ]
    if len(steps) > _MOST_TOLD:
        sentences.append(f"And {len(steps) - _MOST_TOLD} more.")
    about = (f"{text}." for text in (graph.title, _starts(graph)) if text)
    return " ".join((*about, *sentences))


def _whole(shape: Shape) -> str:
    """Return all that is said of a shape, what the drawing cuts included."""
    return " · ".join(filter(None, (shape.path or shape.title, shape.about, shape.note)))


def _text(text: str) -> str:
    """Return text as XML takes it; a character that it does not take is left out."""
    return escape("".join(each for each in text if each.isprintable()))


def _n(number: float) -> str:
    """Return a coordinate to a tenth, for a file that is the same on every machine."""
    return f"{number:.1f}".removesuffix(".0")
