"""`match`: the equality in it that an event is looked up by."""

from collections.abc import Iterator

from engine.core.compiler.node import Node
from engine.core.compiler.site import Site, Use
from engine.core.expression import Compiled, tree
from engine.core.expression.path import written

_INDEXED = (("event", "data"), ("event", "subject"))


def correlation(node: Node) -> tuple[str, str] | None:
    """Return a path in the event and the expression that it must equal, if `match` has such."""
    site = next((each for each in node.sites if each.use is Use.MATCH), None)
    return None if site is None else correlated(site)


def correlated(site: Site) -> tuple[str, str] | None:
    """Return the first equality of a `match` between a part of the event and a value of the run."""
    for each in _conjuncts(tree_of(site.compiled)):
        if isinstance(each, tree.Comparison) and [word for word, _ in each.rest] == ["=="]:
            sides = (each.first, each.rest[0][1])
            for mine, other in (sides, sides[::-1]):
                path, value = _event_path(mine), _value(other, site.text)
                if path and value:
                    return path, value
    return None


def tree_of(compiled: Compiled) -> tree.Node:
    """Return the syntax tree of what has been parsed."""
    return compiled.node  # type: ignore[attr-defined, no-any-return]


def _conjuncts(node: tree.Node) -> Iterator[tree.Node]:
    """Yield the conditions that must all be true."""
    if isinstance(node, tree.Both):
        yield from _conjuncts(node.left)
        yield from _conjuncts(node.right)
    else:
        yield node


def _event_path(node: tree.Node) -> str:
    """Return a path into what an event is kept by, as the index takes it: `data.order`."""
    if not isinstance(node, tree.Path) or node.path[:2] not in _INDEXED:
        return ""
    rest = list(map(str, node.path[1:]))
    return "" if any("." in each for each in rest) else ".".join(rest)


def _value(node: tree.Node, source: str) -> str:
    """Return an expression that is known before the event comes, or nothing."""
    if isinstance(node, tree.Path) and node.path[0] != "event":
        return written(node.path)
    return source[node.start : node.end] if isinstance(node, tree.Constant) else ""
