"""A finding: what is wrong in a file, where, and how to mend it."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A place in a file: `line` and `column` count from 1, `end` is the column after the last."""

    file: str
    line: int
    column: int
    end: int = 0


@dataclass(frozen=True, slots=True)
class Related:
    """A second place that a finding speaks of, with its own few words."""

    span: Span
    message: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `code` is public and stable (kebab-case); `hint` says how to mend it."""

    code: str
    message: str
    span: Span
    severity: Severity = Severity.ERROR
    hint: str = ""
    expected: str = ""
    related: tuple[Related, ...] = ()


def has_errors(diagnostics: list[Diagnostic]) -> bool:
    """True if any of the findings forbids activation."""
    return any(each.severity is Severity.ERROR for each in diagnostics)
