"""Where keys and values stand in a spec that is being typed, and need not be YAML yet.

Lines and brackets are followed as far as they make sense; what does not is passed over. What the
compiler says of a spec never hangs on this: it tells an editor where its cursor stands.
"""

import re
from dataclasses import dataclass, field
from typing import TypeAlias

from engine.core.frozen import frozen

Path: TypeAlias = tuple[str | int, ...]

_KEY = re.compile(
    r"""("[^"\n]*"|'[^'\n]*'|[^\s#{}\[\],"'&*!|>%@-][^#\n]*?|-[^\s\n][^#\n]*?):(?=\s|$)"""
)
_TOKEN = re.compile(
    r""""(?:\\.|[^"\\])*(?:"|\Z)|'[^']*(?:'|\Z)|[{}\[\],]|:(?=\s|\Z)|\n|[^{}\[\],:"'\n]+|:"""
)
_BLOCK = re.compile(r"[|>][-+0-9]*\s*(#.*)?$")


@frozen
class Stretch:
    """A stretch of a text, `begin` up to `end`, as indexes; quotes are not part of it."""

    begin: int
    end: int


@frozen
class Spot:
    """Where a text breaks off: in the value at `path`, or in a key of the mapping at `path`.

    `begin` is the index at which that value or key begins.
    """

    document: int
    path: Path
    is_key: bool
    begin: int


@dataclass(slots=True)
class Part:
    """One document: keys and scalars by path. Of a key, the place; of a value, its text's place."""

    keys: dict[Path, Stretch] = field(default_factory=dict)
    values: dict[Path, Stretch] = field(default_factory=dict)


@dataclass(slots=True)
class Outline:
    """The documents of a text, and where it breaks off."""

    text: str
    parts: list[Part] = field(default_factory=lambda: [Part()])
    end: Spot = field(default_factory=lambda: Spot(0, (), True, 0))

    def value(self, document: int, path: Path) -> str | None:
        """Return the text of the scalar at a path."""
        if document >= len(self.parts) or path not in self.parts[document].values:
            return None
        found = self.parts[document].values[path]
        return self.text[found.begin : found.end]

    def keys_of(self, document: int, path: Path) -> list[str]:
        """Return the keys of the mapping at a path."""
        if document >= len(self.parts):
            return []
        size = len(path)
        return [
            str(each[-1])
            for each in self.parts[document].keys
            if len(each) == size + 1 and each[:size] == path
        ]


def outlined(text: str) -> Outline:
    """Return the outline of a text."""
    return _Reader(text).read()


def spot_at(text: str, index: int) -> Spot:
    """Return what stands at an index, told by what is before it."""
    return outlined(text[:index]).end


@dataclass(slots=True)
class _Level:
    indent: int
    path: Path
    is_item: bool = False
    count: int = 0


