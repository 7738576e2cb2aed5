"""What a change of specs means: which workflows do something else, and what they newly reach."""

from engine.core.change.compare import (
    NO_CHANGE,
    Change,
    Kind,
    Line,
    compare,
    digest,
    digest_between,
)
from engine.core.change.reach import NONE, Known, Reach, reach
from engine.core.change.text import (
    MARKS,
    MOST_LINES,
    as_json,
    as_text,
    block,
    coming,
    summary,
)

__all__ = [
    "MARKS",
    "MOST_LINES",
    "NONE",
    "NO_CHANGE",
    "Change",
    "Kind",
    "Known",
    "Line",
    "Reach",
    "as_json",
    "as_text",
    "block",
    "coming",
    "compare",
    "digest",
    "digest_between",
    "reach",
    "summary",
]
