"""A spec as plain data that is edited by path, and written again with one key on a line."""

import json
from collections.abc import Iterator
from typing import TypeAlias

from engine.core.document import Mapping, Node, Scalar, Sequence, load

Data: TypeAlias = "dict[str, Data] | list[Data] | str"
Path: TypeAlias = tuple[str | int, ...]


class Plain(str):
    """A scalar without quotes; every other text is written within them."""

    __slots__ = ()


def read(path: str, source: bytes) -> list[Data]:
    """Return the documents of a file that has no fault."""
    documents, faults = load(source, path)
    assert not faults, faults
    return [_data(each.root) for each in documents]


def _data(node: Node) -> Data:
    match node:
        case Mapping():
            return {key.text: _data(value) for key, value in node.entries}
        case Sequence():
            return [_data(each) for each in node.items]
        case Scalar():
            folded = "\n" in node.text or not node.plain
            return node.text if folded else Plain(node.text)


def written(root: Data) -> tuple[str, dict[Path, int]]:
    """Return the text of a file, and the line (from 1) of every path in it.

    `root` is the list of its documents, so a path begins with the number of one.
    """
    lines: list[str] = []
    places: dict[Path, int] = {(): 1}
    assert isinstance(root, list)
    for number, document in enumerate(root):
        if number:
            lines.append("---")
        _write(document, (number,), "", lines, places)
    return "\n".join(lines) + "\n", places


def _write(data: Data, path: Path, start: str, lines: list[str], places: dict[Path, int]) -> None:
    """Write a value; `start` is what stands on its first line already."""
    indent = " " * len(start)
    places[path] = len(lines) + 1
    match data:
        case dict() if data:
            for name, value in data.items():
                _member(value, (*path, name), f"{start}{_key(name)}:", len(indent), lines, places)
                start = indent
        case list() if data:
            for number, value in enumerate(data):
                _write(value, (*path, number), f"{start}- ", lines, places)
                start = indent
        case _:
            lines.append(start + _scalar(data))


def _member(
    value: Data, path: Path, head: str, indent: int, lines: list[str], places: dict[Path, int]
) -> None:
    if isinstance(value, str) or not value:
        _write(value, path, f"{head} ", lines, places)
        return
    lines.append(head)
    _write(value, path, " " * (indent + 2), lines, places)
    places[path] -= 1


def _key(name: str) -> str:
    is_plain = name == "<<" or name.replace("_", "").replace("-", "").isalnum()
    return name if is_plain else json.dumps(name)


def _scalar(data: Data) -> str:
    match data:
        case Plain():
            return str(data)
        case str():
            return json.dumps(data, ensure_ascii=False)
        case dict():
            return "{}"
        case _:
            return "[]"


def walk(data: Data, path: Path = ()) -> Iterator[tuple[Path, Data]]:
    """Yield every value below `data` with its path, from the outside in."""
    yield path, data
    match data:
        case dict():
            for name, value in data.items():
                yield from walk(value, (*path, name))
        case list():
            for number, value in enumerate(data):
                yield from walk(value, (*path, number))
        case _:
            pass


def at(data: Data, path: Path) -> Data:
    """Return the value at a path that is there."""
    for part in path:
        match data:
            case dict():
                data = data[str(part)]
            case list():
                data = data[int(part)]
            case _:
                raise KeyError(path)
    return data


def put(data: Data, path: Path, value: Data) -> Data:
    """Return `data` with another value at `path`; a last key that is new is added at the end."""
    if not path:
        return value
    head, *rest = path
    if isinstance(data, dict):
        inner = put(data.get(str(head), {}), tuple(rest), value)
        return {**data, str(head): inner}
    assert isinstance(data, list)
    number = int(head)
    return [*data[:number], put(data[number], tuple(rest), value), *data[number + 1 :]]


def without(data: Data, path: Path) -> Data:
    """Return `data` without what is at `path`."""
    *around, last = path
    holder = at(data, tuple(around))
    if isinstance(holder, dict):
        return put(data, tuple(around), {name: holder[name] for name in holder if name != last})
    assert isinstance(holder, list)
    return put(data, tuple(around), [*holder[: int(last)], *holder[int(last) + 1 :]])


def renamed(data: Data, path: Path, name: str) -> Data:
    """Return `data` with another key at `path`, in the same place of its mapping."""
    *around, last = path
    holder = at(data, tuple(around))
    assert isinstance(holder, dict)
    changed = {(name if key == last else key): value for key, value in holder.items()}
    return put(data, tuple(around), changed)


def typo(word: str) -> str:
    """Return a word with two letters near its middle changed over, or with one letter too many."""
    middle = len(word) // 2
    for place in [*range(middle, len(word) - 1), *range(middle)]:
        one, two = word[place], word[place + 1]
        if one != two and (one + two).isalpha():
            return word[:place] + two + one + word[place + 2 :]
    return word + "x"
