"""Histories of runs, kept for good: a plan, the journal of a run of it, and what came of each row.

`python -m tests.core.histories` records runs of every verb as this version makes them, into the
folder of its format of plans. It writes no file anew: what has been recorded is what runs in
flight look like, and a version that comes to something else would take them elsewhere.
"""

import json
import random
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from engine.core import codec, machine, replay
from engine.core.binding import Bound
from engine.core.event import (
    Alarm,
    Arrived,
    Cancel,
    Decided,
    Event,
    Failed,
    OwnerLost,
    Row,
    Succeeded,
    from_row,
    to_row,
)
from engine.core.machine import Decision
from engine.core.plan import FORMAT, Plan
from engine.core.run import Header, Run
from engine.core.values import Json
from tests.core.runs import NOW, header

FOLDER = Path(__file__).parent / "histories"
SEEDS = range(4)
_LONGEST = 80
_INPUTS: Mapping[str, Mapping[str, Json]] = {
    "nested": {"size": 7, "items": ["a", "b", "c"]}, "failing": {"recovers": True},
    "saga": {"poor": False}, "lane": {"lane": 1}, "looking": {"page": 2},
}  # fmt: skip
_CLASSES = ("transient", "permanent", "unknown")
_OUTPUTS: Mapping[str, Json] = {
    "order": "o-1",
    "text": "3",
    "message": "o-1",
    "stdout": "o-1\n",
    "page": 2,
}


def history(plan: Plan, seed: int) -> dict[str, Any]:
    """Return a run of a plan, told what a seed draws until it ends, or long enough."""
    dice = random.Random(f"{plan.name} {seed}")
    about = replace(header(order="o-1", **_INPUTS.get(plan.name, {})), workflow=plan.name)
    run, first = machine.begin(Bound(plan), about, NOW)
    rows, decisions, now = list[Row](), [first], NOW
    while run.ended_at is None and len(rows) < _LONGEST:
        now += timedelta(seconds=1)
        event = _drawn(run, dice)
        now = max(now, event.at) if isinstance(event, Alarm) else now
        decision = machine.advance(run, event, now)
        if not decision.echo:
            rows.append(to_row(event, len(rows) + 1, now))
            decisions.append(decision)
    return {
        "plan": codec.encode(plan),
        "digest": codec.digest(plan),
        "header": _plain(about),
        "rows": [_plain(row) for row in rows],
        "decisions": [_told(each) for each in decisions],
        "state": json.loads(replay.snapshot(run)),
    }


def again(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return what this version makes of the plan and the journal of a history."""
    run, decisions = rebuilt(told)
    return {
        "digest": codec.digest(run.bound.plan),
        "decisions": [_told(each) for each in decisions],
        "state": json.loads(replay.snapshot(run)),
    }


def rebuilt(told: Mapping[str, Any]) -> tuple[Run, list[Decision]]:
    """Return the run of a history, and what came of its beginning and of each row."""
    plan = codec.decode(told["plan"])
    about = Header(**{**told["header"], "created_at": _instant(told["header"]["created_at"])})
    run, first = machine.begin(Bound(plan), about, NOW)
    decisions = [first]
    for each in told["rows"]:
        row = Row(**{**each, "at": _instant(each["at"])})
        decisions.append(machine.advance(run, from_row(row), row.at))
    return run, decisions


def as_far_as(told: Any, made: Any) -> Any:
    """Return what was made without the keys that it was not told of then."""
    match told, made:
        case dict(), dict():
            return {key: as_far_as(told[key], each) for key, each in made.items() if key in told}
        case list(), list() if len(told) == len(made):
            return [as_far_as(*pair) for pair in zip(told, made, strict=True)]
    return made


def _drawn(run: Run, dice: random.Random) -> Event:
    """Return something that may happen to a run: mostly what it waits for."""
    owed, chance = machine.owed(run), dice.random()
    if chance < 0.04:
        return OwnerLost(dice.random() < 0.5)
    if chance < 0.05:
        return Cancel("ann", "enough")
    may: list[Any] = [*owed.launches, *owed.watches, *owed.asks]
    if not may or (owed.alarms and chance < 0.15):
        alarm = min(owed.alarms, key=lambda each: each.at)
        return Alarm(alarm.path, alarm.at)
    one = may[int(dice.random() * len(may))]
    if one in owed.launches:
        return _outcome(one.path, one.attempt, dice)
    if one in owed.watches:
        return Arrived(one.path, {"data": {"order": "o-1"}, "order": "o-1", "type": one.event})
    return Decided(one.path, dice.choice(("ann", "bob")), dice.random() < 0.8, one.asked)


def _outcome(path: str, attempt: int, dice: random.Random) -> Event:
    if dice.random() < 0.25:
        error = {"type": "http.status", "detail": "no", "class": dice.choice(_CLASSES)}
        return Failed(path, attempt, error)
    return Succeeded(path, attempt, _OUTPUTS)


def _told(decision: Decision) -> dict[str, Json]:
    """Return a decision as JSON, without what it leaves empty."""
    told = {each.name: _plain(getattr(decision, each.name)) for each in fields(decision)}
    return {name: value for name, value in told.items() if value}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        told = {each.name: getattr(value, each.name) for each in fields(value)}
        return {name: _plain(each) for name, each in told.items() if name != "step"}
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(map(_plain, value), key=str)
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _plans() -> list[Plan]:
    """Return the plans of the storm: every verb, and every thing that may be left half done."""
    from engine import operations
    from engine.source import File, compile_files

    text = (Path(__file__).parents[1] / "chaos/workflows.yaml").read_text()
    file = File("workflows.yaml", "", text.replace("SERVICE", "http://127.0.0.1:1").encode())
    return list(compile_files([file], operations.catalogue({})).plans.values())


def main() -> None:
    """Record what is not recorded yet."""
    folder = FOLDER / f"format-{FORMAT}"
    folder.mkdir(parents=True, exist_ok=True)
    for plan in _plans():
        for seed in SEEDS:
            file = folder / f"{plan.name}-{seed}.json"
            if not file.exists():
                told = history(plan, seed)
                file.write_text(json.dumps(told, sort_keys=True, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
