"""The text of a spec file before YAML is read from it: encoding, characters, size."""

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Final

from engine.core import exposure
from engine.core.diagnostic import Diagnostic, Edit, Enough, Gathered, Related, Span

MAX_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 40
MAX_DOCUMENTS: Final = 100
MAX_NODES: Final = 50_000
MAX_SCALAR: Final = 65_536

# A thousand directives cost the C scanner seconds; honest files have none.
_MAX_PERCENTS = 20
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
# C0 but tab and line ends, DEL, C1 with NEL, the line ends that only YAML 1.1 knows (editors and
# libyaml would count different lines), and what Unicode keeps for internal use.
_CONTROL = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufdd0-\ufdef\ufffe\uffff"
# No width, or other direction: "Trojan Source" (CVE-2021-42574), tag characters, Hangul fillers.
_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_FORBIDDEN = re.compile(f"[{_CONTROL}{_INVISIBLE}]")
_IS_INVISIBLE = re.compile(f"[{_INVISIBLE}]")
# What a file of plain English is made of; deleting it takes no time.
_PLAIN = bytes((0x09, 0x0A, 0x0D, *range(0x20, 0x7F)))
_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(slots=True)
class Source:
    """A file's text, and what has been found in it."""

    file: str
    text: str = ""
    found: Gathered = field(default_factory=Gathered)
    _starts: list[int] = field(default_factory=list)

    def add(
        self, code: str, message: str, span: Span, hint: str = "", *related: Related,
        fix: Edit | None = None,
    ) -> None:  # fmt: skip
        """Note a finding; raise Enough where there are too many."""
        self.found.add(Diagnostic(code, message, span, hint=hint, related=related, fix=fix))

    def span_at(self, index: int, length: int = 1) -> Span:
        """Return the place of a stretch of the text within a line."""
        line = bisect_right(self.line_starts, index)
        column = index - self.line_starts[line - 1] + 1
        return Span(self.file, line, column, column + length)

    def line_end(self, line: int) -> int:
        """Return the column after the last character of a line."""
        start = self.line_starts[line - 1]
        found = _LINE_END.search(self.text, start)
        return (found.start() if found else len(self.text)) - start + 1

    def indent(self, value: str, line: int) -> int:
        """Return how many blanks come before the lines of a literal block, 0 if it holds none.

        `value` is its text, `line` the line below its `|`.
        """
        text = value.lstrip("\n")
        first = text.partition("\n")[0]
        return self.line_end(line + len(value) - len(text)) - len(first) - 1 if text else 0

    @property
    def line_starts(self) -> list[int]:
        """The index at which each line begins; worked out when first asked for."""
        if not self._starts:
            self._starts = [0, *(each.end() for each in _LINE_END.finditer(self.text))]
        return self._starts


def decode(data: bytes, source: Source) -> None:
    """Give the source its text, checked; raise Enough where there is none worth reading."""
    if len(data) > MAX_BYTES:
        message = f"the file has {len(data):,} bytes; a spec may have {MAX_BYTES:,}"
        source.add("file-too-large", message, Span(source.file, 1, 1, 1), "split it over files")
        raise Enough
    if data.startswith(_UTF_16) or b"\0" in data[:2]:
        message = "the file is UTF-16; a spec is UTF-8"
        source.add("not-utf-8", message, Span(source.file, 1, 1, 1), "save it as UTF-8")
        raise Enough
    try:
        source.text = data.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        source.text = data[: error.start].decode().removeprefix("\ufeff")
        byte = data[error.start]
        message = f"the byte 0x{byte:02x} is not UTF-8"
        span = source.span_at(len(source.text))
        source.add("not-utf-8", message, span, "save the file as UTF-8")
        raise Enough from None
    _check_characters(source, is_plain=not data.translate(None, _PLAIN))


def _check_characters(source: Source, *, is_plain: bool) -> None:
    text = source.text
    for match in () if is_plain else _FORBIDDEN.finditer(text):
        _refuse(source, match)
    if text.count("\n%") + text.startswith("%") > _MAX_PERCENTS:
        index = 0 if text.startswith("%") else text.index("\n%") + 1
        refuse_directive(source, source.span_at(index))
        raise Enough
    if source.found.all:
        raise Enough


def cover(source: Source) -> None:
    """Note the secrets in the text, and cover them, so that nothing that follows can tell one."""
    exposed = exposure.found(source.text)
    source.text = exposure.covered(source.text, exposed)
    for each in exposed:
        span = source.span_at(each.begin, each.end - each.begin)
        end = min(span.end, source.line_end(span.line))
        source.add(
            "secret-in-spec", f"this looks like {each.what}",
            Span(span.file, span.line, span.column, end), "whoever reads the repository has it: "
            "have a new one issued, keep that on the server, and read `{{ secrets.NAME }}`",
        )  # fmt: skip


def refuse_directive(source: Source, span: Span) -> None:
    message = "a line that begins with `%` is a YAML directive, which specs do not have"
    source.add("directive", message, span, "take the line out: specs are YAML 1.2, always")


def _refuse(source: Source, match: re.Match[str]) -> None:
    character, span = match[0], source.span_at(match.start())
    number = f"U+{ord(character):04X}"
    if character == "\x00":
        source.add("nul-character", f"the file holds a NUL character ({number})", span)
        return
    escape = f"\\x{ord(character):02x}" if ord(character) < 256 else f"\\u{ord(character):04x}"
    if ord(character) > 0xFFFF:
        escape = f"\\U{ord(character):08x}"
    hint = f'take it out; if a text needs it, write "{escape}" in double quotes'
    if _IS_INVISIBLE.match(character):
        message = f"the file holds the invisible character {number}"
        source.add("invisible-character", message, span, hint)
    else:
        source.add(
            "control-character", f"the file holds the control character {number}", span, hint
        )
