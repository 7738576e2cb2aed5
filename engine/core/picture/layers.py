"""Boxes with arrows between them, laid out in layers from top to bottom.

After Sugiyama, Tagawa and Toda (1981): a layer for each depth, an order in each layer by the mean
place of the neighbours, and then columns as near to the neighbours as that order allows. An arrow
over several layers goes through a lane in each.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

GAP = 24.0
_LANE = 10.0
_RISE = 40.0
_SWEEPS = 6
# How much an arrow pulls: between two boxes, a box and a lane, two lanes (Gansner et al., 1993,
# ask the same of dot, with other numbers).
_STRAIGHT = (4, 1, 8)
# With more lanes than this, long arrows go straight: a picture is not worth a minute.
_MOST_LANES = 20_000


@dataclass(slots=True)
class Cell:
    """A box: `left` and `right` of the column where its arrows arrive, and its height."""

    left: float
    right: float
    height: float
    x: float = 0.0
    y: float = 0.0
    is_lane: bool = False


@dataclass(slots=True)
class Route:
    """An arrow: from the bottom of a cell, through lanes, to the top of another."""

    source: int
    target: int
    points: list[tuple[float, float]] = field(default_factory=list)


@dataclass(slots=True)
class Layout:
    """Where cells stand, by the column of their arrows and their top; and the arrows' ways."""

    cells: list[Cell]
    routes: list[Route]
    width: float
    height: float


def arrange(cells: Sequence[Cell], arrows: Iterable[tuple[int, int]]) -> Layout:
    """Return the cells and arrows laid out.

    An arrow is the numbers of two cells; none may lead in a circle.
    """
    told = list(arrows)
    whole = list(cells)
    ranks = _ranks(len(whole), told)
    lanes = _lanes(whole, told, ranks)
    layers: list[list[int]] = [[] for _ in range(max(ranks, default=-1) + 1)]
    for cell, rank in enumerate(ranks):
        layers[rank].append(cell)
    links = _Links(len(whole), lanes.steps)
    _order(layers, links)
    _columns(layers, links, whole)
    tops, height = _rows(layers, whole)
    width = max((each.x + each.right for each in whole), default=0.0)
    routes = [
        Route(source, target, _points(whole, ranks, tops, lanes.of(source, target)))
        for source, target in told
    ]
    return Layout(whole[: len(cells)], routes, width, height)


def _ranks(count: int, arrows: list[tuple[int, int]]) -> list[int]:
    """Return for each cell how many cells stand above it at least."""
    after: list[list[int]] = [[] for _ in range(count)]
    missing = [0] * count
    for source, target in arrows:
        after[source].append(target)
        missing[target] += 1
    ranks = [0] * count
    ready = [cell for cell in range(count) if not missing[cell]]
    for cell in ready:
        for each in after[cell]:
            ranks[each] = max(ranks[each], ranks[cell] + 1)
            missing[each] -= 1
            if not missing[each]:
                ready.append(each)
    return ranks


class _Lanes:
    """The lanes of long arrows, one for all of a cell in each layer, and every short step."""

    def __init__(self, ranks: list[int]) -> None:
        self.by_source: dict[int, dict[int, int]] = {}
        self.steps: set[tuple[int, int]] = set()
        self._ranks = ranks

    def of(self, source: int, target: int) -> list[int]:
        """Return the cells on the way of an arrow, its ends included."""
        lanes = self.by_source.get(source, {})
        between = range(self._ranks[source] + 1, self._ranks[target])
        return [source, *(lanes[rank] for rank in between if rank in lanes), target]


def _lanes(cells: list[Cell], arrows: list[tuple[int, int]], ranks: list[int]) -> _Lanes:
    """Add to the cells, and to their ranks, the lanes that long arrows need."""
    told = _Lanes(ranks)
    reach: dict[int, int] = {}
    for source, target in arrows:
        reach[source] = max(reach.get(source, 0), ranks[target])
    needed = sum(max(last - ranks[source] - 1, 0) for source, last in reach.items())
    for source, last in reach.items() if needed <= _MOST_LANES else ():
        for rank in range(ranks[source] + 1, last):
            told.by_source.setdefault(source, {})[rank] = len(cells)
            cells.append(Cell(_LANE / 2, _LANE / 2, 0.0, is_lane=True))
            ranks.append(rank)
    for source, target in arrows:
        way = told.of(source, target)
        told.steps |= set(itertools.pairwise(way))
    return told


