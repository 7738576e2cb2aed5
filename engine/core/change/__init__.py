"""What a change of specs means: which workflows do something else, and what they newly reach."""

from engine.core.change.compare import Change, Kind, Line, compare, digest
from engine.core.change.markdown import as_markdown
from engine.core.change.reach import Reach, reach
from engine.core.change.text import as_json, as_text, summary

__all__ = [
    "Change",
    "Kind",
    "Line",
    "Reach",
    "as_json",
    "as_markdown",
    "as_text",
    "compare",
    "digest",
    "reach",
    "summary",
]