class _Reader:
    """Goes over the lines once."""

    def __init__(self, text: str) -> None:
        self._out = Outline(text)
        self._text = text
        self._levels = [_Level(-1, ())]

    def read(self) -> Outline:
        at = 0
        while at <= len(self._text):
            end = self._line_end(at)
            at = self._line(at, end)
        return self._out

    def _line_end(self, at: int) -> int:
        found = self._text.find("\n", at)
        return len(self._text) if found < 0 else found

    def _line(self, at: int, end: int) -> int:
        """Read what begins on a line; return where to go on."""
        line = self._text[at:end].rstrip("\r")
        body = line.lstrip(" ")
        indent = len(line) - len(body)
        if line.startswith("---"):
            self._out.parts.append(Part())
            self._levels = [_Level(-1, ())]
            return end + 1
        if not body.strip() or body.startswith("#"):
            if end == len(self._text):
                self._break_off(indent, at + indent)
            return end + 1
        while body.startswith("- ") or body == "-":
            self._item(indent)
            rest = body[1:].lstrip(" ")
            indent += len(body) - len(rest)
            body = rest
        return self._entry(at, indent, body, end)

    def _break_off(self, indent: int, begin: int) -> None:
        around = [each for each in self._levels if each.indent < indent]
        self._end(around[-1].path, True, begin)

    def _item(self, indent: int) -> None:
        while self._levels[-1].indent > indent or (
            self._levels[-1].indent == indent and self._levels[-1].is_item
        ):
            self._levels.pop()
        holder = self._levels[-1]
        self._levels.append(_Level(indent, (*holder.path, holder.count), is_item=True))
        holder.count += 1

    def _entry(self, at: int, indent: int, body: str, end: int) -> int:
        begin = at + indent
        while self._levels[-1].indent >= indent:
            self._levels.pop()
        around = self._levels[-1].path
        found = _KEY.match(body)
        if found is None:
            return self._scalar(around, begin, body, end, may_be_key=True)
        key = found[1].strip("\"'")
        path = (*around, key)
        quote = found[1][0] in "\"'"
        self._part.keys[path] = Stretch(begin + quote, begin + quote + len(key))
        self._levels.append(_Level(indent, path))
        rest = body[found.end() :]
        value = rest.lstrip(" ")
        return self._scalar(path, end - len(self._text[at:end]) + indent + len(body) - len(value),
                            value, end)  # fmt: skip

    def _scalar(
        self, path: Path, begin: int, value: str, end: int, *, may_be_key: bool = False
    ) -> int:
        if value[:1] in ("{", "["):
            return self._flow(path, begin)
        if _BLOCK.match(value):
            return self._block(path, begin, end)
        quote = value[:1] in ('"', "'")
        text = value[quote:]
        if quote and text.rstrip().endswith(value[0]):
            text = text.rstrip()[:-1]
        if not may_be_key or "{{" in value:
            self._part.values[path] = Stretch(begin + quote, begin + quote + len(text))
        elif isinstance(path[-1:] and path[-1], int):
            self._part.values[path] = Stretch(begin + quote, begin + quote + len(text.rstrip()))
        is_key = may_be_key and not quote
        self._end(path, is_key, begin + (0 if is_key else quote))
        return end + 1

    def _block(self, path: Path, begin: int, end: int) -> int:
        """Read the lines of a block text: all that stand deeper than its key."""
        indent, start, at = self._levels[-1].indent, end + 1, end + 1
        while at <= len(self._text):
            stop = self._line_end(at)
            line = self._text[at:stop]
            if line.strip() and len(line) - len(line.lstrip(" ")) <= indent:
                break
            at = stop + 1
        self._part.values[path] = Stretch(min(start, len(self._text)), min(at, len(self._text)))
        self._end(path, False, min(start, len(self._text)))
        return at

    def _flow(self, path: Path, begin: int) -> int:
        """Read what stands in brackets; a line that is no deeper than its key ends it."""
        flow = _Flow(self, path, begin)
        indent = self._levels[-1].indent
        for found in _TOKEN.finditer(self._text, begin):
            if found[0] == "\n" and self._leaves(found.end(), indent):
                return found.end()
            if flow.take(found):
                return self._line_end(found.end()) + 1
        flow.finish(len(self._text))
        return len(self._text) + 1

    def _leaves(self, at: int, indent: int) -> bool:
        line = self._text[at : self._line_end(at)]
        body = line.lstrip(" ")
        return bool(body) and body[0] not in "}]" and len(line) - len(body) <= indent

    @property
    def _part(self) -> Part:
        return self._out.parts[-1]

    def _end(self, path: Path, is_key: bool, begin: int) -> None:
        self._out.end = Spot(len(self._out.parts) - 1, path, is_key, begin)

    def note(self, path: Path, stretch: Stretch, *, is_key: bool) -> None:
        """Note a key or a value in brackets."""
        (self._part.keys if is_key else self._part.values)[path] = stretch

    def break_off(self, path: Path, is_key: bool, begin: int) -> None:
        """Note where the text breaks off in brackets."""
        self._end(path, is_key, begin)

    def trimmed(self, begin: int, end: int) -> Stretch:
        """Return a stretch without blanks and quotes around it."""
        while begin < end and self._text[begin] in " \r\n":
            begin += 1
        while begin < end and self._text[end - 1] in " \r\n":
            end -= 1
        if begin < end and self._text[begin] in "\"'":
            closed = end - begin > 1 and self._text[end - 1] == self._text[begin]
            return Stretch(begin + 1, end - closed)
        return Stretch(begin, end)

    def text(self, stretch: Stretch) -> str:
        return self._text[stretch.begin : stretch.end]


@dataclass(slots=True)
class _Open:
    is_list: bool
    path: Path
    begin: int
    key: str | None = None
    count: int = 0

    @property
    def inside(self) -> Path | None:
        """The path of the value that is being read, None in a key."""
        if self.is_list:
            return (*self.path, self.count)
        return None if self.key is None else (*self.path, self.key)


class _Flow:
    """Follows brackets."""

    def __init__(self, reader: _Reader, path: Path, begin: int) -> None:
        self._reader = reader
        self._root = path
        self._opened: list[_Open] = []

    def take(self, found: "re.Match[str]") -> bool:
        """Take a token; True if the last bracket is closed."""
        mark, at = found[0], found.end()
        if mark in "{[":
            inside = self._opened[-1].inside if self._opened else self._root
            path = self._root if inside is None else inside
            self._opened.append(_Open(mark == "[", path, at))
        elif mark in "}]":
            self._value(found.start())
            self._opened.pop()
            if self._opened:
                self._opened[-1].begin = -1
        elif mark == ",":
            self._value(found.start())
            top = self._opened[-1]
            top.begin, top.key, top.count = at, None, top.count + 1
        elif mark == ":" and not self._opened[-1].is_list and self._opened[-1].key is None:
            top = self._opened[-1]
            stretch = self._reader.trimmed(top.begin, found.start())
            top.key, top.begin = self._reader.text(stretch), at
            self._reader.note((*top.path, top.key), stretch, is_key=True)
        return not self._opened

    def finish(self, end: int) -> None:
        """Say where the text breaks off."""
        top = self._opened[-1]
        stretch = self._reader.trimmed(max(top.begin, 0), end)
        inside = top.inside
        if inside is not None and top.begin >= 0:
            self._reader.note(inside, stretch, is_key=False)
        begin = min(stretch.begin, end)
        self._reader.break_off(top.path if inside is None else inside, inside is None, begin)

    def _value(self, end: int) -> None:
        top = self._opened[-1]
        stretch = self._reader.trimmed(max(top.begin, 0), end)
        if top.begin >= 0 and top.inside is not None and stretch.begin < stretch.end:
            self._reader.note(top.inside, stretch, is_key=False)
