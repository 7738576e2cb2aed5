"""A plan as lines for a terminal: the tree of its steps, and its worst case."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from engine.core import schedule
from engine.core.anatomy import Part, below, ordered, parts
from engine.core.bounds import LONGEST, MOST, Bounds, Skip, StepBounds
from engine.core.frozen import frozen
from engine.core.picture import words
from engine.core.plan import Plan, Requirement, Scope, Step, Uses
from engine.core.rendering.excerpt import visible, width_of
from engine.core.run import Role
from engine.core.values import format_duration

_WIDEST = 44
_ASKED = {
    Requirement.OK: "is ok",
    Requirement.SUCCEEDED: "succeeded",
    Requirement.FAILED: "failed",
    Requirement.SKIPPED: "was skipped",
}


@frozen
class _Row:
    """A line of the tree: what stands at its left, and what is said of it in a column."""

    left: str
    right: str = ""


def as_text(plan: Plan, bounds: Bounds, now: datetime | None = None) -> str:
    """Return the plan: each step below the last that it waits for, scopes inside their step.

    Other steps that it waits for are named beside it; `*` marks an edge that was inferred. With
    `now` the next times of its schedules are told too.
    """
    title = f"  {visible(plan.title)}" if plan.title else ""
    lines = [f"{visible(plan.name)}{title}", f"  file     {visible(plan.file)}"]
    lines += [f"  plan     {plan.digest[:12]}"]
    starts = [t.id if t.id == t.type else f"{t.id} ({t.type})" for t in plan.triggers]
    lines += [f"  starts   {visible(', '.join(starts))}"]
    if now is not None:
        lines += [f"  next     {visible(each)}" for each in _times(plan, now)]
    if plan.secrets:
        lines += [f"  secrets  {', '.join(plan.secrets)}"]
    return "\n".join([*lines, "", *_tree(plan, bounds), "", *_worst(bounds)]) + "\n"


def _times(plan: Plan, now: datetime) -> Iterator[str]:
    """Yield when each schedule is due next."""
    for name, times in schedule.coming(plan.triggers, now).items():
        told = ", ".join(times) or f"never within {schedule.YEARS} years"
        yield f"{name}: {told}"


def _worst(bounds: Bounds) -> Iterator[str]:
    """Yield the block of the worst case."""
    undoing = ""
    if bounds.undoing:
        undoing = f", {words.span(bounds.undoing, LONGEST)} of it to undo"
    yield "  at worst"
    yield f"    adapter calls  {_count(bounds.adapter_calls)}"
    yield f"    at once        {_count(bounds.fan_out)}"
    yield f"    duration       {words.span(bounds.duration, LONGEST)}{undoing}"
    if bounds.queue is not None:
        yield f"    waits before   {format_duration(bounds.queue)} for its place in the group"
    if bounds.events:
        yield f"    events         {_count(bounds.events)}"
    if bounds.runs:
        yield f"    other runs     {_count(bounds.runs)}"


def _count(number: int) -> str:
    return "no limit" if number >= MOST else f"{number:,}"


def _tree(plan: Plan, bounds: Bounds) -> Iterator[str]:
    every = parts(plan)
    inside = below(every)
    told = {each.path: each for each in bounds.per_step}
    rows: list[list[_Row]] = [[] for _ in every]
    for position in reversed(range(len(every))):
        hung = [(every[each], rows[each]) for each in inside[position]]
        rows[position] = list(_of_scope(every[position], hung, told))
    tops = [each for each, part in enumerate(every) if part.around < 0]
    shown = list(rows[0])
    for each in tops[1:]:
        shown += [_Row(""), *_headed(every[each], rows[each])]
    width = min(max(width_of(row.left) for row in shown), _WIDEST)
    for row in shown:
        gap = " " * max(width - width_of(row.left), 0)
        yield f"  {row.left}{gap}  {row.right}".rstrip()


def _of_scope(
    part: Part, hung: list[tuple[Part, list[_Row]]], told: dict[str, StepBounds]
) -> Iterator[_Row]:
    """Yield the steps of a scope with what is in them, then what its end asks for."""
    of_steps: dict[int, list[tuple[Part, list[_Row]]]] = {}
    for each in hung:
        of_steps.setdefault(each[0].owner, []).append(each)
    for position, parent, indent, mark in _drawn(part.scope):
        step = part.scope.steps[position]
        yield _Row(
            f"{indent}{mark}{step.id or words.kind(step)}",
            _told(part.scope, step, parent, told[part.path_of(step)]),
        )
        rail = indent + {"├─ ": "│  ", "└─ ": "   "}.get(mark, "  ")
        for inner, rows in of_steps.get(position, ()):
            yield from (_Row(f"{rail}┆ {row.left}", row.right) for row in _headed(inner, rows))
    for inner, rows in of_steps.get(-1, ()):
        if part.role is Role.ROOT:
            yield _Row("")
        yield from _headed(inner, rows)


def _headed(part: Part, rows: list[_Row]) -> Iterator[_Row]:
    """Yield the rows of a scope below its heading; one that is one verb is a row with it."""
    heading = words.heading(part)
    is_one = len(part.scope.steps) == 1 and not part.scope.steps[0].id
    if is_one and heading:
        yield _Row(heading, rows[0].right)
        yield from (_Row(f"  {row.left}", row.right) for row in rows[1:])
    elif heading:
        yield _Row(heading)
        yield from (_Row(f"  {row.left}", row.right) for row in rows)
    else:
        yield from rows


def _drawn(scope: Scope) -> Iterator[tuple[int, int | None, str, str]]:
    """Yield each step below its parent in the tree, with its indent and its mark."""
    depths: dict[int, int] = {}
    below_: dict[int | None, list[int]] = {}
    for position in ordered(scope):
        edges = scope.steps[position].after
        depths[position] = max((depths[edge.step] + 1 for edge in edges), default=0)
    for position, step in enumerate(scope.steps):
        parent = max((edge.step for edge in step.after), key=depths.__getitem__, default=None)
        below_.setdefault(parent, []).append(position)
    # A stack and not recursion: two thousand steps may stand in a row.
    waiting: list[tuple[int, int | None, str, str]] = [
        (each, None, "", "● ") for each in reversed(below_.get(None, []))
    ]
    while waiting:
        position, parent, indent, mark = waiting.pop()
        yield position, parent, indent, mark
        inner = indent + {"├─ ": "│  ", "└─ ": "   "}.get(mark, "")
        children = below_.get(position, [])
        marks = ["↓ "] if len(children) == 1 else ["├─ "] * (len(children) - 1) + ["└─ "]
        waiting += [
            (child, position, inner, mark)
            for child, mark in reversed(list(zip(children, marks, strict=False)))
        ]


def _told(scope: Scope, step: Step, parent: int | None, worst: StepBounds) -> str:
    """Return what a step does and on which terms."""
    others = [
        scope.steps[edge.step].id + ("*" if edge.inferred else "")
        for edge in step.after
        if edge.step != parent or edge.inferred
    ]
    terms = [f"after {', '.join(others)}"] if others else []
    if step.condition is not None:
        terms.append(f"if {visible(step.condition)}")
    terms += _skipped(worst.skips)
    if isinstance(step.verb, Uses):
        terms += _attempts(step)
    elif worst.adapter_calls:
        calls = f"{_count(worst.adapter_calls)} call{'s' * (worst.adapter_calls != 1)}"
        terms.append(f"at worst {calls}, {words.span(worst.duration, LONGEST)}")
    terms += [word for word, holds in _marks(step).items() if holds]
    return f"{words.what(step.verb):16}  {', '.join(terms)}".rstrip()


def _attempts(step: Step) -> Iterator[str]:
    if step.retry.max_attempts > 1:
        yield f"up to {step.retry.max_attempts} attempts"
    yield f"timeout {format_duration(step.timeout.attempt)}"


def _marks(step: Step) -> dict[str, bool]:
    has_values = step.fallback is not None and step.fallback.body is None
    return {"else values": has_values, "optional": step.optional, "pivot": step.pivot}


def _skipped(skips: Iterable[Skip]) -> Iterator[str]:
    """Yield when a step is skipped, but for its own condition, which is said already."""
    needs = [f"{e.step} {_ASKED[Requirement(e.requires)]}" for e in skips if e.reason == "need"]
    data = [e.step for e in skips if e.reason == "data"]
    if needs:
        yield f"skipped unless {' and '.join(needs)}"
    if data:
        yield f"skipped without outputs of {', '.join(data)}"
