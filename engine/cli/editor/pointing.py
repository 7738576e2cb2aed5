"""What a pointer in a spec points at: a key, a word, or a name in an expression."""

import re

from engine.cli.editor.described import Described
from engine.cli.editor.outline import Outline, Spot, outlined, spot_at
from engine.core.frozen import frozen

_REFERENCE = re.compile(r"(?<![\w.\])'\"])[A-Za-z_]\w*(?:\.\w*|\[\d+\])*\Z")
_FILTER = re.compile(r"\|\s*(\w*)\Z")
_WORD = re.compile(r"[\w@./-]*")
_LETTERS = re.compile(r"\w*")
_PART = re.compile(r"\w+|(?<=\.)\Z|\[\d+\]")


@frozen
class Pointed:
    """What stands before a pointer, up to the end of its word where that is asked for.

    `word` is the text of the key or value so far. In an expression, `reference` are the parts of
    the name that ends there, the last perhaps half a word; `is_filter` is what follows a `|`.
    """

    outline: Outline
    spot: Spot
    word: str
    in_expression: bool = False
    reference: tuple[str | int, ...] = ()
    is_filter: bool = False


def point(text: str, index: int, described: Described, *, whole: bool = False) -> Pointed:
    """Return what is pointed at; `whole` takes the rest of the word under the pointer too."""
    spot = spot_at(text, index)
    outline = outlined(text)
    inside = _expression(text, spot, index, outline, described)
    if whole:
        found = (_WORD if inside is None else _LETTERS).match(text, index)
        assert found is not None
        inside = None if inside is None else inside + found[0]
        index = found.end()
    word = text[min(spot.begin, index) : index]
    if inside is None:
        return Pointed(outline, spot, word.strip())
    filtered = _FILTER.search(inside)
    if filtered is not None:
        return Pointed(outline, spot, filtered[1], True, (filtered[1],), True)
    found = _REFERENCE.search(inside)
    if found is None or _is_quoted(inside[: found.start()]):
        return Pointed(outline, spot, "", in_expression=not _is_quoted(inside))
    parts = tuple(
        int(each[1:-1]) if each.startswith("[") else each for each in _PART.findall(found[0])
    )
    return Pointed(outline, spot, str(parts[-1]), True, parts)


def _expression(
    text: str, spot: Spot, index: int, outline: Outline, described: Described
) -> str | None:
    """Return the text of the expression before the pointer, None if there is none."""
    before = text[spot.begin : index]
    opening = before.rfind("{{")
    if opening >= 0 and "}}" not in before[opening:]:
        return before[opening + 2 :]
    if spot.is_key or not spot.path:
        return None
    return before if described.is_expression(outline, spot.document, spot.path) else None


def _is_quoted(text: str) -> bool:
    """True if a string is open at the end of an expression."""
    quote = ""
    for each in text:
        if quote:
            quote = "" if each == quote else quote
        elif each in "\"'":
            quote = each
    return bool(quote)
