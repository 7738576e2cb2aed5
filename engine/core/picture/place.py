"""Where the shapes of a graph stand: each cluster laid out in layers, the innermost first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from textwrap import wrap

from engine.core.frozen import frozen
from engine.core.picture.graph import BESIDE, Graph, Kind, Line, Shape
from engine.core.picture.layers import Cell, Layout, arrange
from engine.core.picture.words import cut
from engine.core.rendering.excerpt import width_of

LONGEST = 28
LINES = 3
LINE = 16.0
PAD = 12.0
_TITLE, _SMALL = 7.9, 6.3
_NARROWEST = 88.0
_STACK = 3.0


@frozen
class Box:
    x: float
    y: float
    width: float
    height: float


@frozen
class Placed:
    """Every shape's box by its key, and the ways of lines but those to what stands beside."""

    boxes: Mapping[str, Box]
    ways: Sequence[tuple[Line, tuple[tuple[float, float], ...]]]
    width: float
    height: float


@dataclass(slots=True)
class _Hold:
    """A cluster: the shapes in it, those among them that stand beside another, the lines."""

    shapes: list[Shape] = field(default_factory=list)
    beside: dict[str, list[str]] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    layout: Layout | None = None


def place(graph: Graph) -> Placed:
    """Return where everything stands, from the left top of the picture."""
    holds = _holds(graph)
    sizes: dict[str, tuple[float, float]] = {}
    for shape in reversed(graph.shapes):
        sizes[shape.key] = _size(shape, holds, sizes)
    whole = _lay(holds[""], sizes)
    boxes: dict[str, Box] = {}
    ways: list[tuple[Line, tuple[tuple[float, float], ...]]] = []
    _settle(holds[""], sizes, boxes, ways, (0.0, 0.0))
    for shape in graph.shapes:
        if shape.is_cluster:
            box, layout = boxes[shape.key], holds[shape.key].layout
            assert layout is not None
            corner = box.x + (box.width - layout.width) / 2, box.y + _head(shape)
            _settle(holds[shape.key], sizes, boxes, ways, corner)
    return Placed(boxes, ways, whole[0], whole[1])


def texts(shape: Shape) -> list[str]:
    """Return the lines of a shape as they are drawn: its title, and what is said of it."""
    told = [cut(shape.title, LONGEST)]
    for text in (shape.about, shape.note):
        told += wrap(text, LONGEST, max_lines=LINES, placeholder=" …")
    return told


def _holds(graph: Graph) -> dict[str, _Hold]:
    holds = {"": _Hold(), **{each.key: _Hold() for each in graph.shapes if each.is_cluster}}
    around = {each.key: each.inside for each in graph.shapes}
    aside = {line.target for line in graph.lines if line.kind in BESIDE}
    for each in graph.shapes:
        if each.key not in aside:
            holds[each.inside].shapes.append(each)
    for line in graph.lines:
        hold = holds[around[line.source]]
        hold.lines.append(line)
        if line.kind in BESIDE:
            hold.beside.setdefault(line.source, []).append(line.target)
    return holds


def _size(
    shape: Shape, holds: Mapping[str, _Hold], sizes: dict[str, tuple[float, float]]
) -> tuple[float, float]:
    told = texts(shape)
    widths = [width_of(told[0]) * _TITLE, *(width_of(each) * _SMALL for each in told[1:])]
    words = max(_NARROWEST, max(widths) + 2 * PAD + 4)
    if not shape.is_cluster:
        return words, len(told) * LINE + PAD
    width, height = _lay(holds[shape.key], sizes)
    return max(words, width + 2 * PAD), _head(shape) + height + PAD


def _head(shape: Shape) -> float:
    return len(texts(shape)) * LINE + PAD + 4


def _lay(hold: _Hold, sizes: dict[str, tuple[float, float]]) -> tuple[float, float]:
    """Lay a cluster's shapes out; return the size of it all.

    What stands beside a shape is drawn right below it, as wide as it.
    """
    number = {each.key: at for at, each in enumerate(hold.shapes)}
    cells = []
    for each in hold.shapes:
        stack = [each.key, *hold.beside.get(each.key, ())]
        width = max(sizes[key][0] for key in stack)
        height = sum(sizes[key][1] + _STACK for key in stack) - _STACK
        sizes |= {key: (width, sizes[key][1]) for key in stack}
        cells.append(Cell(width / 2, width / 2, height))
    arrows = [
        (number[each.source], number[each.target])
        for each in (*hold.lines, *_last(hold.lines))
        if each.kind not in BESIDE
    ]
    hold.layout = arrange(cells, arrows)
    return hold.layout.width, hold.layout.height


def _last(lines: Sequence[Line]) -> list[Line]:
    """Return lines that are not drawn: they keep `finally` below the handlers."""
    last = [line for line in lines if line.kind is Kind.FINALLY]
    return [
        replace(line, source=line.target, target=end.target)
        for end in last
        for line in lines
        if line.kind in (Kind.HANDLER, Kind.ALERT) and line.source == end.source
    ]


def _settle(
    hold: _Hold, sizes: Mapping[str, tuple[float, float]], boxes: dict[str, Box],
    ways: list[tuple[Line, tuple[tuple[float, float], ...]]], corner: tuple[float, float],
) -> None:  # fmt: skip
    """Give the shapes of a cluster their boxes, and its lines their ways."""
    layout = hold.layout
    assert layout is not None
    left, top = corner
    for shape, cell in zip(hold.shapes, layout.cells, strict=True):
        y = top + cell.y
        for key in (shape.key, *hold.beside.get(shape.key, ())):
            boxes[key] = Box(left + cell.x - cell.left, y, *sizes[key])
            y += sizes[key][1] + _STACK
    drawn = [line for line in hold.lines if line.kind not in BESIDE]
    for line, route in zip(drawn, layout.routes, strict=False):
        ways.append((line, tuple((left + x, top + y) for x, y in route.points)))
