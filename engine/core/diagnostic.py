"""A finding: what is wrong in a file, where, and how to mend it; and many of them gathered."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from engine.core.frozen import frozen

MAX_FINDINGS: Final = 100  # errors of a file, and as many warnings
_TOO_MANY: Final = "too-many-findings"


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@frozen(order=True)
class Span:
    """A place in a file: `line` and `column` count from 1, `end` is the column after the last."""

    file: str
    line: int
    column: int
    end: int = 0


@frozen
class Related:
    """A second place that a finding speaks of, with its own few words."""

    span: Span
    message: str


@frozen(order=True)
class Edit:
    """A stretch of a line put another way. If it `is_sure`, a program may do it unasked."""

    span: Span
    text: str
    is_sure: bool = False


@frozen
class Diagnostic:
    """One finding. `code` is public and stable (kebab-case); `hint` says how to mend it.

    `fix` is there where that is mechanical.
    """

    code: str
    message: str
    span: Span
    severity: Severity = Severity.ERROR
    hint: str = ""
    expected: str = ""
    related: tuple[Related, ...] = ()
    fix: Edit | None = None


_NONE: Final = dict.fromkeys(Severity, 0)


class Enough(Exception):
    """There is no point in reading on: a limit is passed, or too much has been found."""


class Gathered:
    """The findings of a file or of a part of it: as many as anybody reads, and no more."""

    def __init__(self) -> None:
        self.all: list[Diagnostic] = []
        self._counts = _NONE.copy()

    def add(self, finding: Diagnostic) -> None:
        """Keep a finding; past the limit drop it and say so, and raise Enough for an error."""
        severity = finding.severity
        self._counts[severity] += 1
        count = self._counts[severity]
        if count <= MAX_FINDINGS:
            self.all.append(finding)
        elif count == MAX_FINDINGS + 1:
            message = f"more than {MAX_FINDINGS} {severity}s; the others are not shown"
            self.all.append(Diagnostic(_TOO_MANY, message, finding.span, severity))
        if count > MAX_FINDINGS and severity is Severity.ERROR:
            raise Enough

    def extend(self, findings: Iterable[Diagnostic]) -> None:
        """Keep findings; raise Enough as `add` does."""
        for each in findings:
            self.add(each)

    def sorted(self) -> list[Diagnostic]:
        """Return the findings by place, each once; that there are more comes last."""
        return sorted(dict.fromkeys(self.all), key=_place)


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """True if any of the findings forbids activation."""
    return any(each.severity is Severity.ERROR for each in diagnostics)


def _place(finding: Diagnostic) -> tuple[bool, Span, str]:
    return finding.code == _TOO_MANY, finding.span, finding.code
