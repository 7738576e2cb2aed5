"""Which paths a syntax tree reads."""

from collections.abc import Iterator

from engine.core.expression import tree
from engine.core.expression.fault import Reference


def references(node: tree.Node) -> tuple[Reference, ...]:
    """Return every path in a tree, in the order written."""
    return tuple(_references(node, False, ()))


def _references(
    node: tree.Node, has_default: bool, through: tuple[str, ...]
) -> Iterator[Reference]:
    if isinstance(node, tree.Path):
        length = node.end - node.start
        yield Reference(node.path, has_default, node.start, length, through)
    elif isinstance(node, tree.Default):
        yield from _references(node.operand, True, through)
        yield from _references(node.fallback, has_default, through)
        if node.falsy is not None:
            yield from _references(node.falsy, has_default, through)
    elif isinstance(node, tree.Defined):
        yield from _references(node.operand, True, through)
    else:
        inner = (node.function, *through) if isinstance(node, tree.Call) else through
        for child in tree.children(node):
            yield from _references(child, has_default, inner)
