"""The parts of a review in Markdown that are of one workflow: its row, its notes, its details."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from html import escape

from engine.core.change import MARKS, MOST_LINES, Change, Kind, Line, Reach
from engine.core.picture import as_mermaid, words
from engine.core.rendering.excerpt import visible
from engine.core.review.inert import LONGEST, cell, code, fenced, linked, prose
from engine.core.review.links import Links
from engine.core.review.model import Effect, Review, Ruling
from engine.core.review.words import history, in_flight, is_due, many, starts
from engine.core.values import Json, canonical

_PLACES = 4
_SHORT = 24
_MOST_STEPS = 60
_STEP = re.compile(r"steps\.[^.\[]+")
_ORDER = (Kind.REMOVED, Kind.ADDED, Kind.CHANGED)
_ENDS: Mapping[Kind, str] = {Kind.ADDED: "added", Kind.REMOVED: "removed"}
_GAINED: Mapping[str, str] = {
    "secrets": "reads secret **{}**",
    "hosts": "calls **{}**",
    "operations": "uses **{}**",
    "workflows": "starts or calls workflow **{}**",
    "destroys": "may destroy something in step **{}**",
}
_FIRST: Mapping[str, str] = {
    "secrets": " First use in this source.",
    "hosts": " New host for this source.",
    "operations": " First use in this source.",
}


def rank(change: Change) -> tuple[int, int, str]:
    """Return what is to be looked at first: removals, then what reaches further."""
    if change.kind is Kind.REMOVED:
        return 0, 0, change.name
    return 1 + (not _reaches(change)), _ORDER.index(change.kind), change.name


def _reaches(change: Change) -> bool:
    gains = change.gains
    return bool(gains.secrets or gains.hosts or gains.destroys)


def row(review: Review, change: Change, now: datetime, links: Links | None) -> str:
    """Return the row of the table that is a workflow's."""
    name = code(change.name)
    if links is not None and change.new is not None:
        name = linked(name, links.file(review.head.commit, review.path(change.file)))
    when = "; ".join(_when(review, change, now))
    return f"| `{MARKS[change.kind]}` | {cell(name)} | {cell(_what(change))} | {cell(when)} |"


def _what(change: Change) -> str:
    if change.new is None:
        return "removed"
    if change.old is None:
        return f"new, {many(len(change.new.root.steps), 'step')}"
    told = ", ".join(_said(each) for each in change.lines[:_PLACES])
    left = len(change.lines) - _PLACES
    return f"{told} and {left:,} more" if left > 0 else told


def _said(line: Line) -> str:
    """Return a place that changes, in a few words."""
    noun = "step " if _STEP.fullmatch(line.place) and line.kind in _ENDS else ""
    place = f"{noun}{code(line.place.removeprefix('steps.'))}"
    if line.kind in _ENDS:
        return f"{place} {_ENDS[line.kind]}"
    old, new = _value(line.old), _value(line.new)
    is_short = max(len(old), len(new)) <= _SHORT
    return f"{place} {code(old)} → {code(new)}" if is_short else f"{place} changed"


def _value(value: Json) -> str:
    return value if isinstance(value, str) else canonical(value).decode()


def _when(review: Review, change: Change, now: datetime) -> Iterator[str]:
    if change.new is None:
        yield f"{'schedule stops' if is_due(change) else 'triggers stop'} on merge"
    elif first := starts(change, now):
        yield f"{'next' if change.old is not None else 'first'} run {first}"
    else:
        yield "from its next run on" if change.old is not None else "when it is triggered"
    for told, commit in in_flight(review, change):
        yield f"in flight: {told} {code(commit) if commit else ''}".rstrip()
    if kept := history(review, change):
        yield kept


def notes(change: Change) -> Iterator[str]:
    """Yield what a workflow newly reaches, or no longer asks people for."""
    name = code(change.name)
    for kind, told in _GAINED.items():
        first = getattr(change.first, kind)
        for each in getattr(change.gains, kind):
            if kind == "operations" and each not in first:
                continue
            also = _FIRST.get(kind, "") if each in first else ""
            yield f"- {name} {told.format(code(each))}.{also}"
    if change.new is not None:
        for each in change.loses.asks:
            yield f"- {name} no longer asks for an approval in step **{code(each)}**."


def details(change: Change) -> str:
    """Return what folds out: the places of a change, the picture of what is new."""
    title = f"<code>{MARKS[change.kind]} {escape(visible(change.name))}</code>"
    if change.old is None and change.new is not None and len(change.new.root.steps) <= _MOST_STEPS:
        inner = fenced("mermaid", as_mermaid(change.new))
    else:
        inner = fenced("diff", "".join(_diff(change)))
    return f"<details><summary>{title}</summary>\n\n{inner}\n</details>"


def _diff(change: Change) -> Iterator[str]:
    """Yield lines of which a place that comes or goes is coloured."""
    if change.new is None:
        yield "- the whole workflow\n"
    for each in change.lines[:MOST_LINES]:
        for mark, value in (("-", each.old), ("+", each.new)):
            if value is not None:
                told = visible(words.cut(_value(value), LONGEST))
                yield f"{mark} {visible(each.place)}: {told}\n"
    if len(change.lines) > MOST_LINES:
        yield f"# and {len(change.lines) - MOST_LINES:,} more\n"
    for mark, reach in (("+", change.gains), ("-", change.loses)):
        yield from _reached(mark, reach)


def _reached(mark: str, reach: Reach) -> Iterator[str]:
    for name, told in reach.told().items():
        shown = (visible(words.cut(each, LONGEST)) for each in told)
        yield from (f"{mark} {name}: {each}\n" for each in shown)


def ruled(ruling: Ruling, review: Review, links: Links | None) -> str:
    """Return the row of the table of policies that is a ruling's."""
    word, told = _verdict(ruling, review, links)
    where = f" ({place(review, ruling.file, ruling.line, links)})" if ruling.file else ""
    of = f" {code(ruling.workflow)}:" if ruling.workflow else ""
    rest = f"{of} {told}{where}".strip()
    return f"| {cell(code(ruling.rule))} | {word} | {cell(rest)} |"


def _verdict(ruling: Ruling, review: Review, links: Links | None) -> tuple[str, str]:
    """Return the word of a ruling in Markdown, and what is to be said besides."""
    reason = prose(ruling.reason)
    if ruling.effect is Effect.APPROVAL:
        if ruling.approved_by:
            return "approved", f"by {code(ruling.approved_by)}"
        who = f"a member of **{code(ruling.team)}**" if ruling.team else "somebody who may"
        if not is_heard(review, links):
            return "**approval needed**", f"{who} must approve. {reason}"
        words_ = f"/sark approve {ruling.rule} {review.digest[:8]}"
        has_reviews = ruling.by_review and (links is None or links.has_reviews)
        either = "approves this head or " if has_reviews else ""
        return "**approval needed**", f"{who} {either}comments {code(words_)}. {reason}"
    word = {Effect.DENY: "**denied**", Effect.WARN: "warning", Effect.ALLOW: "ok"}[ruling.effect]
    return word, reason


def is_heard(review: Review, links: Links | None) -> bool:
    """True if somebody hears commands that are given in comments."""
    return review.pull > 0 and (links is None or links.has_server)


def place(review: Review, file: str, line: int, links: Links | None) -> str:
    """Return a line of a file of the head, linked to where it can be read."""
    told = code(f"{file.rpartition('/')[2]}:{max(line, 1)}")
    if links is None:
        return told
    return linked(told, links.file(review.head.commit, review.path(file), max(line, 1)))
