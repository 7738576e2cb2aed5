"""Shapes of lists and mappings; they hand each part to the shape that belongs there."""

from collections.abc import Mapping as Members
from dataclasses import dataclass
from functools import cached_property

from engine.core.document import Mapping, Node, Path, Scalar, Sequence
from engine.core.quoting import shown
from engine.core.reader import later
from engine.core.reader.shape import Shape, Text, Word
from engine.core.reader.walk import Walk
from engine.core.reader.words import coded, listed, meant, place
from engine.core.values import Json

# A key that is known and yet has no place in some records: why, and what to do.
_MISPLACED = {"id": "in a mapping of steps the key is the id: take it out"}


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of things of one shape."""

    item: Shape
    expected: str = "a list"

    def fits(self, node: Node) -> bool:
        return isinstance(node, Sequence)

    def read(self, walk: Walk, node: Node, path: Path) -> Json:
        if not isinstance(node, Sequence):
            return walk.wrong_type(node, path, self.expected, self.hint(node))
        read = self.item.read
        return [read(walk, item, (*path, index)) for index, item in enumerate(node.items)]

    def hint(self, node: Node) -> str:
        """Return how to write a single item as a list, if that is what the node is."""
        if not isinstance(node, Scalar) or not self.item.fits(node):
            return ""
        return f"write `[{shown(node.text)}]`" if node.plain else "put it in `[ ]`"


@dataclass(frozen=True, slots=True)
class Keyed:
    """A mapping from names to things of one shape."""

    name: Text
    value: Shape
    expected: str = "a mapping"

    def fits(self, node: Node) -> bool:
        return isinstance(node, Mapping)

    def read(self, walk: Walk, node: Node, path: Path) -> Json:
        if not isinstance(node, Mapping):
            return walk.wrong_type(node, path, self.expected)
        made: dict[str, Json] = {}
        pattern, read = self.name.pattern, self.value.read
        for name, (key, value) in node.members.items():
            if pattern is not None and not pattern.fullmatch(name):
                message = f"{place((*path, name))}: a name is {self.name.words}"
                walk.error("bad-name", message, key, hint=self.name.proposal(name))
            made[name] = read(walk, value, (*path, name))
        return made


@dataclass(frozen=True)
class Record:
    """A mapping with keys of its own. `refused` are known and yet have no place here, `later`
    belong to the language and not to this version.

    Of the keys in `one_of`, the record has exactly one. Keys that are not known are read by
    `rest`, or refused where there is none.
    """

    fields: Members[str, Shape]
    required: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    rest: Shape | None = None
    later: frozenset[str] = frozenset()
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
        if self.one_of and later.VERBS.isdisjoint(node.members):
            self._check_one_of(walk, node, path)
        return made

    def _refuse(self, walk: Walk, node: Mapping, key: Scalar, path: Path) -> None:
        if key.text in self.refused:
            message = f'"{key.text}" has no place in {place(path)}'
            walk.error("misplaced-key", message, key, hint=_MISPLACED[key.text])
            return
        if key.text in self.later:
            walk.error("not-supported", later.told(f"`{key.text}`"), key, hint=self._instead(key))
            return
        free = [name for name in self.allowed if name not in node.members]
        hint = meant(key.text, free) or f"it takes {listed(coded(self.allowed), 'and')}"
        message = f'unknown field "{shown(key.text)}" in {place(path)}'
        walk.error("unknown-key", message, key, hint=hint)

    def _instead(self, key: Scalar) -> str:
        if key.text not in later.VERBS:
            return ""
        return f"the verbs of this version are {listed(coded(self.one_of), 'and')}"

    def _miss(self, walk: Walk, name: str, path: Path) -> None:
        shape = self.fields[name]
        is_known = isinstance(shape, Word) and len(shape.choices) == 1
        value = shape.expected.strip("`") if is_known else "..."
        message = f'{place(path)} has no "{name}"'
        walk.missing("missing-key", message, path, f"add `{name}: {value}`")

    def _check_one_of(self, walk: Walk, node: Mapping, path: Path) -> None:
        told = [node.members[name][0] for name in self.one_of if name in node.members]
        choices = listed(coded(self.one_of))
        unknown = (name for name in node.members if name not in self.fields)
        if not told and not any(meant(name, self.one_of) for name in unknown):
            message = f"{place(path)} has no verb: it does nothing"
            walk.missing("no-verb", message, path, f"give it one of {choices}")
        for key in told[1:]:
            message = f"{place(path)} has two verbs, `{told[0].text}` and `{key.text}`"
            hint = f"a step has exactly one of {choices}: make it two steps"
            walk.error("two-verbs", message, key, hint=hint, first=(told[0], "the first is here"))
