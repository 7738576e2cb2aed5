"""A JSON Schema in a spec: it gives the values that stand in it a type."""

from collections.abc import Iterable
from typing import Final

from engine.core import kind
from engine.core.document import Mapping, Node, Path, Scalar, Sequence
from engine.core.frozen import frozen
from engine.core.reader.scalar import is_null
from engine.core.reader.shape import Free
from engine.core.reader.walk import Walk
from engine.core.values import Json
from engine.core.wording import Instead

_FREE: Final = Free()
# What stands behind a keyword: a value, values, a schema, schemas by name, or schemas. What a
# keyword of SARK's own, `value`, holds is a value as well.
_VALUE: Final = frozenset({"default", "const", "value"})
_VALUES: Final = frozenset({"enum", "examples"})
_SCHEMA: Final = frozenset({"items", "additionalProperties", "contains", "not", "if", "then"})
_BY_NAME: Final = frozenset({"properties", "patternProperties", "$defs"})
_SCHEMAS: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_TEXT: Final = frozenset({"string", "null"})


@frozen
class Declared:
    """A JSON Schema. In `{type: string, default: 1.10}` the default is a text, as written."""

    expected: str = "a mapping"

    def fits(self, node: Node) -> bool:
        return isinstance(node, Mapping)

    def read(self, walk: Walk, node: Node, path: Path) -> Json:
        if not isinstance(node, Mapping):
            return walk.wrong_type(node, path, self.expected, as_type(node))
        return _schema(walk, node, path)


def as_type(node: Node, others: Iterable[str] = ()) -> str:
    """Return how to write a word as the type that it names, beside `others` that are required.

    It is no text if the node names no type.
    """
    if not (isinstance(node, Scalar) and node.plain and node.text in kind.ALL):
        return ""
    more = "".join(f", {each}: ..." for each in others)
    told = f"{{type: {node.text}{more}}}"
    return f"write `{told}`" if more else Instead(f"write `{told}`", told)


def keyword(walk: Walk, name: str, node: Node, path: Path, schema: Mapping) -> Json:
    """Return what stands behind a keyword of a schema; its values are of the schema's type."""
    match node:
        case Sequence() if name in _VALUES:
            return [_value(walk, each, path, schema) for each in node.items]
        case Sequence() if name in _SCHEMAS:
            return [_schema(walk, each, path) for each in node.items]
        case Mapping() if name in _BY_NAME:
            return {key: _schema(walk, each, path) for key, (_, each) in node.members.items()}
    if name in _SCHEMA:
        return _schema(walk, node, path)
    return _value(walk, node, path, schema if name in _VALUE else None)


def _schema(walk: Walk, node: Node, path: Path) -> Json:
    if not isinstance(node, Mapping):
        return _FREE.read(walk, node, path)
    return {name: keyword(walk, name, each, path, node) for name, (_, each) in node.members.items()}


def _value(walk: Walk, node: Node, path: Path, schema: Node | None) -> Json:
    """Return a value that is typed by a schema as far as that is plain to see."""
    match node:
        case Scalar() if _is_text(schema) and not is_null(node):
            return node.text
        case Sequence():
            items = _part(schema, "items")
            return [_value(walk, each, path, items) for each in node.items]
        case Mapping():
            named, rest = _part(schema, "properties"), _part(schema, "additionalProperties")
            return {
                name: _value(walk, each, path, _part(named, name) or rest)
                for name, (_, each) in node.members.items()
            }
        case _:
            return _FREE.read(walk, node, path)


def _part(schema: Node | None, key: str) -> Node | None:
    if not isinstance(schema, Mapping) or key not in schema.members:
        return None
    return schema.members[key][1]


def _is_text(schema: Node | None) -> bool:
    """True if a schema takes texts, and no other scalar but null."""
    told = _part(schema, "type")
    names = told.items if isinstance(told, Sequence) else (told,)
    kinds = {each.text for each in names if isinstance(each, Scalar)}
    return "string" in kinds and kinds <= _TEXT
