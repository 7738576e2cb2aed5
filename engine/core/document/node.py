"""What a YAML document is made of: scalars with their source text, lists and mappings, placed.

A file has hundreds of them. They are tuples with names: as fixed as frozen dataclasses, and made
in a third of the time.
"""

from typing import NamedTuple, TypeAlias

from engine.core.diagnostic import Span
from engine.core.frozen import frozen

Path: TypeAlias = tuple[str | int, ...]


class Scalar(NamedTuple):
    """A text with no type yet. `plain` is false for quoted and block scalars.

    `end` is the column after its last character on the line where it begins. `indent` is how many
    blanks come before each line of a literal block (`|`), 0 for a text on one line, and -1 for any
    other.
    """

    text: str
    plain: bool
    line: int
    column: int
    end: int
    indent: int = 0

    @property
    def is_empty(self) -> bool:
        """True where nothing is written, not even quotes: `key:` and no more."""
        return self.plain and not self.text

    def stretch(self, begin: int, end: int) -> tuple[int, int, int] | None:
        """Return the line, first column and column after the last of a stretch of the text.

        Of one that goes over the end of a line it is the part on its first line. There is none
        where that would be a guess: the text has escapes, or its lines are folded.
        """
        if self.indent > 0:
            before = self.text[:begin].rpartition("\n")[2]
            width = len(self.text[begin:end].partition("\n")[0])
            line = self.line + 1 + self.text.count("\n", 0, begin)
            column = self.indent + len(before) + 1
            return line, column, column + max(width, 1)
        quotes = self.end - self.column - len(self.text)
        if self.indent or quotes != (0 if self.plain else 2):
            return None
        column = self.column + quotes // 2
        return self.line, column + begin, column + end


class Sequence(NamedTuple):
    """A list."""

    items: tuple["Node", ...]
    line: int
    column: int

    @property
    def end(self) -> int:
        return self.column + 1


class Mapping(NamedTuple):
    """Keys with their values, in the order of the file; each key occurs once."""

    members: dict[str, tuple[Scalar, "Node"]]
    line: int
    column: int

    @property
    def entries(self) -> tuple[tuple[Scalar, "Node"], ...]:
        return tuple(self.members.values())

    @property
    def end(self) -> int:
        """The column after the first key of a block mapping, after the brace of another."""
        for key, _ in self.members.values():
            if (key.line, key.column) == (self.line, self.column):
                return key.end
            break
        return self.column + 1


Node: TypeAlias = Scalar | Sequence | Mapping


@frozen
class Document:
    """One document of a file."""

    file: str
    root: Node

    def span(self, path: Path, key: bool = False) -> Span:
        """Return where the value at `path` stands, or with `key` the key that names it.

        An item of a list and the root have no key: their value stands for it. Where the path
        leads to nothing, the key of the nearest thing around it answers (the root: its value).
        """
        return self.place(self.node(path, key))

    def holds(self, path: Path) -> bool:
        """True if something stands at `path`."""
        node = self.root
        for part in path:
            found = _child(node, part)
            if found is None:
                return False
            node = found[1]
        return True

    def node(self, path: Path, key: bool = False) -> Node:
        """Return what stands at `path`, as `span` finds it."""
        node, name = self.root, None
        for part in path:
            found = _child(node, part)
            if found is None:
                return name or node
            name, node = found
        return name if key and name is not None else node

    def place(self, node: Node) -> Span:
        """Return where a node of this document stands."""
        return Span(self.file, node.line, node.column, node.end)


def _child(node: Node, part: str | int) -> tuple[Scalar | None, Node] | None:
    match node, part:
        case Mapping(members), str():
            return members.get(part)
        case Sequence(items), int() if 0 <= part < len(items):
            return None, items[part]
        case _:
            return None
