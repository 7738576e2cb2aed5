"""Small pieces of what a finding says."""

from collections.abc import Iterable
from difflib import get_close_matches
from enum import Enum

import orjson

MAX_SHOWN = 80
# Comparing takes its time: with more letters than this to go through, not all words are asked.
_MOST_LETTERS = 1_000
_LONGEST_WORD = 64


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the one of `known` that `word` was probably meant to be."""
    choices = list(known)
    lowered = word.lower()
    same = next((each for each in choices if each.lower() == lowered), None)
    if same is not None or len(word) > _LONGEST_WORD:
        return same
    most = _MOST_LETTERS // (len(word) + 1)
    if len(choices) > most:
        choices = [each for each in choices if each[:1] == word[:1]][:most]
    near = get_close_matches(word, choices, n=1)
    return near[0] if near else None


class Meant(str):
    """A hint that knows the word that is wrong and the one that was probably meant."""

    __slots__ = ("near", "word")

    word: str
    near: str

    def __new__(cls, word: str, near: str, quote: str = '"') -> "Meant":
        made = super().__new__(cls, f"did you mean {quote}{near}{quote}?")
        made.word, made.near = word, near
        return made


class Extent(Enum):
    """What of a scalar a hint speaks of: all of it with its quotes, its text, or what is marked."""

    NODE = 1
    TEXT = 2
    MARK = 3


class Instead(str):
    """A hint that knows what to write in the place of a part.

    Nothing else is meant by it, so a program may write it unasked.
    """

    __slots__ = ("extent", "text")

    text: str
    extent: Extent

    def __new__(cls, hint: str, text: str, extent: Extent = Extent.NODE) -> "Instead":
        made = super().__new__(cls, hint)
        made.text, made.extent = text, extent
        return made


def in_quotes(text: str) -> str:
    """Return a text of one line as YAML in single quotes."""
    escaped = text.replace("'", "''")
    return f"'{escaped}'"


def meant(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """Return `did you mean ...?` for the known word nearest to `word`, or `otherwise`."""
    near = nearest(word, known)
    return otherwise if near is None else Meant(word, near)


def listed(words: Iterable[str], nothing: str = "nothing") -> str:
    """Return the first words for a person to choose from: `a, b, c and 4 more`."""
    told = list(words)
    more = f" and {len(told) - 8} more" if len(told) > 8 else ""
    return ", ".join(told[:8]) + more if told else nothing


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return `did you mean ...?` for the nearest of `known`, or an empty string."""
    near = nearest(word, known)
    return "" if near is None else Meant(word, near, "`")


def shown(value: object) -> str:
    """Return a JSON value as text of at most 80 characters."""
    if isinstance(value, str):
        value = value[: MAX_SHOWN + 1]
    text = orjson.dumps(value, default=str).decode()
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"
