"""The graph of a plan: what there is to see of it, and not where it stands."""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum

from engine.core.anatomy import Part, below, parts
from engine.core.frozen import frozen
from engine.core.picture import words
from engine.core.plan import Plan, Requirement, Scope, Step
from engine.core.rendering.excerpt import visible
from engine.core.run import Role


class Kind(StrEnum):
    """What an edge says. `needs` is written by the author; `data` and `order` are inferred."""

    NEEDS = "needs"
    DATA = "data"
    ORDER = "order"
    HANDLER = "handler"
    FINALLY = "finally"
    ALERT = "alert"
    COMPENSATION = "compensation"
    FALLBACK = "fallback"


BESIDE = frozenset({Kind.COMPENSATION, Kind.FALLBACK})
INFERRED = frozenset({Kind.DATA, Kind.ORDER})
# Scopes that are drawn as what the step holds, with no border of their own.
_PLAIN = frozenset({Role.BODY, Role.ITEM, Role.TURN})


@frozen
class Shape:
    """A step or a scope. `inside` is the key of the scope around it, empty for none.

    `kind` is the verb of a step, or the role of a scope. `about` and `note` are a line each, or
    empty. A shape that others are inside of `is_cluster`.
    """

    key: str
    kind: str
    title: str
    about: str = ""
    note: str = ""
    inside: str = ""
    is_cluster: bool = False
    path: str = ""


@frozen
class Line:
    """An edge from one shape to another beside it; `label` is a result that it asks for."""

    source: str
    target: str
    kind: Kind
    label: str = ""


@frozen
class Graph:
    """A plan to look at. Shapes around others come before them."""

    name: str
    title: str
    starts: tuple[str, ...]
    shapes: tuple[Shape, ...]
    lines: tuple[Line, ...]


def nested(graph: Graph) -> Iterator[tuple[Shape, int, bool]]:
    """Yield each shape with its depth, what is inside a cluster after it; True where one ends."""
    inside: dict[str, list[Shape]] = {}
    for each in graph.shapes:
        inside.setdefault(each.inside, []).append(each)
    # A stack and not recursion: the depth is the author's.
    waiting = [(each, 0, False) for each in reversed(inside.get("", []))]
    while waiting:
        shape, depth, is_end = waiting.pop()
        yield shape, depth, is_end
        if shape.is_cluster and not is_end:
            waiting.append((shape, depth, True))
            waiting += [(each, depth + 1, False) for each in reversed(inside.get(shape.key, []))]


def draw(plan: Plan) -> Graph:
    """Return the graph of a plan."""
    drawing = _Drawing(parts(plan))
    starts = tuple(visible(each.id) for each in plan.triggers)
    return Graph(
        visible(plan.name), visible(plan.title), starts, tuple(drawing.shapes),
        tuple(drawing.lines),
    )  # fmt: skip


