"""A review's Markdown as a picture, for the documentation: the few forms that we write, drawn.

It reads what `as_markdown` makes and nothing else: a title, paragraphs, lists, tables, folds.
"""

import re
from collections.abc import Iterator, Sequence
from html import escape

from engine.core.frozen import frozen
from engine.core.rendering.excerpt import width_of

_WIDTH = 960
_MARGIN = 24
_LINE = 22
_GAP = 12
_PAD = 8
_COLUMNS = {4: (0.04, 0.18, 0.44, 0.34), 3: (0.24, 0.16, 0.6)}
_INLINE = re.compile(r"(`+) ?(.+?) ?\1(?!`)|(\*\*)|\[(?=`|\w)|\]\([^)]*\)|([^`*\[\]]+|.)")
_FOLD = re.compile(r"<details><summary><code>(.*)</code></summary>")
# How wide a character is, by how it is set; of a proportional face, in parts of its size.
_CODE = 7.3
_SIZES = {"bold": 14.7, "title": 19.0, "small": 12.0, "": 14.0}
_NARROW, _WIDE = frozenset("iljtfrI.,:;'|!()[]·/-"), frozenset("mwMW@…—")
_STYLE = """\
text{font:14px -apple-system,"Segoe UI",Helvetica,Arial,sans-serif;fill:#1f2328}
.code{font:12px ui-monospace,SFMono-Regular,Menlo,monospace}
.bold{font-weight:600}.title{font-size:18px;font-weight:600}.small{font-size:12px;fill:#59636e}
.link{fill:#0969da}rect.span{fill:#eff1f3}rect.cell{fill:none;stroke:#d1d9e0}"""


@frozen
class _Word:
    """A word, how it is set, whether it leads somewhere, and whether a space is before it."""

    text: str
    style: str
    is_link: bool = False
    is_apart: bool = True

    @property
    def width(self) -> float:
        if self.style == "code":
            return width_of(self.text) * _CODE
        return sum(map(_share, self.text)) * _SIZES[self.style]

    @property
    def space(self) -> float:
        """How far it stands from the word before it; code has a frame."""
        return 4.0 * self.is_apart + 3.0 * (self.style == "code")


class _Sheet:
    """What has been drawn, from the top; `y` is where the next line begins."""

    def __init__(self) -> None:
        self.y = float(_MARGIN)
        self.drawn: list[str] = []

    def words(self, words: Sequence[_Word], x: float, width: float) -> None:
        """Set words in lines of a width, and go below the last."""
        at = x
        for word in words:
            at += word.space if at > x else 0.0
            if at > x and at + word.width > x + width:
                at, self.y = x, self.y + _LINE
            self._word(word, at)
            at += word.width + 3.0 * (word.style == "code")
        self.y += _LINE

    def _word(self, word: _Word, x: float) -> None:
        if word.style == "code":
            self.drawn.append(
                f'<rect class="span" x="{x - 2:.0f}" y="{self.y + 2:.0f}" '
                f'width="{word.width + 4:.0f}" height="18" rx="4"/>'
            )
        names = f"{word.style} link" if word.is_link else word.style
        text = escape(word.text)
        # Fonts differ: each word is set in the room that was reckoned for it.
        self.drawn.append(
            f'<text class="{names}" x="{x:.1f}" y="{self.y + 15:.0f}" '
            f'textLength="{word.width:.1f}" lengthAdjust="spacingAndGlyphs">{text}</text>'
        )

    def row(self, cells: Sequence[str], *, is_head: bool) -> None:
        """Draw a row of a table, as high as its highest cell."""
        top, bottom, x = self.y, self.y, float(_MARGIN)
        shares = _COLUMNS[len(cells)]
        widths = [share * (_WIDTH - 2 * _MARGIN) for share in shares]
        for cell, width in zip(cells, widths, strict=True):
            self.y = top + _PAD / 2
            style = "bold" if is_head else ""
            self.words(list(_words(cell, style)), x + _PAD, width - 2 * _PAD)
            bottom, x = max(bottom, self.y + _PAD / 2), x + width
        x = float(_MARGIN)
        for width in widths:
            self.drawn.append(
                f'<rect class="cell" x="{x:.0f}" y="{top:.0f}" width="{width:.0f}" '
                f'height="{bottom - top:.0f}"/>'
            )
            x += width
        self.y = bottom


def as_svg(comment: str, title: str) -> str:
    """Return the comment as a picture with a title for those who do not see it."""
    sheet = _Sheet()
    for block in re.split(r"\n{2,}", _folded(comment)):
        _block(sheet, block.strip().splitlines())
        sheet.y += _GAP
    height = sheet.y + _MARGIN - _GAP
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" role="img">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style>"
        f'<rect x="0.5" y="0.5" width="{_WIDTH - 1}" height="{height - 1:.0f}" rx="8" '
        'fill="#fff" stroke="#d1d9e0"/>'
    )
    return "\n".join([head, *sheet.drawn, "</svg>"]) + "\n"


def _folded(comment: str) -> str:
    """Return the text with what folds out left closed, and without the mark that nobody sees."""
    inside = re.compile(r"(?<=</summary>\n)\n.*?</details>\n?", re.DOTALL)
    closed = inside.sub("", comment)
    return re.sub(r"<!--.*-->\n", "", closed)


def _block(sheet: _Sheet, lines: Sequence[str]) -> None:
    for number, line in enumerate(lines):
        if line.startswith("|"):
            if not set(line) <= set("|:-"):
                cells = [each.strip() for each in re.split(r"(?<!\\)\|", line)[1:-1]]
                sheet.row([each.replace("\\|", "|") for each in cells], is_head=number == 0)
            continue
        words, x = list(_line(line)), float(_MARGIN)
        if line.startswith("- "):
            sheet.words([_Word("•", "")], x + 8, _WIDTH)
            sheet.y, x = sheet.y - _LINE, x + 24
        sheet.words(words, x, _WIDTH - _MARGIN - x)


def _line(line: str) -> Iterator[_Word]:
    fold = _FOLD.match(line)
    if fold:
        yield from (_Word("▸", ""), _Word(fold.group(1), "code"))
    elif line.startswith("### "):
        yield from _words(line[4:], "title")
    elif line.startswith("<sub>"):
        yield from _words(line.removeprefix("<sub>").removesuffix("</sub>"), "small")
    else:
        yield from _words(line.removeprefix("- "), "")


def _words(text: str, style: str) -> Iterator[_Word]:
    """Yield the words of a line; a span of code is one."""
    is_bold = is_link = False
    is_apart = True
    for match in _INLINE.finditer(text):
        _, code, bold, plain = match.groups()
        if code is not None:
            yield _Word(code, "code", is_link, is_apart)
            is_apart = False
        elif bold:
            is_bold = not is_bold
        elif plain is None:
            is_link = match.group().startswith("[")
        else:
            for number, each in enumerate(plain.split()):
                apart = is_apart or number > 0 or plain[0].isspace()
                yield _Word(each, "bold" if is_bold else style, is_link, apart)
            is_apart = plain[-1].isspace()


def _share(character: str) -> float:
    """Return how wide a character of a proportional face is, in parts of its size."""
    if character in _NARROW:
        return 0.33
    if character in _WIDE:
        return 0.85
    return 0.68 if character.isupper() else 0.55
