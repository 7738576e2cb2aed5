"""The names that a template looks up among its values, before there are any."""

from collections.abc import Iterator, Sequence

from jinja2 import nodes

from adapters.contract import Read


def free(tree: nodes.Template) -> Iterator[Read]:
    """Yield the names that no loop and no `set` has given.

    A name need not be there where `default` stands in for it, nor anywhere once a template asks
    whether it is defined.
    """
    tests = (each for each in tree.find_all(nodes.Test) if each.name in ("defined", "undefined"))
    asked = {_base(each.node) for each in tests}
    for line, name, is_sure, given in _statements(tree.body, set()):
        yield line, name, is_sure and name not in asked, given


def _statements(body: Sequence[nodes.Node], bound: set[str]) -> Iterator[Read]:
    """Yield the free names of statements; what they set is added to `bound`."""
    for node in body:
        match node:
            case nodes.If():
                for branch in (node, *node.elif_):
                    yield from _read(branch.test, bound)
                    yield from _statements(branch.body, bound)
                yield from _statements(node.else_, bound)
            case nodes.For():
                yield from _read(node.iter, bound)
                inner = bound | {each.name for each in _names(node.target)}
                if node.test is not None:
                    yield from _read(node.test, inner)
                yield from _statements(node.body, inner | {"loop"})
                yield from _statements(node.else_, bound)
            case nodes.Assign(target=nodes.Name(name=name)):
                yield from _read(node.node, bound)
                bound.add(name)
            case _:
                yield from _read(node, bound)


def _read(node: nodes.Node, bound: set[str], may_miss: bool = False) -> Iterator[Read]:
    """Yield the free names of an expression, which may miss a value or not."""
    match node:
        case nodes.Name():
            if node.name not in bound:
                yield node.lineno, node.name, not may_miss, frozenset(bound)
        case nodes.Call():
            for each in node.args:
                yield from _read(each, bound)
        case nodes.Getattr():
            yield from _read(node.node, bound, may_miss)
        case nodes.Getitem():
            yield from _read(node.node, bound, may_miss)
            yield from _read(node.arg, bound)
        case nodes.Filter() if node.node is not None:
            yield from _read(node.node, bound, node.name == "default")
            for part in (*node.args, *node.kwargs):
                yield from _read(part, bound)
        case _:
            for inner in node.iter_child_nodes():
                yield from _read(inner, bound)


def _base(node: nodes.Node) -> str:
    """Return the name at which a path such as `a.b[0]` begins; of anything else, none."""
    if isinstance(node, nodes.Getattr | nodes.Getitem):
        return _base(node.node)
    return node.name if isinstance(node, nodes.Name) else ""


def _names(target: nodes.Node) -> Iterator[nodes.Name]:
    return (each for each in (target, *target.find_all(nodes.Name)) if isinstance(each, nodes.Name))
