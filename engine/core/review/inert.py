"""Text of authors put into Markdown so that it stays text.

An author may be a stranger. What he wrote stands in code spans and fences that it cannot end:
nothing of it becomes a link, a mention, an image, HTML or a heading. Words of ours around it are
let through if they are plainly words.
"""

import re
from collections.abc import Iterator
from urllib.parse import quote

from engine.core.picture.words import cut
from engine.core.rendering.excerpt import visible

LONGEST = 200
"""How much of a name or value is shown, and three times as much of a sentence."""
_TICKS = re.compile("`+")
_PIECE = re.compile(r'"([^"]*)"|`([^`]*)`|(\s+)|([^\s"`]+|["`])')
# A word, a small number, or marks between words: no forge makes anything else of these.
_PLAIN = re.compile(r"\(?(?:[A-Za-z]+(?:['’-][A-Za-z]+)*|\d{1,6})[,;:.?)]*|[,;:.()?\"]+")
_HASH = re.compile(r"[0-9A-Fa-f]{7,}")
_SAFE_IN_URL = "/:?#=&%@+,;~"


def code(text: str) -> str:
    """Return a code span that the text cannot end (CommonMark 6.1)."""
    shown = visible(cut(text, LONGEST)) or " "
    ticks = "`" * (_longest(shown) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{ticks}{pad}{shown}{pad}{ticks}"


def prose(text: str) -> str:
    """Return a sentence with names in it: what is not plainly a word stands in a code span.

    What is quoted in it is a name, too, and loses its quotes.
    """
    told = ""
    for piece, is_name in _pieces(cut(text, 3 * LONGEST)):
        glue = " " if is_name and told.endswith("`") else ""
        told += glue + (code(piece) if is_name else piece)
    return told.strip()


def cell(text: str) -> str:
    """Return finished Markdown as a cell of a table holds it."""
    return text.replace("|", "\\|")


def fenced(language: str, text: str) -> str:
    """Return a block whose fence is longer than any within; the text ends with a line end."""
    fence = "`" * max(3, _longest(text) + 1)
    return f"{fence}{language}\n{text}{fence}"


def linked(text: str, url: str) -> str:
    """Return finished Markdown as a link; the text alone if there is no URL."""
    return f"[{text}]({quote(url, _SAFE_IN_URL, errors='replace')})" if url else text


def marker(source: str) -> str:
    """Return the comment that nobody sees, by which the review of a source is found again."""
    name = quote(source, "/", errors="replace").replace("--", "%2D%2D")
    return f"<!-- sark:plan v1 source={name} -->"


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the pieces of a sentence, and whether each is a name."""
    for match in _PIECE.finditer(text):
        quoted, ticked, space, word = match.groups()
        if space is not None:
            yield " ", False
        elif word is None:
            yield quoted if ticked is None else ticked, True
        else:
            yield word, not _PLAIN.fullmatch(word) or _HASH.search(word) is not None


def _longest(text: str) -> int:
    return max(map(len, _TICKS.findall(text)), default=0)