class _Links:
    """The neighbours of each cell in the layers above and below it."""

    def __init__(self, count: int, steps: Iterable[tuple[int, int]]) -> None:
        self.above: list[list[int]] = [[] for _ in range(count)]
        self.below: list[list[int]] = [[] for _ in range(count)]
        for source, target in sorted(steps):
            self.above[target].append(source)
            self.below[source].append(target)

    def pull(self, cell: int, cells: Sequence[Cell], downwards: bool) -> float:
        """Return the column where a cell would like to be: what is long is kept straight."""
        near = self.above[cell] if downwards else self.below[cell]
        near = near or self.above[cell] or self.below[cell]
        weights = [_STRAIGHT[cells[cell].is_lane + cells[each].is_lane] for each in near]
        pulled = sum(w * cells[each].x for w, each in zip(weights, near, strict=True))
        return pulled / sum(weights) if near else cells[cell].x

    def crossings(self, layers: list[list[int]]) -> int:
        """Return how many pairs of arrows cross between neighbouring layers."""
        return sum(self._crossed(upper, lower) for upper, lower in itertools.pairwise(layers))

    def _crossed(self, upper: list[int], lower: list[int]) -> int:
        place = {cell: number for number, cell in enumerate(lower)}
        ends = [
            number
            for cell in upper
            for number in sorted(place[each] for each in self.below[cell] if each in place)
        ]
        return _inversions(ends, len(lower))


def _inversions(numbers: list[int], size: int) -> int:
    """Return how many pairs stand in the wrong order, counted in a Fenwick tree."""
    tree = [0] * (size + 1)
    found = 0
    for seen, number in enumerate(numbers):
        found += seen
        at = number + 1
        while at:
            found -= tree[at]
            at &= at - 1
        at = number + 1
        while at <= size:
            tree[at] += 1
            at += at & -at
    return found


def _order(layers: list[list[int]], links: _Links) -> None:
    """Sort each layer by the mean place of the neighbours, down and up; keep the best."""
    best, fewest = [list(each) for each in layers], links.crossings(layers)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        downwards = sweep % 2 == 0
        near = links.above if downwards else links.below
        place = {cell: float(at) for layer in layers for at, cell in enumerate(layer)}
        for layer in layers if downwards else reversed(layers):
            layer.sort(key=lambda cell: _mean([place[e] for e in near[cell]], place[cell]))
            place |= {cell: float(at) for at, cell in enumerate(layer)}
        crossings = links.crossings(layers)
        if crossings < fewest:
            best, fewest = [list(each) for each in layers], crossings
    layers[:] = best


def _columns(layers: list[list[int]], links: _Links, cells: list[Cell]) -> None:
    """Give each cell its column: near to its neighbours', and clear of the cells beside it."""
    for layer in layers:
        _spread(layer, cells, [0.0] * len(layer))
    for sweep in range(2 * _SWEEPS):
        downwards = sweep % 2 == 0
        for layer in layers if downwards else reversed(layers):
            wanted = [links.pull(cell, cells, downwards) for cell in layer]
            _spread(layer, cells, wanted)
    first = min((each.x - each.left for each in cells), default=0.0)
    for each in cells:
        each.x -= first


def _spread(layer: list[int], cells: list[Cell], wanted: list[float]) -> None:
    """Place cells in their order as near to where they want to be as their widths allow.

    The least squares under an order: pool adjacent violators (Ayer et al., 1955).
    """
    offsets = [0.0]
    for one, other in itertools.pairwise(layer):
        offsets.append(offsets[-1] + cells[one].right + GAP + cells[other].left)
    pools: list[tuple[float, int]] = []
    for want, offset in zip(wanted, offsets, strict=True):
        total, count = want - offset, 1
        while pools and pools[-1][0] / pools[-1][1] >= total / count:
            before, size = pools.pop()
            total, count = total + before, count + size
        pools.append((total, count))
    start = 0
    for total, count in pools:
        for number in range(start, start + count):
            cells[layer[number]].x = total / count + offsets[number]
        start += count


def _rows(layers: list[list[int]], cells: list[Cell]) -> tuple[list[tuple[float, float]], float]:
    """Give each cell its top; return top and bottom of each layer, and the height of all."""
    tops: list[tuple[float, float]] = []
    y = 0.0
    for layer in layers:
        height = max(cells[each].height for each in layer)
        for each in layer:
            cells[each].y = y
        tops.append((y, y + height))
        y += height + _RISE
    return tops, max(y - _RISE, 0.0)


def _points(
    cells: list[Cell], ranks: list[int], tops: list[tuple[float, float]], way: list[int]
) -> list[tuple[float, float]]:
    """Return where an arrow enters and leaves each layer on its way."""
    source, target = cells[way[0]], cells[way[-1]]
    points = [(source.x, source.y + source.height), (source.x, tops[ranks[way[0]]][1])]
    for lane in way[1:-1]:
        points += [(cells[lane].x, edge) for edge in tops[ranks[lane]]]
    return [*points, (target.x, target.y)]


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
