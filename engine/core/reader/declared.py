"""The JSON Schema of an input: it gives its own `default` a type."""

from engine.core.document import Mapping, Node, Path, Scalar, Sequence
from engine.core.frozen import frozen
from engine.core.reader.scalar import is_null
from engine.core.reader.shape import Free
from engine.core.reader.walk import Walk
from engine.core.values import Json

_FREE = Free()


@frozen
class Declared:
    """A JSON Schema. In `{type: string, default: 1.10}` the default is a text, as written."""

    expected: str = "a mapping"

    def fits(self, node: Node) -> bool:
        return isinstance(node, Mapping)

    def read(self, walk: Walk, node: Node, path: Path) -> Json:
        if not isinstance(node, Mapping):
            return walk.wrong_type(node, path, self.expected)
        return {
            name: _value(walk, value, path, node)
            if name == "default"
            else _FREE.read(walk, value, path)
            for name, (_, value) in node.members.items()
        }


def _value(walk: Walk, node: Node, path: Path, schema: Node | None) -> Json:
    """Return a value that is typed by a schema as far as that is plain to see."""
    match node:
        case Scalar() if _text_of(schema, "type") == "string" and not is_null(node):
            return node.text
        case Sequence():
            items = _part(schema, "items")
            return [_value(walk, each, path, items) for each in node.items]
        case Mapping():
            properties = _part(schema, "properties")
            return {
                name: _value(walk, each, path, _part(properties, name))
                for name, (_, each) in node.members.items()
            }
        case _:
            return _FREE.read(walk, node, path)


def _part(schema: Node | None, key: str) -> Node | None:
    if not isinstance(schema, Mapping) or key not in schema.members:
        return None
    return schema.members[key][1]


def _text_of(schema: Node | None, key: str) -> str:
    part = _part(schema, key)
    return part.text if isinstance(part, Scalar) else ""
