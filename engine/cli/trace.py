"""`sark trace`: where a run comes from, who let it go on, and what each step did."""

from collections.abc import Iterator, Mapping
from datetime import datetime

import click

from engine.cli.client import Client, at
from engine.cli.options import as_json, remote
from engine.cli.output import as_json as print_json
from engine.cli.output import items, members, plain, word
from engine.cli.picture import instant, span
from engine.core.event import Row
from engine.core.run import ScopeRun, StepRun
from engine.core.values import Json
from engine.errors import Denied, NotFound

_ENDS = {
    "succeeded": "succeeded",
    "produced": "succeeded",
    "spilled": "succeeded",
    "counted": "succeeded",
    "failed": "failed",
    "orphaned": "lost",
}
_SHORT = 12


@click.command()
@click.argument("run_id", metavar="RUN")
@as_json
@remote
def trace(client: Client, run_id: str, json_: bool) -> None:
    """Tell where RUN comes from, who approved it, what its steps did and what it started."""
    told = traced(client, run_id)
    print_json(told) if json_ else click.echo("\n".join(_lines(told)))


def traced(client: Client, identity: str) -> dict[str, Json]:
    """Return what is known of a run's origin and of all it did, as `--json` tells it."""
    run = members(client.get(at("runs", identity)))
    origin = members(client.get(at("runs", identity, "plan")))
    plan = members(origin["plan"])
    file = "/".join(filter(None, (str(origin["root"]).strip("/."), str(plan["file"]))))
    rows, steps = _replayed(client, run)
    ran = {str(members(each)["path"]): members(each) for each in run["steps"] or ()}  # type: ignore[union-attr]
    return {
        "run": run["id"], "namespace": run["namespace"], "workflow": run["workflow"],
        "status": run["status"], "created_at": run["created_at"],
        "started_at": run["started_at"], "ended_at": run["ended_at"],
        "source": origin["source"] or None, "commit": _commit(client, run, origin),
        "file": file, "plan": run["plan"], "trigger": _trigger(run["trigger"]),
        "started_by": _parent(run["trigger"]),
        "approvals": [_approval(row) for row in rows if row.kind == "decided"],
        "steps": [_step(each, steps.get(path), file, rows) for path, each in ran.items()],
        "starts": [_child(client, each) for each in _started(steps)],
    }  # fmt: skip


def _replayed(client: Client, run: Mapping[str, Json]) -> tuple[list[Row], dict[str, StepRun]]:
    """Return the journal and the steps that it makes of the plan; nothing before the run began."""
    if run["started_at"] is None:
        return [], {}
    from engine.cli.recorded import Reader
    from engine.core import replay

    recording = Reader(client).recording(run)
    told = replay.replay(recording.bound, recording.header, recording.started_at, recording.rows)
    return list(recording.rows), told.steps


def _commit(client: Client, run: Mapping[str, Json], origin: Mapping[str, Json]) -> Json:
    """Return the commit, and where the source has shown it and we may read that, who wrote it, why
    it was seen, and when it became live that the run is of.
    """
    sha = str(run["commit"])
    if not sha:
        return None
    try:
        found = items(client.get(at("commits", sha)))
    except (NotFound, Denied):
        found = []
    about = next((each for each in found if each["source"] == origin["source"]), {})
    told: dict[str, Json] = {"author": about.get("author"), "subject": about.get("subject")}
    steps = [members(each) for each in about.get("history") or ()]  # type: ignore[union-attr]
    for name, state in (("seen", "Seen"), ("live", "Active")):
        told[name] = _last(steps, state, datetime.fromisoformat(str(run["created_at"])))
    return {"sha": sha, **told}


def _last(steps: list[Mapping[str, Json]], state: str, before: datetime) -> Json:
    """Return when and why a commit came to a state the last time before an instant."""
    then = [
        each for each in steps
        if each["state"] == state and datetime.fromisoformat(str(each["at"])) <= before
    ]  # fmt: skip
    return {"at": then[-1]["at"], "reason": then[-1]["reason"]} if then else None


def _trigger(told: Json) -> dict[str, Json]:
    """Return what set a run off, without the event itself, which may be large."""
    return {name: value for name, value in members(told).items() if name != "event"}


def _parent(told: Json) -> Json:
    """Return the run that started this one, or whose end did."""
    trigger = members(told)
    actor = str(trigger.get("actor") or "")
    if actor.startswith("run/"):
        return actor.removeprefix("run/")
    return members(trigger.get("event")).get("run") if trigger.get("type") == "workflow" else None


def _approval(row: Row) -> Json:
    data = members(row.data)
    said = "approved" if data["approved"] else "rejected"
    about: dict[str, Json] = {"step": row.path, "decision": said, "by": data["by"]}
    return {**about, "at": row.at.isoformat(), "note": data["note"] or None}


def _step(
    told: Mapping[str, Json], known: StepRun | None, file: str, rows: list[Row]
) -> dict[str, Json]:
    return {
        "path": told["path"], "status": told["status"], "reason": told["reason"],
        "where": _where(known, file) if known is not None and known.step.plan.line else None,
        "started_at": told["started_at"], "ended_at": told["ended_at"], "error": told["error"],
        "attempts": [_attempt(row) for row in rows
                     if row.path == told["path"] and row.kind in _ENDS],
    }  # fmt: skip


