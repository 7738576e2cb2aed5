"""The syntax tree of an expression: only what is allowed has a node here.

`start` and `end` mark where a node stands in the text, `end` being the offset after it.
"""

from collections.abc import Iterator
from dataclasses import fields
from typing import TypeAlias, cast, get_args

from engine.core.frozen import frozen
from engine.core.pointer import Pointer
from engine.core.values import Json


@frozen(kw_only=True)
class _Placed:
    """A node, and the stretch of the text that it was read from."""

    start: int
    end: int


@frozen
class Constant(_Placed):
    """A string, a number, a boolean or null."""

    value: Json


@frozen
class Path(_Placed):
    """A root name and constant segments: `steps.build.outputs.images[0]`."""

    path: tuple[str | int, ...]


@frozen
class Lookup(_Placed):
    """A segment that is computed, or that follows something computed."""

    base: "Node"
    key: "Node"


@frozen
class Slice(_Placed):
    """Part of a string or a list."""

    base: "Node"
    first: "Node | None"
    last: "Node | None"
    step: "Node | None"


@frozen
class ListOf(_Placed):
    """A list of the values of expressions."""

    items: tuple["Node", ...]


@frozen
class MapOf(_Placed):
    """A mapping, its keys and values expressions."""

    entries: tuple[tuple["Node", "Node"], ...]


@frozen
class Negative(_Placed):
    """A number with its sign turned, or kept (`+x`)."""

    operand: "Node"
    keep: bool


@frozen
class Arithmetic(_Placed):
    """`operator` is one of + - * / // %."""

    operator: str
    left: "Node"
    right: "Node"


@frozen
class Comparison(_Placed):
    """`a < b <= c`; each operator is one of == != < <= > >= in, not in."""

    first: "Node"
    rest: tuple[tuple[str, "Node"], ...]


@frozen
class Both(_Placed):
    """`and`: the first operand if it counts as false, else the second."""

    left: "Node"
    right: "Node"


@frozen
class Either(_Placed):
    """`or`: the first operand if it counts as true, else the second."""

    left: "Node"
    right: "Node"


@frozen
class Not(_Placed):
    """The opposite of a truth value."""

    operand: "Node"


@frozen
class Choice(_Placed):
    """`then if condition else otherwise`."""

    condition: "Node"
    then: "Node"
    otherwise: "Node"


@frozen
class Text(_Placed):
    """Parts joined to one string: `a ~ b`, and mixed text."""

    parts: tuple["Node", ...]


@frozen
class Call(_Placed):
    """A listed function over its arguments in the order of its parameters; None is left out."""

    function: str
    arguments: tuple["Node | None", ...]


@frozen
class Default(_Placed):
    """The operand, or `fallback` where it is undefined; `falsy`: or counts as false."""

    operand: "Node"
    fallback: "Node"
    falsy: "Node | None"


@frozen
class Defined(_Placed):
    """True if the operand is there."""

    operand: "Node"


@frozen
class Within(_Placed):
    """A template that stands at `pointer` of an area; the places below are those of `source`."""

    pointer: Pointer
    source: str
    operand: "Node"


@frozen
class Test(_Placed):
    """True if the operand is of the kind `name`: none, string, number ..."""

    name: str
    operand: "Node"


Node: TypeAlias = (
    Constant
    | Path
    | Lookup
    | Slice
    | ListOf
    | MapOf
    | Negative
    | Arithmetic
    | Comparison
    | Both
    | Either
    | Not
    | Choice
    | Text
    | Call
    | Default
    | Defined
    | Test
    | Within
)

_NO_NODES = frozenset(
    ("start", "end", "value", "path", "pointer", "source", "operator", "function", "name", "keep")
)
KINDS = frozenset(get_args(Node))
_INNER = {
    kind: tuple(each.name for each in fields(kind) if each.name not in _NO_NODES) for kind in KINDS
}


def children(node: Node) -> Iterator[Node]:
    """Give the nodes directly below one, in the order written."""
    if isinstance(node, Choice):
        yield from (node.then, node.condition, node.otherwise)
        return
    for name in _INNER[type(node)]:
        yield from _nodes(getattr(node, name))


def _nodes(part: object) -> Iterator[Node]:
    """Give the nodes in a field: it is one, or None, or a tuple of such and of operators."""
    if isinstance(part, _Placed):
        yield cast(Node, part)
    elif isinstance(part, tuple):
        for each in part:
            yield from _nodes(each)
