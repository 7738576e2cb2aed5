"""Shapes that leave a choice: records told apart by a key, and shapes by their kind."""

from collections.abc import Mapping as Members

from engine.core.document import Mapping, Node, Path, Scalar
from engine.core.frozen import frozen
from engine.core.reader.branch import Listed, Record
from engine.core.reader.shape import Shape, Word
from engine.core.reader.walk import Walk
from engine.core.reader.words import coded, found, listed, meant, some
from engine.core.wording import Meant, nearest


@frozen
class Tagged:
    """One of several records; the key `tag` says which."""

    tag: str
    records: Members[str, Record]
    expected: str = "a mapping"

    @property
    def known(self) -> str:
        """Return the tags in words; those of one record are one family, as in `github.*`."""
        families: dict[int, list[str]] = {}
        for tag, record in self.records.items():
            families.setdefault(id(record), []).append(tag)
        told = [
            tags[0] if len(tags) == 1 else f"{tags[0].split('.')[0]}.*"
            for tags in families.values()
        ]
        return listed(coded(told))

    def fits(self, node: Node) -> bool:
        return isinstance(node, Mapping)

    def read(self, walk: Walk, node: Node, path: Path) -> object:
        if not isinstance(node, Mapping):
            is_tag = isinstance(node, Scalar) and node.text in self.records
            value = node.text if is_tag and isinstance(node, Scalar) else "..."
            hint = f"write `{{{self.tag}: {value}}}`"
            return walk.wrong_type(node, path, self.expected, hint)
        if self.tag not in node.members:
            message = f'{walk.place(path)} has no "{self.tag}"'
            return walk.missing("missing-key", message, path, f"add `{self.tag}`: {self.known}")
        told = node.members[self.tag][1]
        if not isinstance(told, Scalar) or told.is_empty:
            return walk.wrong_type(told, (*path, self.tag), self.known)
        if told.text not in self.records:
            message = f"{walk.place(path)} has the unknown {self.tag} {found(told)}"
            hint = self._meant(told.text) or f"it is one of {self.known}"
            return walk.error("unknown-type", message, told, hint=hint)
        return self.records[told.text].read(walk, node, path)

    def _meant(self, tag: str) -> str:
        """Return a hint with the tag that is meant, or with those of the family that it names.

        What is before the dot is alike in all of a family, and says nothing of which is near. Those
        that have a record of their own are told first.
        """
        family, _, name = tag.partition(".")
        kin = [each for each in self.records if each.startswith(f"{family}.")]
        if not kin:
            return meant(tag, self.records)
        near = nearest(name, [each.partition(".")[2] for each in kin])
        if near:
            return Meant(tag, f"{family}.{near}")
        records = list(self.records.values())
        kin.sort(key=lambda each: sum(one is self.records[each] for one in records))
        return f"those of `{family}` are {some(kin)}"


@frozen
class Either:
    """One of several shapes, told apart by the kind of the node."""

    options: tuple[Shape, ...]

    @property
    def expected(self) -> str:
        told = (_alternatives(each) for each in self.options)
        return listed(dict.fromkeys(word for words in told for word in words))

    def fits(self, node: Node) -> bool:
        return any(each.fits(node) for each in self.options)

    def read(self, walk: Walk, node: Node, path: Path) -> object:
        fitting = [each for each in self.options if each.fits(node)]
        if len(fitting) == 1:
            return fitting[0].read(walk, node, path)
        if isinstance(node, Mapping) and fitting:
            return self._record(walk, node, path, fitting)
        if isinstance(node, Scalar) and fitting:
            return self._scalar(walk, node, path, fitting)
        hints = [each.hint(node) for each in self.options if isinstance(each, Listed)]
        return walk.wrong_type(node, path, self.expected, next(filter(None, hints), ""))

    def _record(self, walk: Walk, node: Mapping, path: Path, fitting: list[Shape]) -> object:
        """Read by the record whose required keys are there."""
        records = [each for each in fitting if isinstance(each, Record)]
        for each in records:
            if all(name in node.members for name in each.required):
                return each.read(walk, node, path)
        marks = [f'"{name}"' for each in records for name in each.required]
        message = f"{walk.place(path)} has neither {listed(marks, 'nor')}"
        unknown = [name for name in node.members if not any(name in r.fields for r in records)]
        wanted = [name for each in records for name in each.required]
        hint = next((hint for name in unknown if (hint := meant(name, wanted))), "add one of them")
        return walk.missing("missing-key", message, path, hint)

    def _scalar(self, walk: Walk, node: Scalar, path: Path, fitting: list[Shape]) -> object:
        """Read by the first shape that has nothing to say against it."""
        for each in fitting:
            trial = Walk(walk.document)
            value = each.read(trial, node, path)
            if not trial.found.all:
                return value
        return walk.bad_value(node, path, self.expected)


def _alternatives(shape: Shape) -> list[str]:
    return coded(shape.choices) if isinstance(shape, Word) else [shape.expected]
