"""A plan as a tree and as a Mermaid graph, and a run as a timeline of its steps."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from engine.cli.output import members, plain, since, word
from engine.core.plan import Plan, Scope, Step, Uses
from engine.core.values import Json, format_duration

_BAR = 24
_STATUS = 12


def as_text(plan: Plan) -> str:
    """Return the plan as lines for a terminal: each step below the last that it waits for.

    Other steps that it waits for are named beside it; `*` marks an edge that was inferred.
    """
    title = f"  {plain(plan.title)}" if plan.title else ""
    lines = [f"{plan.name}{title}", f"  file     {plain(plan.file)}"]
    lines += [f"  plan     {plan.digest[:12]}"]
    starts = [t.id if t.id == t.type else f"{t.id} ({t.type})" for t in plan.triggers]
    lines += [f"  starts   {', '.join(starts)}"]
    if plan.secrets:
        lines += [f"  secrets  {', '.join(plan.secrets)}"]
    lines += ["", *_tree(plan.root)]
    if plan.root.finally_ is not None:
        lines += ["", "  finally", *_tree(plan.root.finally_)]
    return "\n".join(lines) + "\n"


def as_mermaid(plan: Plan) -> str:
    """Return the plan as a Mermaid flowchart: solid edges as written, dotted as inferred."""
    lines = ["flowchart LR", *_mermaid_scope(plan.root, "")]
    if plan.root.finally_ is not None:
        lines += ["  subgraph finally", *_mermaid_scope(plan.root.finally_, "finally_"), "  end"]
    return "\n".join(lines) + "\n"


def as_timeline(run: Mapping[str, Json]) -> str:
    """Return a run as lines for a terminal: what it is, a bar for each step, how it ended."""
    flags = run.get("flags")
    marks = f" ({', '.join(map(str, flags))})" if isinstance(flags, list) and flags else ""
    took = span(run)
    lines = [
        f"{plain(run['namespace'])}/{plain(run['workflow'])}  {word(str(run['status']))}{marks}"
        + (f"  {took}" if took else ""),
        f"  run      {run['id']}",
        f"  plan     {str(run['plan'])[:12]}"
        + (f"  of commit {str(run['commit'])[:12]}" if run["commit"] else ""),
        f"  created  {instant(run['created_at'])} ({since(run['created_at'])} ago)",
        "",
        *_bars(run),
    ]
    error = members(run.get("error"))
    if error:
        where = f" in {plain(error['step'])}" if error.get("step") else ""
        lines += ["", f"  error    {_error(error, where)}"]
    if run.get("outputs"):
        lines += ["", f"  outputs  {plain(run['outputs'])}"]
    return "\n".join(lines)


def step_line(step: Mapping[str, Json]) -> str:
    """Return one step that has ended, in a line."""
    parts = [plain(step["path"]), word(str(step["status"])), span(step)]
    error = members(step.get("error"))
    return "  ".join(["", *filter(None, parts), *([_error(error, "")] if error else [])])


def instant(value: Json) -> str:
    """Return an RFC 3339 instant in UTC, to the millisecond."""
    told = datetime.fromisoformat(str(value)).isoformat(timespec="milliseconds")
    return told.replace("+00:00", "Z")


def span(thing: Mapping[str, Json]) -> str:
    """Return how long what has started and ended took, or nothing."""
    start, end = thing.get("started_at"), thing.get("ended_at")
    if not isinstance(start, str) or not isinstance(end, str):
        return ""
    took = (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
    return f"{took:.3f}s" if took < 10 else f"{took:.0f}s"


def _error(error: Mapping[str, Json], where: str) -> str:
    return f"{plain(error.get('type'))}{where}: {plain(error.get('detail'))}"


def _bars(run: Mapping[str, Json]) -> Iterator[str]:
    steps = [members(each) for each in run["steps"] or ()]  # type: ignore[union-attr]
    width = max((len(str(each["path"])) for each in steps), default=0)
    for each in steps:
        status = str(each["status"])
        attempts = int(str(each["attempts"]))
        again = f"  {attempts} attempts" if attempts > 1 else ""
        why = f"  {plain(each['reason'])}" if each.get("reason") else ""
        line = f"  {plain(each['path']):{width}}  {word(status)}{'':{_STATUS - len(status)}}"
        yield f"{line}{span(each):>8}  {_bar(run, each)}{again}{why}".rstrip()
        if each.get("error"):
            yield f"  {'':{width}}  {_error(members(each['error']), '')}"


def _bar(run: Mapping[str, Json], step: Mapping[str, Json]) -> str:
    """Return when in the run the step ran, drawn; nothing where either has no span."""
    if not span(run) or not span(step):
        return ""
    begin, end = _seconds(run["started_at"]), _seconds(run["ended_at"])
    whole = max(end - begin, 1e-6)
    first = min(int((_seconds(step["started_at"]) - begin) / whole * _BAR), _BAR - 1)
    last = max(round((_seconds(step["ended_at"]) - begin) / whole * _BAR), first + 1)
    return f"{' ' * first}{'█' * (last - first)}{' ' * (_BAR - last)}"


def _seconds(value: Json) -> float:
    return datetime.fromisoformat(str(value)).timestamp()


def _tree(scope: Scope) -> Iterator[str]:
    """Yield the steps of a scope as a tree, what they do in a column of its own."""
    depths = _depths(scope)
    below: dict[int | None, list[int]] = {}
    for position, step in enumerate(scope.steps):
        parent = max((edge.step for edge in step.after), key=depths.__getitem__, default=None)
        below.setdefault(parent, []).append(position)
    drawn: list[tuple[str, int, int | None]] = []
    # A stack and not recursion: two thousand steps may stand in a row.
    waiting: list[tuple[int, int | None, str, str]] = [
        (each, None, "● ", "") for each in reversed(below.get(None, ()))
    ]
    while waiting:
        position, parent, mark, indent = waiting.pop()
        drawn.append((f"{indent}{mark}{scope.steps[position].id}", position, parent))
        inner = indent + {"├─ ": "│  ", "└─ ": "   "}.get(mark, "")
        children = below.get(position, [])
        marks = ["↓ "] if len(children) == 1 else ["├─ "] * (len(children) - 1) + ["└─ "]
        waiting += [
            (child, position, mark, inner)
            for child, mark in reversed(list(zip(children, marks, strict=False)))
        ]
    width = max(len(text) for text, _, _ in drawn)
    for text, position, parent in drawn:
        yield f"  {text:{width}}  {_told(scope, scope.steps[position], parent)}"


def _depths(scope: Scope) -> dict[int, int]:
    """Return how many steps stand before each at least, by position."""
    depths: dict[int, int] = {}
    waiting = list(range(len(scope.steps)))
    while waiting:
        ready = [p for p in waiting if all(e.step in depths for e in scope.steps[p].after)]
        for each in ready:
            depths[each] = max((depths[e.step] + 1 for e in scope.steps[each].after), default=0)
        waiting = [p for p in waiting if p not in depths]
    return depths


def _told(scope: Scope, step: Step, parent: int | None) -> str:
    """Return what a step does and on which terms."""
    told = [_verb(step)]
    others = [
        scope.steps[edge.step].id + ("*" if edge.inferred else "")
        for edge in step.after
        if edge.step != parent or edge.inferred
    ]
    if others:
        told.append(f"after {', '.join(others)}")
    if step.condition:
        told.append(f"if {plain(step.condition)}")
    if step.retry.max_attempts > 1:
        told.append(f"up to {step.retry.max_attempts} attempts")
    if isinstance(step.verb, Uses):
        told.append(f"timeout {format_duration(step.timeout.attempt)}")
    return f"{told[0]:16} {', '.join(told[1:])}".rstrip()


def _mermaid_scope(scope: Scope, prefix: str) -> Iterator[str]:
    for step in scope.steps:
        yield f'    {prefix}{step.id}["{step.id}<br/><small>{_verb(step)}</small>"]'
    for step in scope.steps:
        for edge in step.after:
            arrow = "-.->" if edge.inferred else "-->"
            yield f"    {prefix}{scope.steps[edge.step].id} {arrow} {prefix}{step.id}"


def _verb(step: Step) -> str:
    return step.verb.operation if isinstance(step.verb, Uses) else "set"
