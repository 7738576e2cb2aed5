"""Why one step waits for another, several reasons made one, and the order that comes of them."""

from engine.core.compiler.findings import Place
from engine.core.frozen import frozen
from engine.core.plan import Edge, Requirement

_STRENGTH = {Requirement.DONE: 0, Requirement.OK: 1}


@frozen
class Graph:
    """`after` and `before` by position, `join` as `plan.Step` has it, `order` a possible order."""

    after: tuple[tuple[Edge, ...], ...]
    before: tuple[tuple[int, ...], ...]
    join: tuple[int, ...]
    order: tuple[int, ...]


@frozen
class Wish:
    """One reason why a step waits for another."""

    edge: Edge
    place: Place

    def and_also(self, other: "Wish") -> "Wish":
        """Return both in one: the stronger result, and data if either reads it."""
        weak, strong = sorted((self, other), key=_weight)
        edge = Edge(
            strong.edge.step,
            strong.edge.requires,
            weak.edge.data or strong.edge.data,
            weak.edge.inferred and strong.edge.inferred,
        )
        return Wish(edge, strong.place)


def _weight(wish: Wish) -> tuple[bool, int]:
    """Order wishes by how much they ask; what the author wrote counts before what is inferred."""
    return not wish.edge.inferred, _STRENGTH.get(wish.edge.requires, 2)
