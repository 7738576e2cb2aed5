"""A change as Markdown: the comment on a pull request, the summary of a job.

Names and texts are an author's, who may be a stranger: each stands in a code span or a fence that
it cannot end, and nothing of it mentions, links or shows anything. What does not fit is left out
whole, the details before the rows.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from html import escape

from engine.core.change.compare import Change, Kind
from engine.core.change.reach import Reach
from engine.core.change.text import MARKS, MOST_LINES, as_line, coming, summary
from engine.core.picture import as_mermaid
from engine.core.rendering.excerpt import visible

LIMIT = 60_000
"""How many characters it has, at most: GitHub takes 65,536 in a comment."""
_MOST_NOTES = 20
_MOST_STEPS = 60
_PLACES = 4
_TICKS = re.compile("`+")
_ORDER = (Kind.REMOVED, Kind.ADDED, Kind.CHANGED)
_GAINED: Mapping[str, str] = {
    "secrets": "reads the secret {}",
    "hosts": "calls {}",
    "operations": "uses {}",
    "workflows": "starts or calls the workflow {}",
    "destroys": "may destroy something in step {}",
}
_FIRST = ("secrets", "hosts", "operations")


def as_markdown(changes: Sequence[Change], now: datetime, limit: int = LIMIT) -> str:
    """Return what changes, as GitHub writes Markdown, in `limit` characters at most."""
    head = f"### SARK: {summary(changes)}"
    if not changes:
        return f"{head}\n\nFormatting or comments only: every plan is as it was.\n"
    rows = [_row(each, now) for each in sorted(changes, key=_rank)]
    notes = list(_notes(changes))
    details = [_details(each) for each in sorted(changes, key=_rank)]
    table = ["", "| | Workflow | What changes | When |", "|:-:|---|---|---|"]
    shown = _fitting(rows, limit // 2, "| | … and {} more | | |")
    body = "\n".join([head, *_noted(notes), *table, *shown, ""])
    left = limit - len(body)
    return body + "\n".join(["", *_fitting(details, left, "… and the details of {} more."), ""])


def _rank(change: Change) -> tuple[int, int, str]:
    """Return what is to be looked at first: removals, then what reaches further."""
    reaches = any(getattr(change.first, name) for name in _FIRST) or bool(change.gains.destroys)
    return (
        int(not reaches and change.kind is not Kind.REMOVED),
        _ORDER.index(change.kind),
        change.name,
    )


def _fitting(parts: Sequence[str], limit: int, rest: str) -> list[str]:
    """Return as many parts as fit, with how many are left out."""
    shown: list[str] = []
    room = limit - len(rest) - 10
    for each in parts:
        room -= len(each) + 1
        if room < 0:
            return [*shown, rest.format(f"{len(parts) - len(shown):,}")]
        shown.append(each)
    return shown


def _noted(notes: Sequence[str]) -> list[str]:
    if not notes:
        return []
    more = [f"- … and {len(notes) - _MOST_NOTES:,} more"] if len(notes) > _MOST_NOTES else []
    return ["", "**Look at these first**", "", *notes[:_MOST_NOTES], *more]


def _notes(changes: Sequence[Change]) -> Iterator[str]:
    """Yield what a workflow newly reaches, or no longer asks people for."""
    for change in changes:
        name = _code(change.name)
        for kind, words in _GAINED.items():
            for each in getattr(change.gains, kind):
                if kind not in _FIRST:
                    yield f"- {name} {words.format(_code(each))}"
                elif each in getattr(change.first, kind):
                    yield f"- {name} {words.format(_code(each))}: no workflow has before"
        if change.new is not None:
            for each in change.loses.asks:
                yield f"- {name} no longer asks for an approval in step {_code(each)}"


def _row(change: Change, now: datetime) -> str:
    mark = MARKS[change.kind]
    name = f"{_cell(change.name)}<br>{_cell(change.file)}"
    return f"| `{mark}` | {name} | {_what(change)} | {_when(change, now)} |"


def _what(change: Change) -> str:
    if change.new is None:
        return "removed"
    if change.old is None:
        count = len(change.new.root.steps)
        return f"new, {count} step{'s' * (count != 1)}"
    places = [each.place for each in change.lines]
    told = ", ".join(_cell(each) for each in places[:_PLACES])
    return told + (f" and {len(places) - _PLACES:,} more" if len(places) > _PLACES else "")


def _when(change: Change, now: datetime) -> str:
    if change.new is None:
        return "its triggers stop; runs in flight keep their plan"
    times = [each for told in coming(change, now).values() for each in told]
    if times:
        return f"first start {min(times, key=datetime.fromisoformat)}"
    return "from its next run on" if change.old is not None else "when it is triggered"


def _details(change: Change) -> str:
    """Return what folds out: the places of a change, the picture of what is new."""
    title = f"<code>{MARKS[change.kind]} {escape(visible(change.name))}</code>"
    if change.old is None and change.new is not None and len(change.new.root.steps) <= _MOST_STEPS:
        inner = _fenced("mermaid", as_mermaid(change.new))
    else:
        inner = _fenced("diff", "".join(_diff(change)))
    return f"<details><summary>{title}</summary>\n\n{inner}\n</details>"


def _diff(change: Change) -> Iterator[str]:
    """Yield lines of which a place that comes or goes is coloured."""
    for each in change.lines[:MOST_LINES]:
        text = as_line(each).strip()
        yield f"{text}\n" if each.kind is not Kind.CHANGED else f"! {text}\n"
    if len(change.lines) > MOST_LINES:
        yield f"# and {len(change.lines) - MOST_LINES:,} more\n"
    for mark, reach in (("+", change.gains), ("-", change.loses)):
        yield from _reached(mark, reach)


def _reached(mark: str, reach: Reach) -> Iterator[str]:
    for name, told in reach.told().items():
        yield from (f"{mark} {name}: {visible(each)}\n" for each in told)


def _fenced(language: str, text: str) -> str:
    """Return a block whose fence is longer than any within."""
    fence = "`" * max(3, _longest(text) + 1)
    return f"{fence}{language}\n{text}{fence}"


def _cell(text: str) -> str:
    return _code(text).replace("|", "\\|")


def _code(text: str) -> str:
    """Return a code span that the text cannot end (CommonMark 6.1)."""
    shown = visible(text)
    ticks = "`" * (_longest(shown) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{ticks}{pad}{shown}{pad}{ticks}"


def _longest(text: str) -> int:
    return max(map(len, _TICKS.findall(text)), default=0)
