"""Shapes of lists and mappings; they hand each part to the shape that belongs there."""

from collections.abc import Mapping as Members
from dataclasses import dataclass
from functools import cached_property

from engine.core.document import Mapping, Node, Path, Scalar, Sequence
from engine.core.quoting import shown
from engine.core.reader.rule import NO_RULES, Rules
from engine.core.reader.shape import Shape, Text, Word
from engine.core.reader.walk import Walk
from engine.core.reader.words import coded, listed, meant
from engine.core.values import Json

# A key that is known and yet has no place in some records: why, and what to do.
_MISPLACED = {"id": "in a mapping of steps the key is the id: take it out"}


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of things of one shape, `least` of them or more."""

    item: Shape
    least: int = 0
    expected: str = "a list"

    def fits(self, node: Node) -> bool:
        return isinstance(node, Sequence)

    def read(self, walk: Walk, node: Node, path: Path) -> Json:
        if not isinstance(node, Sequence):
            return walk.wrong_type(node, path, self.expected, self.hint(node))
        if len(node.items) < self.least:
            return walk.wrong_size(node, path, f"at least {self.least}", len(node.items))
        read = self.item.read
        return [read(walk, item, (*path, index)) for index, item in enumerate(node.items)]

    def hint(self, node: Node) -> str:
        """Return how to write a single item as a list, if that is what the node is."""
        if not isinstance(node, Scalar) or not self.item.fits(node):
            return ""
        return f"write `[{shown(node.text)}]`" if node.plain else "put it in `[ ]`"


@dataclass(frozen=True, slots=True)
class Keyed:
    """A mapping from names to things of one shape, from `least` to `most` of them."""

    name: Text
    value: Shape
    least: int = 0
    most: int | None = None
    expected: str = "a mapping"

    def fits(self, node: Node) -> bool:
        return isinstance(node, Mapping)

    def read(self, walk: Walk, node: Node, path: Path) -> Json:
        if not isinstance(node, Mapping):
            return walk.wrong_type(node, path, self.expected)
        count = len(node.members)
        if count < self.least:
            walk.wrong_size(node, path, f"at least {self.least}", count)
        elif self.most is not None and count > self.most:
            walk.wrong_size(node, path, f"at most {self.most}", count)
        made: dict[str, Json] = {}
        pattern, read = self.name.pattern, self.value.read
        for name, (key, value) in node.members.items():
            if pattern is not None and not pattern.fullmatch(name):
                message = f"{walk.place((*path, name))}: a name is {self.name.words}"
                walk.error("bad-name", message, key, hint=self.name.proposal(name))
            made[name] = read(walk, value, (*path, name))
        return made


@dataclass(frozen=True)
class Record:
    """A mapping with keys of its own. `refused` are known and yet have no place here.

    `rules` say which keys may and must stand together. Keys that are not known are read by
    `rest`, or refused where there is none.
    """

    fields: Members[str, Shape]
    required: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    rules: Rules = NO_RULES
    rest: Shape | None = None
    expected: str = "a mapping"

    @cached_property
    def allowed(self) -> tuple[str, ...]:
        return tuple(name for name in self.fields if name not in self.refused)

    def fits(self, node: Node) -> bool:
        return isinstance(node, Mapping)

    def read(self, walk: Walk, node: Node, path: Path) -> Json:
        if not isinstance(node, Mapping):
            return walk.wrong_type(node, path, self.expected)
        made: dict[str, Json] = {}
        fields, refused, rest = self.fields, self.refused, self.rest
        for name, (key, value) in node.members.items():
            shape = fields.get(name, rest)
            if shape is None or name in refused:
                self._refuse(walk, node, key, path)
            else:
                made[name] = shape.read(walk, value, (*path, name))
        for name in self.required:
            if name not in node.members:
                self._miss(walk, name, path)
        self.rules.check(walk, node, path, fields)
        return made

    def _refuse(self, walk: Walk, node: Mapping, key: Scalar, path: Path) -> None:
        if key.text in self.refused:
            message = f'"{key.text}" has no place in {walk.place(path)}'
            walk.error("misplaced-key", message, key, hint=_MISPLACED[key.text])
            return
        free = [name for name in self.allowed if name not in node.members]
        hint = meant(key.text, free) or f"it takes {listed(coded(self.allowed), 'and')}"
        message = f'unknown field "{shown(key.text)}" in {walk.place(path)}'
        walk.error("unknown-key", message, key, hint=hint)

    def _miss(self, walk: Walk, name: str, path: Path) -> None:
        shape = self.fields[name]
        is_known = isinstance(shape, Word) and len(shape.choices) == 1
        value = shape.expected.strip("`") if is_known else "..."
        message = f'{walk.place(path)} has no "{name}"'
        walk.missing("missing-key", message, path, f"add `{name}: {value}`")
