"""Findings as plain JSON and back."""

from typing import Any

from engine.core.diagnostic import Diagnostic, Edit, Related, Severity, Span
from engine.core.values import Json


def put(told: Diagnostic) -> list[Json]:
    """Return what `taken` gives back."""
    file = told.span.file
    also = [[each.message, _other(each.span, file), *place(each.span)] for each in told.related]
    span = place(told.span)
    return [
        told.code, told.message, span, told.severity.value, told.hint, told.expected, also,
        _fix(told.fix),
    ]  # fmt: skip


def _fix(told: Edit | None) -> Json:
    return None if told is None else [told.text, told.is_sure, *place(told.span)]


def taken(
    file: str, code: str, message: str, span: Any, severity: str, hint: str, expected: str,
    also: Any, fix: Any,
) -> Diagnostic:  # fmt: skip
    """Return the finding that was put away, of a file."""
    related = tuple([Related(Span(other or file, *where), each) for each, other, *where in also])
    at = Span(file, *span)
    mended = fix and Edit(Span(file, *fix[2:]), fix[0], fix[1])
    return Diagnostic(code, message, at, Severity(severity), hint, expected, related, mended)


def place(span: Span) -> list[Json]:
    """Return where something stands in its file."""
    return [span.line, span.column, span.end]


def _other(span: Span, file: str) -> str | None:
    """Return the file of a span, unless it is that of its finding."""
    return None if span.file == file else span.file
