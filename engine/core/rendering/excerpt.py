"""A line of source made safe for a terminal, and marks below a stretch of it."""

import re
import unicodedata
from typing import Final

from engine.core.diagnostic import Span
from engine.core.frozen import frozen

# Lines are cut to this many columns around what is marked.
_WIDEST: Final = 120
_LEAD: Final = 40
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_TAB: Final = "    "


@frozen
class Excerpt:
    """A line as it may be printed, and where in it the stretch begins, in terminal columns."""

    text: str
    offset: int
    width: int

    def marked(self, mark: str) -> str:
        """Return the line below the text: blanks, then marks."""
        return " " * self.offset + mark * self.width


def excerpt(lines: list[str], span: Span) -> Excerpt:
    """Return the line of a span with its stretch found again; an empty one if it is not there."""
    line = lines[span.line - 1] if 0 < span.line <= len(lines) else ""
    begin = min(span.column - 1, len(line))
    end = max(min(span.end - 1, len(line)), begin)
    first = max(0, begin - _LEAD) if len(line) > _WIDEST else 0
    last = first + _WIDEST
    before, inside = visible(line[first:begin]), visible(line[begin : min(end, last)])
    after = visible(line[min(end, last) : last])
    head, tail = "…" if first else "", "…" if last < len(line) else ""
    offset = width_of(head + before)
    return Excerpt(f"{head}{before}{inside}{after}{tail}", offset, max(width_of(inside), 1))


def lines_of(text: str) -> list[str]:
    """Return the lines of a file as YAML and editors count them."""
    return _LINE_END.split(text.removeprefix("\ufeff"))


def line_starts(text: str) -> list[int]:
    """Return the index at which each line of a text without a mark begins."""
    return [0, *(each.end() for each in _LINE_END.finditer(text))]


def visible(text: str) -> str:
    """Return the text with nothing in it that a terminal obeys: `<U+001B>` for an escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_visible, text))


def width_of(text: str) -> int:
    """Return how many terminal columns a visible text takes."""
    if text.isascii():
        return len(text)
    return sum(_width(each) for each in text)


def _visible(character: str) -> str:
    if character == "\t":
        return _TAB
    return character if character.isprintable() else f"<U+{ord(character):04X}>"


def _width(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
