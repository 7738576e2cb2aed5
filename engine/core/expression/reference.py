"""Which paths a syntax tree reads."""

from engine.core.expression import tree
from engine.core.expression.fault import Reference


def references(node: tree.Node) -> tuple[Reference, ...]:
    """Return every path in a tree, in the order written."""
    found: list[Reference] = []
    _gather(node, False, (), found)
    return tuple(found)


def _gather(
    node: tree.Node, has_default: bool, through: tuple[str, ...], found: list[Reference]
) -> None:
    if isinstance(node, tree.Path):
        length = node.end - node.start
        found.append(Reference(node.path, has_default, node.start, length, through))
    elif isinstance(node, tree.Default):
        _gather(node.operand, True, through, found)
        _gather(node.fallback, has_default, through, found)
        if node.falsy is not None:
            _gather(node.falsy, has_default, through, found)
    elif isinstance(node, tree.Defined):
        _gather(node.operand, True, through, found)
    elif not isinstance(node, tree.Constant):
        inner = (node.function, *through) if isinstance(node, tree.Call) else through
        for child in node.parts if isinstance(node, tree.Text) else tree.children(node):
            _gather(child, has_default, inner, found)