class _Drawing:
    """Shapes and lines as they are found; `_homes` are the keys that parts are drawn in."""

    def __init__(self, every: list[Part]) -> None:
        self.shapes: list[Shape] = []
        self.lines: list[Line] = []
        self._every = every
        self._inside = below(every)
        self._homes = {0: ""}
        self._root = ""
        self._alarmed = any(part.role is Role.ALERT for part in every)
        for position, part in enumerate(every):
            if part.role is Role.ALERT:
                self.lines.append(Line(self._root, self._open(position, ""), Kind.ALERT))
            if position in self._homes:
                self._part(position)

    def _part(self, position: int) -> None:
        """Draw the steps of a scope, and beside them what its end asks for."""
        part, home = self._every[position], self._homes[position]
        hung: dict[int, list[int]] = {}
        for each in self._inside[position]:
            hung.setdefault(self._every[each].owner, []).append(each)
        beside = hung.get(-1, ())
        if beside or (part.role is Role.ROOT and self._alarmed):
            home = self._add("steps", "steps", home, is_cluster=True)
        if part.role is Role.ROOT:
            self._root = home
        steps = [
            self._step(part, step, home, hung.get(owner, ()))
            for owner, step in enumerate(part.scope.steps)
        ]
        for key, step in zip(steps, part.scope.steps, strict=True):
            self.lines += _lines(steps, key, step)
        for each in beside:
            kind = Kind.FINALLY if self._every[each].role is Role.FINALLY else Kind.HANDLER
            self.lines.append(Line(home, self._open(each, self._homes[position]), kind))

    def _step(self, part: Part, step: Step, home: str, hung: Iterable[int]) -> str:
        """Draw a step and what stands beside it; leave what is in it to its own turn."""
        stands = {Role.UNDO: Kind.COMPENSATION, Role.FALLBACK: Kind.FALLBACK}
        bodies = [each for each in hung if self._every[each].role not in stands]
        about, note = _about(step), _note(step)
        title = step.id or words.heading(part) or words.kind(step)
        inner = self._only_leaf(bodies)
        if inner is not None:
            about, note = _about(inner), ", ".join(filter(None, (about, note)))
        key = self._add(
            words.kind(step), title, home, about, note, path=part.path_of(step),
            is_cluster=bool(bodies) and inner is None,
        )  # fmt: skip
        for each in () if inner else bodies:
            if self._every[each].role in _PLAIN:
                self._homes[each] = key
            else:
                self._open(each, key)
        for each in hung:
            if self._every[each].role in stands:
                told = self._open(each, home)
                self.lines.append(Line(key, told, stands[self._every[each].role]))
        return key

    def _open(self, position: int, home: str) -> str:
        """Draw a scope with its heading; one that is a leaf is no more than that."""
        part = self._every[position]
        leaf = _leaf(part.scope)
        heading = words.heading(part)
        if leaf is not None and not self._inside[position]:
            self._homes.pop(position, None)
            path = part.path_of(leaf)
            return self._add(part.role, heading, home, _about(leaf), _note(leaf), path=path)
        self._homes[position] = self._add(
            part.role, heading, home, is_cluster=True, path=part.path[:-1]
        )
        return self._homes[position]

    def _only_leaf(self, bodies: Sequence[int]) -> Step | None:
        """Return the step that is all of the only body of another, if it opens nothing."""
        if len(bodies) != 1 or self._inside[bodies[0]]:
            return None
        part = self._every[bodies[0]]
        return _leaf(part.scope) if part.role in _PLAIN else None

    def _add(
        self, kind: str, title: str, inside: str, about: str = "", note: str = "", *,
        is_cluster: bool = False, path: str = "",
    ) -> str:  # fmt: skip
        key = f"n{len(self.shapes) + 1}"
        self.shapes.append(Shape(key, kind, title, about, note, inside, is_cluster, path))
        return key


def _lines(steps: Sequence[str], key: str, step: Step) -> Iterable[Line]:
    for edge in step.after:
        kind = Kind.NEEDS
        if edge.inferred:
            kind = Kind.DATA if edge.data else Kind.ORDER
        plain = edge.inferred or edge.requires in (Requirement.OK, Requirement.DONE)
        yield Line(steps[edge.step], key, kind, "" if plain else edge.requires.value)


def _leaf(scope: Scope) -> Step | None:
    """Return the step of a scope that is one verb."""
    only = len(scope.steps) == 1 and not scope.steps[0].id
    return scope.steps[0] if only else None


def _about(step: Step) -> str:
    marks = [words.what(step.verb)]
    if step.retry.max_attempts > 1:
        marks.append(f"{step.retry.max_attempts} attempts")
    has_values = step.fallback is not None and step.fallback.body is None
    told = {"else values": has_values, "optional": step.optional, "pivot": step.pivot}
    marks += [word for word, holds in told.items() if holds]
    return " · ".join(marks)


def _note(step: Step) -> str:
    marks = [f"if {visible(step.condition)}"] if step.condition is not None else []
    if step.join:
        marks.append(f"once {step.join} of its needs are met")
    return ", ".join(marks)
