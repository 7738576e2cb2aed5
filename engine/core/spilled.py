"""Values too large for a journal: they lie in the artifact store, and a run passes on a reference.

A reference is an object of its own class, which is read from no JSON but that of the engine's own
places for it. So data never becomes one, whatever it looks like. It stands in the outputs of steps
as a value does; what would look into it without its content raises ByReference.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from typing import Any, NoReturn, TypeAlias

import orjson

from engine.core.frozen import frozen
from engine.core.values import Json

KEPT = 256 * 1024
"""How many bytes of JSON a journal takes of the outputs of one attempt."""
LARGEST = 32 << 20
"""How many bytes of JSON the outputs of one attempt may have, and what one call reads of such."""
MOST = 16
"""How many values of one attempt are passed by reference."""
MEDIA_TYPE = "application/json"

Path: TypeAlias = tuple[str | int, ...]


class ByReference(ValueError):
    """A value was looked into, or handed to what does not take it, that is passed by reference.

    `is_alone` where an expression is nothing but the path of `value`.
    """

    def __init__(self, value: "Spilled", *, is_alone: bool = False) -> None:
        super().__init__(
            f"{value.name!r} is passed by reference, for it has {value.bytes:,} bytes: only "
            "arguments of `uses` read it, by its own path; take what is needed of it where it "
            "comes from, as in `outputs: {count: {type: integer, from: body.count}}`"
        )
        self.value = value
        self.is_alone = is_alone


@frozen
class Spilled:
    """A reference to a value: the SHA-256 of its JSON, and how many bytes that has.

    `name` is that of the output which it was, `kind` its JSON type, and `length` how many items it
    has, where that is known of a list. With `at` it is not the list but its item at this position:
    only who makes a call reads that. `content` is the value where it is at hand, which is nobody's
    but of the attempt that reads it.
    """

    digest: str
    name: str
    bytes: int
    kind: str
    length: int | None = None
    at: int | None = None
    content: Json = field(default=None, compare=False, repr=False)

    def opened(self, *, is_alone: bool = False) -> Json:
        """Return the value; raise ByReference if it is not at hand."""
        if self.content is None:
            raise ByReference(self, is_alone=is_alone and self.at is None)
        return self.content

    def listed(self) -> Json:
        """Return a list with an item, or a reference to one, for each that it has.

        Raise ByReference where it is no list of known length.
        """
        if self.content is not None or self.length is None:
            return self.opened()
        return Items(self)  # type: ignore[return-value]

    def filled(self, whole: Any) -> Any:
        """Return what stands for it once the whole value is at hand."""
        content = whole if self.at is None else whole[self.at]
        return None if content is None else replace(self, content=content)

    def told(self) -> dict[str, Json]:
        """Return the reference as that of any other artifact is told."""
        return {
            "artifact": self.digest, "name": self.name, "media_type": MEDIA_TYPE,
            "bytes": self.bytes,
        }  # fmt: skip

    def __getitem__(self, key: Any) -> Any:
        return self.opened()[key]  # type: ignore[index]

    def __eq__(self, other: object) -> bool:
        if type(other) is Spilled:
            return (self.digest, self.at) == (other.digest, other.at)
        self._refuse()

    def __hash__(self) -> int:
        return hash((self.digest, self.at))

    def _refuse(self, *_: object) -> NoReturn:
        raise ByReference(self)

    __bool__ = __iter__ = __len__ = __lt__ = __str__ = _refuse


class Items(Sequence[Spilled]):
    """The items of a list that is passed by reference, each as a reference."""

    def __init__(self, value: Spilled) -> None:
        self._value = value

    def __len__(self) -> int:
        return self._value.length or 0

    def __getitem__(self, at: Any) -> Any:
        return replace(self._value, length=None, at=range(len(self))[at])


def measured(value: Json) -> int | None:
    """Return what a reference says of the length of a value."""
    return len(value) if isinstance(value, list) else None


def chosen(outputs: Mapping[str, Json]) -> list[str]:
    """Return what must go for the rest to fit into a journal: the largest values first."""
    sizes = {name: len(orjson.dumps(value)) for name, value in outputs.items()}
    total = len(orjson.dumps(outputs))
    found: list[str] = []
    for name in sorted(sizes, key=lambda each: (-sizes[each], each)):
        if total <= KEPT:
            break
        total -= sizes[name]
        found.append(name)
    return found


def parted(outputs: Mapping[str, Any]) -> tuple[dict[str, Json], dict[str, Json]]:
    """Return the values of outputs, and the references among them as they are told."""
    told: dict[str, Json] = {
        name: each.told() for name, each in outputs.items() if type(each) is Spilled
    }
    return {name: each for name, each in outputs.items() if name not in told}, told


def encode(value: Spilled) -> dict[str, Json]:
    """Return the JSON of a reference; `decode` gives an equal one back."""
    more = {"length": value.length, "at": value.at}
    told = {name: each for name, each in more.items() if each is not None}
    return {**value.told(), "type": value.kind, **told}


def decode(told: Json) -> Spilled:
    """Return the reference that `encode` wrote; raise ValueError for anything else."""
    match told:
        case {
            "artifact": str() as digest, "name": str() as name, "bytes": int() as size,
            "type": str() as kind, **more,
        }:  # fmt: skip
            length, at = more.get("length"), more.get("at")
            if isinstance(length, int | None) and isinstance(at, int | None):
                return Spilled(digest, name, size, kind, length, at)
    raise ValueError("this is no reference to a value")


def found(names: Json) -> list[tuple[Path, Spilled]]:
    """Return every reference within a value, with the path to it; a stack, for it may be deep."""
    told: list[tuple[Path, Spilled]] = []
    waiting: list[tuple[Path, object]] = [((), names)]
    while waiting:
        path, value = waiting.pop()
        if type(value) is Spilled:
            told.append((path, value))
        elif isinstance(value, Mapping):
            waiting += (((*path, key), each) for key, each in value.items())
        elif isinstance(value, Sequence) and not isinstance(value, str):
            waiting += (((*path, at), each) for at, each in enumerate(value))
    return told


def filled(names: Mapping[str, Json], values: Iterable[tuple[Path, Any]]) -> dict[str, Json]:
    """Return names with other values at these paths; what is not on a path is shared."""
    copied: dict[str, Json] = dict(names)
    own = {id(copied)}
    kept: list[object] = [copied]
    for path, value in values:
        place: Any = copied
        for word in path[:-1]:
            inner = place[word]
            if id(inner) not in own:
                inner = dict(inner) if isinstance(inner, Mapping) else list(inner)
                own.add(id(inner))
                kept.append(inner)
                place[word] = inner
            place = inner
        place[path[-1]] = value
    return copied
