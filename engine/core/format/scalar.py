"""How a single text is written: plain, in quotes, or as a block."""

import re
from typing import Final

from engine.core.document import Scalar
from engine.core.format.tree import Text
from engine.core.reader import is_ambiguous, resolve

# Words that nobody takes for a number, a pattern, a template or YAML's own signs.
_WORDS: Final = re.compile(r"[A-Za-z_/](?:[\w./@+-]| (?! ))*+(?<=\w)", re.ASCII)
# What is a plain text in `[ ]` and something else at the beginning of a line.
_MARKS: Final = ("-", "?", ":")
_SEPARATORS: Final = ("---", "...")
_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}


def on_one_line(text: Text) -> str:
    """Return a text that is no block as it stands on one line."""
    if text.is_block or text.is_long:
        return _quoted(text.value)
    if not text.style and (text.value in _MARKS or text.value.startswith(_SEPARATORS)):
        return _quoted(text.value)
    return text.value if text.style and _is_word(text.value) else text.raw


def lines(text: Text, indent: int) -> list[str]:
    """Return the lines of a text; all but the first begin with `indent` spaces.

    Where an author broke a line, it stays broken.
    """
    if text.is_block:
        return _block(text, " " * indent)
    if not text.is_long or (not text.style and text.value.startswith(_SEPARATORS)):
        return [on_one_line(text)]
    first, *rest = (_trimmed(line, text.style) for line in text.raw.split("\n"))
    return [first, *(_indented(line.lstrip(" \t"), " " * indent) for line in rest)]


def _is_word(value: str) -> bool:
    """True if quotes around a text change nothing, for any reader of YAML."""
    if not _WORDS.fullmatch(value):
        return False
    plain = Scalar(value, True, 0, 0, 0)
    return resolve(plain) == value and not is_ambiguous(plain)


def _quoted(value: str) -> str:
    return '"' + "".join(map(_escaped, value)) + '"'


def _escaped(character: str) -> str:
    code = ord(character)
    if character in _ESCAPES:
        return _ESCAPES[character]
    if 0x20 <= code < 0x7F:
        return character
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _trimmed(line: str, style: str) -> str:
    """Return a line of a long text without the spaces at its end, but for an escaped one."""
    trimmed = line.rstrip(" \t")
    slashes = len(trimmed) - len(trimmed.rstrip("\\"))
    if style == '"' and slashes % 2:
        return line[: len(trimmed) + 1]
    return trimmed


def _block(text: Text, indent: str) -> list[str]:
    style, content = text.style, _folded(text) if text.style == ">" else None
    if content is None:
        style, content = "|", text.value.removesuffix("\n").split("\n")
    content = content if text.value else []
    first = next(filter(None, content), "")
    depth = "2" if first.startswith((" ", "\t")) else ""
    header = f"{style}{depth}{_chomping(text.value)}"
    return [header, *(_indented(line, indent) for line in content)]


def _folded(text: Text) -> list[str] | None:
    """Return the lines of a folded text as they were broken; none where all of it is empty."""
    found = [line for line in text.value.split("\n") if line.strip(" ")]
    written = text.raw.split("\n")[1:]
    if not found:
        return None
    first = next(line for line in written if line.strip(" "))
    depth = _spaces(first) - _spaces(found[0])
    content = [line[depth:] for line in written]
    while not content[-1]:
        content.pop()
    ends = len(text.value) - len(text.value.rstrip("\n"))
    return content + [""] * (ends - 1)


def _chomping(value: str) -> str:
    """Return the sign after `|` or `>` that says how many line ends a text keeps."""
    if not value.endswith("\n"):
        return "-"
    return "+" if value.endswith("\n\n") or value == "\n" else ""


def _spaces(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _indented(line: str, indent: str) -> str:
    return indent + line if line else ""
