"""`sark check --fix`: the edits that findings propose, made where a program may do it unasked."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TypeAlias

from engine.cli.folder import Given
from engine.core.diagnostic import Diagnostic, Edit
from engine.core.rendering.excerpt import line_starts

Look: TypeAlias = Callable[[Given], list[Diagnostic]]

# What is put right may bring to light what else is wrong, and so on; not forever.
MAX_ROUNDS = 10
_BOM = "\ufeff"


def fixed(
    given: Given, found: list[Diagnostic], look: Look
) -> tuple[Given, list[Diagnostic], list[tuple[Edit, str]]]:
    """Return specs with every sure fix made, what is left to find in them, and what was done.

    `look` tells what is wrong with specs. What was done is each edit with the words that it took
    away, in the order of the rounds; an edit that overlaps another waits for the next round.
    """
    done: list[tuple[Edit, str]] = []
    for _ in range(MAX_ROUNDS):
        edits = apart(each.fix for each in found if each.fix is not None and each.fix.is_sure)
        if not edits:
            break
        shown = given.shown()
        done += [(each, _taken(shown[each.span.file], each)) for each in edits]
        given = replace(given, texts={**given.texts, **dict(_edited(given.texts, edits))})
        found = look(given)
    return given, found, done


def apart(edits: Iterable[Edit]) -> list[Edit]:
    """Return the edits by their place, each once, without those that overlap an earlier one."""
    kept: list[Edit] = []
    for each in sorted(set(edits)):
        if not kept or _is_clear(kept[-1], each):
            kept.append(each)
    return kept


def _is_clear(one: Edit, other: Edit) -> bool:
    """True if an edit begins behind the end of one that begins no later."""
    first, second = one.span, other.span
    return (first.file, first.line) != (second.file, second.line) or first.end <= second.column


def edited(text: str, edits: Iterable[Edit]) -> str:
    """Return a text with edits made that do not overlap."""
    mark = _BOM if text.startswith(_BOM) else ""
    text = text.removeprefix(_BOM)
    starts = line_starts(text)
    for each in sorted(edits, reverse=True):
        begin = starts[each.span.line - 1] - 1
        text = text[: begin + each.span.column] + each.text + text[begin + each.span.end :]
    return mark + text


def _edited(texts: Mapping[str, bytes], edits: Iterable[Edit]) -> Iterator[tuple[str, bytes]]:
    by_file: dict[str, list[Edit]] = {}
    for each in edits:
        by_file.setdefault(each.span.file, []).append(each)
    for file, mine in by_file.items():
        yield file, edited(texts[file].decode(), mine).encode()


def _taken(text: str, edit: Edit) -> str:
    text = text.removeprefix(_BOM)
    begin = line_starts(text)[edit.span.line - 1] - 1
    return text[begin + edit.span.column : begin + edit.span.end]
