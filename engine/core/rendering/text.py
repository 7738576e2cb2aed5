"""Findings as text, each a block with the source line and marks below it, as rustc writes them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from engine.core.diagnostic import Diagnostic, Severity, Span
from engine.core.exposure import covered
from engine.core.rendering.excerpt import excerpt, lines_of, visible

_COLOURS: Final = {Severity.ERROR: "1;31", Severity.WARNING: "1;33", Severity.INFO: "1;36"}
_GUTTER: Final = "1;34"
# What stands at the marks themselves, where the finding has a second place.
_LABELS: Final = {"duplicate-key": "and again here"}
_BESIDE: Final = "did you mean "


def as_text(findings: Sequence[Diagnostic], sources: Mapping[str, str], color: bool) -> str:
    """Return the blocks, one blank line between, in the order given; nothing for no finding.

    `sources` has the text of the files by name; a file that is not there shows no lines. Secrets
    that are written into one are covered.
    """
    lines = {each.span.file: [""] for each in findings}
    lines |= {file: lines_of(covered(sources[file])) for file in lines if file in sources}
    ink = _Ink(color)
    return "\n".join("".join(f"{line}\n" for line in _block(each, lines, ink)) for each in findings)


class _Ink:
    """Colours a text, or does not."""

    def __init__(self, is_on: bool) -> None:
        self._is_on = is_on

    def __call__(self, colour: str, text: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._is_on and text else text


def _block(finding: Diagnostic, lines: Mapping[str, list[str]], ink: _Ink) -> Iterator[str]:
    span, colour = finding.span, _COLOURS[finding.severity]
    places = _places(finding)
    gutter = max(len(str(place.line)) for place, _, _ in places)
    bar, blank = ink(_GUTTER, "|"), " " * gutter
    head = ink(colour, f"{finding.severity}[{finding.code}]")
    yield f"{head}: {visible(finding.message)}"
    yield f"{blank}{ink(_GUTTER, '-->')} {visible(span.file)}:{span.line}:{span.column}"
    yield f"{blank} {bar}"
    last = 0
    for place, mark, label in places:
        if last and place.line > last + 1:
            yield ink(_GUTTER, "...")
        shown = excerpt(lines[span.file], place)
        number = ink(_GUTTER, f"{place.line:>{gutter}} |")
        if place.line != last:
            yield f"{number} {shown.text}".rstrip()
        marks = ink(
            colour if mark == "^" else _GUTTER, f"{shown.marked(mark).lstrip()} {label}".rstrip()
        )
        yield f"{blank} {bar} {' ' * shown.offset}{marks}"
        last = place.line
    yield from _notes(finding, blank, bar, ink)


def _notes(finding: Diagnostic, blank: str, bar: str, ink: _Ink) -> Iterator[str]:
    elsewhere = [each for each in finding.related if each.span.file != finding.span.file]
    notes = [("expected", finding.expected)] if finding.expected else []
    if finding.hint and not _is_beside(finding):
        notes.append(("help", finding.hint))
    if notes or elsewhere:
        yield f"{blank} {bar}"
    for each in elsewhere:
        arrow = ink(_GUTTER, ":::")
        place = f"{visible(each.span.file)}:{each.span.line}:{each.span.column}"
        yield f"{blank}{arrow} {place} {visible(each.message)}"
    for name, text in notes:
        yield f"{blank} {ink(_GUTTER, '=')} {name}: {visible(text)}"


def _places(finding: Diagnostic) -> list[tuple[Span, str, str]]:
    """Return the places within the file, from its top, with their marks and labels."""
    label = finding.hint if _is_beside(finding) else ""
    if finding.related:
        label = label or _LABELS.get(finding.code, "")
    places = [
        (each.span, "-", visible(each.message))
        for each in finding.related
        if each.span.file == finding.span.file
    ]
    return sorted([*places, (finding.span, "^", visible(label))])


def _is_beside(finding: Diagnostic) -> bool:
    """True if the hint is short enough to stand at the marks."""
    return finding.hint.startswith(_BESIDE)
