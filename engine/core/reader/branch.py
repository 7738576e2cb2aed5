"""Shapes of lists and mappings; they hand each part to the shape that belongs there."""

import re
from collections.abc import Mapping as Members
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from engine.core.document import Mapping, Node, Path, Scalar, Sequence
from engine.core.frozen import frozen
from engine.core.quoting import shown
from engine.core.reader.declared import as_type, keyword
from engine.core.reader.rule import NO_RULES, Rules
from engine.core.reader.shape import Shape, Text, Word
from engine.core.reader.walk import Walk
from engine.core.reader.words import A_STEP, called_elsewhere, meant, some
from engine.core.spec.model import Model
from engine.core.wording import Instead

# A key that is known and yet has no place in some records: why, and what to do.
_MISPLACED = {"id": "in a mapping of steps the key is the id: take it out"}
# What other engines have at the root of a document, and where it is here.
_FOREIGN = {
    "metadata": "there is no nesting: write `name`, `labels` and the like themselves",
    "spec": "there is no nesting: write `steps`, `inputs` and the like themselves",
    "namespace": "take it out: the configuration of the source says it, on the server",
}

# What is the same text in `[ ]` as it is outside.
_IN_FLOW: Final = re.compile(r"[\w.:@/-]+")


@frozen
class Listed:
    """A list of things of one shape, `least` of them or more."""

    item: Shape
    least: int = 0
    expected: str = "a list"

    def fits(self, node: Node) -> bool:
        return isinstance(node, Sequence)

    def read(self, walk: Walk, node: Node, path: Path) -> object:
        if not isinstance(node, Sequence):
            return walk.wrong_type(node, path, self.expected, self.hint(node))
        if len(node.items) < self.least:
            return walk.wrong_size(node, path, f"at least {self.least}", len(node.items))
        read = self.item.read
        return [read(walk, item, (*path, index)) for index, item in enumerate(node.items)]

    def hint(self, node: Node) -> str:
        """Return how to write a single item as a list, if that is what the node is."""
        if not self.item.fits(node):
            return ""
        if not isinstance(node, Scalar):
            return "put it behind a `-`: there may be several"
        if not node.plain:
            return "put it in `[ ]`"
        hint = f"write `[{shown(node.text)}]`"
        return Instead(hint, f"[{node.text}]") if _IN_FLOW.fullmatch(node.text) else hint


@frozen
class Keyed:
    """A mapping from names to things of one shape, from `least` to `most` of them."""

    name: Text
    value: Shape
    least: int = 0
    most: int | None = None
    expected: str = "a mapping"

    def fits(self, node: Node) -> bool:
        return isinstance(node, Mapping)

    def read(self, walk: Walk, node: Node, path: Path) -> object:
        if not isinstance(node, Mapping):
            return walk.wrong_type(node, path, self.expected)
        count = len(node.members)
        if count < self.least:
            walk.wrong_size(node, path, f"at least {self.least}", count)
        elif self.most is not None and count > self.most:
            walk.wrong_size(node, path, f"at most {self.most}", count)
        made: dict[str, object] = {}
        takes, read = self.name.takes, self.value.read
        for name, (key, value) in node.members.items():
            if not takes(name):
                message = f"{walk.place((*path, name))}: a name is {self.name.words}"
                walk.error("bad-name", message, key, hint=self.name.proposal(name))
            made[name] = read(walk, value, (*path, name))
        return made


