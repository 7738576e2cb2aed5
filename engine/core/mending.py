"""From a hint to an edit: the one word, or text, that was meant, where the wrong one stands."""

import re
from typing import Final

from engine.core.diagnostic import Edit, Span
from engine.core.document import Mapping, Node, Scalar
from engine.core.wording import Extent, Instead, Meant

# A word that YAML and expressions read as itself, wherever another word stood.
_PLAIN: Final = re.compile(r"[A-Za-z_][\w.@/-]*", re.ASCII)
_SHORTEST: Final = 4
_DIGITS: Final = re.compile(r"\d+")


def fix(hint: str, node: Node, file: str, stretch: tuple[int, int] = (0, 0)) -> Edit | None:
    """Return the edit that a hint proposes for a scalar, or for a word of a stretch of its text.

    There is none where it is not plain to see which characters are the wrong word: it occurs
    twice, or the text has escapes or folded lines.
    """
    if isinstance(hint, Instead) and isinstance(node, Scalar):
        return _rewritten(hint, node, file, stretch)
    if not isinstance(hint, Meant) or not isinstance(node, Scalar):
        return None
    begin, end = stretch if any(stretch) else (0, len(node.text))
    word = re.compile(rf"(?<![\w-]){re.escape(hint.word)}(?![\w-])")
    found = [each.span() for each in word.finditer(node.text, begin, end)]
    place = node.stretch(*found[0]) if len(found) == 1 else None
    return None if place is None else _edit(hint, Span(file, *place))


def _rewritten(hint: Instead, node: Scalar, file: str, stretch: tuple[int, int]) -> Edit | None:
    """Return the edit that writes another text for a part of a scalar."""
    is_marked = hint.extent is Extent.MARK
    place = node.stretch(*stretch) if is_marked else node.stretch(0, len(node.text))
    if place is None or (node.indent and not is_marked):
        return None
    line, begin, end = place
    if hint.extent is Extent.NODE:
        begin, end = node.column, node.end
    return Edit(Span(file, line, begin, end), hint.text, is_sure=True)


def added(node: Node, line: str, file: str) -> Edit | None:
    """Return the edit that puts a line before the first of a mapping that has its keys on lines."""
    first = next(iter(node.members.values()), None) if isinstance(node, Mapping) else None
    if first is None or (first[0].line, first[0].column) != (node.line, node.column):
        return None
    place = Span(file, node.line, node.column, node.column)
    return Edit(place, f"{line}\n{' ' * (node.column - 1)}", is_sure=True)


def fix_at(hint: str, span: Span) -> Edit | None:
    """Return the edit that a hint proposes for a name that fills a span, but for its quotes."""
    if not isinstance(hint, Meant):
        return None
    quotes, rest = divmod(span.end - span.column - len(hint.word), 2)
    if rest or quotes not in (0, 1):
        return None
    column = span.column + quotes
    return _edit(hint, Span(span.file, span.line, column, column + len(hint.word)))


def _edit(hint: Meant, span: Span) -> Edit | None:
    if not _PLAIN.fullmatch(hint.near):
        return None
    return Edit(span, hint.near, is_slip(hint.word, hint.near))


def is_slip(word: str, near: str) -> bool:
    """True if `word` is `near` with a slip of the finger, and no other word of its own.

    That is one letter too many, too few, wrong or swapped with its neighbour in a word of four or
    more, or any mix of capitals, `-` and `_`. Numbers are never a slip: `build1` is not `build2`.
    """
    if _DIGITS.findall(word) != _DIGITS.findall(near):
        return False
    one, other = (each.lower().replace("-", "_") for each in (word, near))
    if one == other:
        return True
    if min(len(one), len(other)) < _SHORTEST:
        return False
    return _is_one_off(one, other)


def _is_one_off(one: str, other: str) -> bool:
    """True if a single insertion, deletion, replacement or swap of neighbours lies between."""
    shorter, longer = sorted((one, other), key=len)
    at = next(
        (i for i, each in enumerate(shorter) if each != longer[i]),
        len(shorter),
    )
    if len(longer) - len(shorter) == 1:
        return shorter[at:] == longer[at + 1 :]
    if len(longer) != len(shorter):
        return False
    swapped = longer[at : at + 2][::-1] + longer[at + 2 :]
    return shorter[at + 1 :] == longer[at + 1 :] or shorter[at:] == swapped
