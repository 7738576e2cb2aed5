"""A change as lines for a terminal, and as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from engine.core import schedule
from engine.core.anatomy import ordered
from engine.core.change.compare import Change, Kind, Line, digest
from engine.core.change.reach import Reach
from engine.core.picture import words
from engine.core.plan import Plan, Trigger
from engine.core.rendering.excerpt import visible
from engine.core.values import Json, canonical

MOST_LINES = 200
"""How many lines of a workflow are told, at most."""
MARKS = {Kind.ADDED: "+", Kind.CHANGED: "~", Kind.REMOVED: "-"}
_COLUMN = 38
_LONGEST = 60
_MOST_STEPS = 12
# What of a trigger is told: when, by what, and where the clock is.
_TOLD = ("cron", "every", "event", "workflow", "path", "timezone")
# Steps: what one workflow calls so is nothing to another.
_OWN = ("destroys", "asks")


def as_text(changes: Sequence[Change], now: datetime) -> str:
    """Return what changes by workflow, with the next starts of schedules from `now` on."""
    if not changes:
        return "No workflow changes.\n"
    blocks = ["\n".join(block(each, now)) for each in changes]
    return "\n\n".join([*blocks, summary(changes)]) + "\n"


def summary(changes: Sequence[Change]) -> str:
    """Return how many workflows change and how, and what names all of it."""
    counts = [(kind, sum(each.kind is kind for each in changes)) for kind in Kind]
    told = ", ".join(f"{count} {kind}" for kind, count in counts if count)
    return f"{told}; change {digest(changes)[:8]}" if told else "no workflow changes"


def as_json(changes: Sequence[Change], now: datetime) -> dict[str, Json]:
    """Return the same for programs, nothing of it cut."""
    return {"change": digest(changes), "workflows": [_json(each, now) for each in changes]}


def block(change: Change, now: datetime, file: str = "") -> Iterator[str]:
    """Yield the lines of one workflow; `file` is where it is written, if not as the plan says."""
    head = f"  {MARKS[change.kind]} {visible(change.name)}"
    yield f"{head:{_COLUMN}} {visible(file or change.file)}".rstrip()
    if change.kind is Kind.ADDED and change.new is not None:
        yield from _whole(change.new)
    shown = change.lines[:MOST_LINES]
    yield from (_line(each) for each in shown)
    if len(shown) < len(change.lines):
        yield f"      and {len(change.lines) - len(shown):,} more; --json has them all"
    yield from _reached(change)
    yield from (f"      {text}" for text in _next(change, now))
    if change.kind is Kind.REMOVED:
        yield "      its triggers stop; runs in flight go on with the plan that they began with"


def _whole(plan: Plan) -> Iterator[str]:
    """Yield what a new workflow does."""
    for each in plan.triggers:
        yield f"      trigger    {visible(_trigger(each))}"
    order = ordered(plan.root)
    told = [visible(plan.root.steps[each].id) for each in order[:_MOST_STEPS]]
    more = [f"and {len(order) - len(told)} more"] if len(told) < len(order) else []
    is_line = all(
        [edge.step for edge in plan.root.steps[each].after] == order[place : place + 1]
        for place, each in enumerate(order[1:])
    )
    yield f"      steps      {(' -> ' if is_line else ', ').join([*told, *more])}"


def _trigger(trigger: Trigger) -> str:
    """Return what starts a workflow: its type, what of, and where the clock is."""
    settings = trigger.settings if isinstance(trigger.settings, Mapping) else {}
    told = [str(settings[each]) for each in _TOLD if settings.get(each)]
    return "  ".join([f"{trigger.type} {''.join(told[:1])}".rstrip(), *told[1:]])


def _line(line: Line) -> str:
    """Return one place of a change."""
    place = visible(line.place)
    mark = " " if line.kind is Kind.CHANGED else MARKS[line.kind]
    was, now = _value(line.old), _value(line.new)
    told = f"{was} -> {now}" if line.kind is Kind.CHANGED else was or now
    return f"    {mark} {place:{_COLUMN - 6}} {told}".rstrip()


def _value(value: Json) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else canonical(value).decode()
    return visible(words.cut(text, _LONGEST))


def _reached(change: Change) -> Iterator[str]:
    first = change.first.told()
    for mark, reach in (("+", change.gains), ("-", change.loses)):
        for name, told in reach.told().items():
            for each in told:
                is_first = mark == "+" and each in first.get(name, ()) and name not in _OWN
                note = "  no workflow has had it before" if is_first else ""
                yield f"      {name:10} {mark} {visible(words.cut(each, _LONGEST))}{note}"


def _next(change: Change, now: datetime) -> Iterator[str]:
    """Yield when schedules that are new, or due at other times, start first."""
    for name, times in coming(change, now).items():
        yield f"next       {visible(name)}: {', '.join(times) or 'never'}"


def coming(change: Change, now: datetime) -> dict[str, list[str]]:
    """Return the next starts, by trigger, of the schedules that are new or due at other times."""
    known = {each.id: each for each in change.old.triggers} if change.old is not None else {}
    fresh = [each for each in _triggers(change.new) if known.get(each.id) != each]
    return schedule.coming(fresh, now)


def _triggers(plan: Plan | None) -> Sequence[Trigger]:
    return () if plan is None else plan.triggers


def _json(change: Change, now: datetime) -> dict[str, Json]:
    return {
        "workflow": change.name,
        "kind": change.kind.value,
        "file": change.file,
        "old": None if change.old is None else change.old.digest,
        "new": None if change.new is None else change.new.digest,
        "lines": [
            {"kind": each.kind.value, "place": each.place, "old": each.old, "new": each.new}
            for each in change.lines
        ],
        "gains": _lists(change.gains),
        "loses": _lists(change.loses),
        "first": _lists(change.first),
        "next": {name: list[Json](times) for name, times in coming(change, now).items()},
    }


def _lists(reach: Reach) -> dict[str, Json]:
    return {name: list[Json](told) for name, told in reach.told().items()}