@dataclass(frozen=True)
class Record:
    """A mapping with keys of its own. `refused` are known and yet have no place here.

    `rules` say which keys may and must stand together. Keys that are not known are read by
    `rest`, or refused where there is none; `homes` says where in the language a key belongs.
    One that is a JSON Schema too types its own values. What is read becomes a `model`, if there
    is one.
    """

    fields: Members[str, Shape]
    required: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    rules: Rules = NO_RULES
    rest: Shape | None = None
    is_schema: bool = False
    model: type[Model] | None = None
    homes: Members[str, str] = field(default_factory=dict)
    expected: str = "a mapping"

    @cached_property
    def allowed(self) -> tuple[str, ...]:
        return tuple(name for name in self.fields if name not in self.refused)

    def fits(self, node: Node) -> bool:
        return isinstance(node, Mapping)

    def read(self, walk: Walk, node: Node, path: Path) -> object:
        if not isinstance(node, Mapping):
            hint = self._hint(walk, node, path)
            return walk.wrong_type(node, path, self.expected, hint, may_vary=bool(hint))
        made: dict[str, object] = {}
        fields, refused, rest = self.fields, self.refused, self.rest
        for name, (key, value) in node.members.items():
            shape = fields.get(name, rest)
            if shape is None or name in refused:
                self._refuse(walk, node, key, path)
            elif self.is_schema and name != "from":
                made[name] = keyword(walk, name, value, path, node)
            else:
                made[name] = shape.read(walk, value, (*path, name))
        for name in self.required:
            if name not in node.members and not self._is_mistyped(node, name):
                self._miss(walk, node, name, path)
        self.rules.check(walk, node, path, fields)
        return made if self.model is None else self.model.of(made)

    def _refuse(self, walk: Walk, node: Mapping, key: Scalar, path: Path) -> None:
        name, place = key.text, walk.place(path)
        if name in self.refused:
            message = f'"{name}" has no place in {place}'
            walk.error("misplaced-key", message, key, hint=_MISPLACED[name])
            return
        free = [each for each in self.allowed if each not in node.members]
        if name in self.homes and called_elsewhere(name) not in free:
            message = f'"{name}" has no place in {place}'
            walk.error("misplaced-key", message, key, hint=f"it belongs to {self.homes[name]}")
            return
        foreign = "" if path else _FOREIGN.get(name, "")
        hint = foreign or meant(name, free) or f"it takes {some(self.allowed)}"
        message = f'unknown field "{shown(name)}" in {place}'
        is_foreign = bool(foreign) or called_elsewhere(name) is not None
        walk.unknown(message, key, path, hint, may_pass=not is_foreign)

    def _is_mistyped(self, node: Mapping, name: str) -> bool:
        """True if a key that is not known stands for one that is missing."""
        unknown = [] if self.rest else [each for each in node.members if each not in self.fields]
        return any(self._means(each, name) for each in unknown)

    def _means(self, unknown: str, name: str) -> bool:
        """True if a key that is not known stands for one that is missing."""
        if name == "steps" and self.homes.get(unknown) == A_STEP:
            return True
        hint = meant(unknown, self.allowed)
        return bool(hint) and hint == meant(unknown, [name])

    def _hint(self, walk: Walk, node: Node, path: Path) -> str:
        """Return how to write a value as a mapping, where it can only belong to one key."""
        is_empty = isinstance(node, Scalar) and node.is_empty
        if self.is_schema and (hint := as_type(node, self.required)):
            return hint
        if is_empty or self.rules.acts or len(self.required) > 1:
            return ""
        for key in (*self.required, *self.rules.one_of):
            if _reads(self.fields[key], walk, node, path):
                others = "".join(f", {each}: ..." for each in self.required if each != key)
                return f"write `{{{key}: {_spelt(node)}{others}}}`"
        return ""

    def _miss(self, walk: Walk, node: Mapping, name: str, path: Path) -> None:
        shape = self.fields[name]
        is_known = isinstance(shape, Word) and len(shape.choices) == 1
        value = shape.expected.strip("`") if is_known else "..."
        message = f'{walk.place(path)} has no "{name}"'
        told = f"{name}: {value}"
        walk.missing(
            "missing-key", message, path, f"add `{told}`", node if is_known else None, told
        )


def _reads(shape: Shape, walk: Walk, node: Node, path: Path) -> bool:
    """True if a shape has nothing to say against a node."""
    trial = Walk(walk.document)
    shape.read(trial, node, path)
    return not trial.found.all


def _spelt(node: Node) -> str:
    if not isinstance(node, Scalar):
        return "[...]"
    return shown(node.text) if node.plain else f"'{shown(node.text)}'"
