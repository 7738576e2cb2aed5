"""Who leads back to himself: circles in a graph of names, and an order of those outside of them."""

from collections.abc import Collection, Iterator, Mapping


def settled(edges: Mapping[str, Collection[str]]) -> list[str]:
    """Return the names that lead into no circle, each after all those that it leads to.

    An edge to a name that is no key of `edges` leads nowhere.
    """
    waiting = {name: sum(each in edges for each in told) for name, told in edges.items()}
    before: dict[str, list[str]] = {}
    for name, told in edges.items():
        for each in told:
            before.setdefault(each, []).append(name)
    order = [name for name, count in waiting.items() if not count]
    for name in order:
        for each in before.get(name, ()):
            waiting[each] -= 1
            if not waiting[each]:
                order.append(each)
    return order


def circles(edges: Mapping[str, Collection[str]]) -> Iterator[list[str]]:
    """Yield circles, each from its least name on, until what is left without them has none."""
    left = {name: told for name, told in edges.items() if told}
    while True:
        free = set(settled(left))
        left = {name: told for name, told in left.items() if name not in free}
        if not left:
            return
        circle = _circle(left)
        yield circle
        left = {name: told for name, told in left.items() if name not in circle}


def _circle(left: Mapping[str, Collection[str]]) -> list[str]:
    """Return a circle. Each of `left` leads to another of `left`."""
    trail: list[str] = []
    seen: dict[str, int] = {}
    name = min(left)
    while name not in seen:
        seen[name] = len(trail)
        trail.append(name)
        name = min(each for each in left[name] if each in left)
    circle = trail[seen[name] :]
    start = circle.index(min(circle))
    return circle[start:] + circle[:start]
