"""A run as lines for a terminal: a timeline of its steps."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from engine.cli.output import members, plain, since, word
from engine.core.values import Json

_BAR = 24
_STATUS = 12


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
        *([f"  paused  {paused_line(run)}"] if run.get("paused") else []),
        *_objectives(run),
        "",
        *_bars(run),
    ]
    error = members(run.get("error"))
    if error:
        where = f" in {plain(error['step'])}" if error.get("step") else ""
        lines += ["", f"  error    {_error(error, where)}"]
    for name, each in references(run):
        told = f"{each['bytes']} bytes by reference, SHA-256 {str(each['artifact'])[:12]}"
        lines += ["", f"  value    {plain(name)}  {told} (`sark show RUN --value {plain(name)}`)"]
    if run.get("outputs"):
        lines += ["", f"  outputs  {plain(run['outputs'])}"]
    return "\n".join(lines)


def paused_line(run: Mapping[str, Json]) -> str:
    """Return until when a run is paused, by whom and why; nothing of one that is not."""
    told = members(run.get("paused"))
    if not told:
        return ""
    why = f": {plain(told['reason'])}" if told["reason"] else ""
    return f" until {instant(told['until'])} by {plain(told['by'])}{why}"


def step_line(step: Mapping[str, Json]) -> str:
    """Return one step that has ended, in a line."""
    parts = [plain(step["path"]), word(str(step["status"])), span(step)]
    error = members(step.get("error"))
    return "  ".join(["", *filter(None, parts), *([_error(error, "")] if error else [])])


def references(run: Mapping[str, Json]) -> Iterator[tuple[str, Mapping[str, Json]]]:
    """Yield the outputs of steps that are passed by reference, by path and name."""
    for step in map(members, run["steps"] or ()):  # type: ignore[arg-type]
        for name, each in members(step.get("spilled")).items():
            yield f"{step['path']}.{name}", members(each)


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


def _objectives(run: Mapping[str, Json]) -> Iterator[str]:
    """Yield a line for each objective: whether it was missed, and when it was due."""
    for each in map(members, run.get("objectives") or ()):  # type: ignore[arg-type]
        how = f", {word('missed')}" if each["missed"] else ""
        yield f"  {plain(each['id'])}: due {instant(each['due'])}{how}"


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
        why += _waits_for(each)
        line = f"  {plain(each['path']):{width}}  {word(status)}{'':{_STATUS - len(status)}}"
        yield f"{line}{span(each):>8}  {_bar(run, each)}{again}{why}".rstrip()
        if each.get("error"):
            yield f"  {'':{width}}  {_error(members(each['error']), '')}"


def _waits_for(step: Mapping[str, Json]) -> str:
    """Return for what a step waits and until when, or nothing."""
    told = members(step.get("waits_for"))
    if not told:
        return ""
    what = f"event {plain(told['event'])}" if told.get("event") else plain(told["what"])
    what += f" of pool {plain(told['pool'])}" if told.get("pool") else ""
    until = f" until {instant(told['until'])}" if told.get("until") else ""
    return f"  waits for {what}{until}"


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
