"""Small pieces of what a finding says."""

from collections.abc import Iterable
from difflib import get_close_matches

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