def _attempt(row: Row) -> Json:
    error = members(row.data) if row.kind == "failed" else {}
    told: dict[str, Json] = {"attempt": row.attempt, "end": _ENDS[row.kind]}
    return {**told, "at": row.at.isoformat(), "error": error.get("type")}


def _where(step: StepRun, file: str) -> str:
    """Return where a step is written: in a called workflow, that is told by its name."""
    from engine.core.binding import BoundCall

    scope: ScopeRun | None = step.scope
    while scope is not None:
        verb = None if scope.owner is None else scope.owner.step.verb
        if isinstance(verb, BoundCall):
            return f"{verb.plan.workflow}:{step.step.plan.line}"
        scope = scope.parent
    return f"{file}:{step.step.plan.line}"


def _started(steps: Mapping[str, StepRun]) -> Iterator[tuple[str, str, str]]:
    """Yield the steps that started runs of their own: path, workflow and run."""
    from engine.core.plan import Start

    for path, step in steps.items():
        if isinstance(step.step.plan.verb, Start) and step.outputs:
            yield path, step.step.plan.verb.workflow, str(step.outputs["run"])


def _child(client: Client, started: tuple[str, str, str]) -> Json:
    path, workflow, run = started
    try:
        status = members(client.get(at("runs", run))).get("status")
    except (NotFound, Denied):
        status = None
    return {"step": path, "workflow": workflow, "run": run, "status": status}


def _lines(told: Mapping[str, Json]) -> Iterator[str]:
    """Yield what is known as lines for a terminal."""
    commit = members(told["commit"])
    name = f"{plain(told['namespace'])}/{plain(told['workflow'])}"
    yield f"{name}  {word(str(told['status']))}  {span(told)}".rstrip()
    yield f"  run       {told['run']}"
    if commit:
        by = (
            f'  "{plain(commit["subject"])}" ({plain(commit["author"])})'
            if commit["author"]
            else ""
        )
        yield f"  commit    {str(commit['sha'])[:_SHORT]}{by}"
        for name in ("seen", "live"):
            if step := members(commit[name]):
                yield f"  {name:10}{instant(step['at'])}  {plain(step['reason'])}"
    yield f"  file      {plain(told['file'])}"
    yield f"  plan      {str(told['plan'])[:_SHORT]}"
    if told["source"]:
        yield f"  source    {plain(told['source'])}"
    yield f"  trigger   {_cause(members(told['trigger']))}, {instant(told['created_at'])}"
    if told["started_by"]:
        yield f"  run of    {plain(told['started_by'])}"
    yield from _people(told)
    yield ""
    yield from _steps(told)
    for each in map(members, told["starts"] or ()):  # type: ignore[arg-type]
        yield (f"  started   {plain(each['workflow'])} {each['run']}  "
               f"{word(str(each['status'] or 'gone'))}  by {plain(each['step'])}")  # fmt: skip


def _cause(trigger: Mapping[str, Json]) -> str:
    """Return what set a run off, in words."""
    name, kind = plain(trigger.get("id")), plain(trigger.get("type"))
    parts = [kind if name == kind else f"{name} ({kind})"]
    parts += [f"{key} {plain(trigger[key])}" for key in ("delivery", "at", "scheduled_at")
              if trigger.get(key)]  # fmt: skip
    if trigger.get("actor"):
        parts.append(f"by {plain(trigger['actor'])}")
    return ", ".join(parts)


def _people(told: Mapping[str, Json]) -> Iterator[str]:
    for each in map(members, told["approvals"] or ()):  # type: ignore[arg-type]
        note = f'  "{plain(each["note"])}"' if each["note"] else ""
        said = f"{word(str(each['decision']))} by {plain(each['by'])}"
        yield f"  {plain(each['step'])}  {said}, {instant(each['at'])}{note}"


def _steps(told: Mapping[str, Json]) -> Iterator[str]:
    steps = [members(each) for each in told["steps"] or ()]  # type: ignore[union-attr]
    width = max((len(str(each["path"])) for each in steps), default=0)
    came_to = [f"{each['status']}{_why(each)}" for each in steps]
    widest = max(map(len, came_to), default=0)
    for each, end in zip(steps, came_to, strict=True):
        head = f"  {plain(each['path']):{width}}  {word(str(each['status']))}{_why(each)}"
        rest = f"{'':{widest - len(end)}}  {span(each):>7}  {plain(each['where'] or '')}"
        yield f"{head}{rest}".rstrip()
        yield from _attempts(each, width)


def _why(step: Mapping[str, Json]) -> str:
    return f" ({plain(step['reason'])})" if step["reason"] else ""


def _attempts(step: Mapping[str, Json], width: int) -> Iterator[str]:
    """Yield a line for each attempt where there were several, or the one failed."""
    every = [members(each) for each in step["attempts"] or ()]  # type: ignore[union-attr]
    if len(every) > 1 or any(each["error"] for each in every):
        for each in every:
            error = f"  {plain(each['error'])}" if each["error"] else ""
            end = f"{word(str(each['end']))}{error}  {instant(each['at'])}"
            yield f"  {'':{width}}    attempt {each['attempt']}  {end}"
