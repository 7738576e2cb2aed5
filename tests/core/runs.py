"""Plans and runs for the tests of the core, built by hand and small."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from engine.core import machine
from engine.core.binding import Bound
from engine.core.event import Alarm, Event, Failed, Succeeded
from engine.core.machine import Decision
from engine.core.plan import (
    Assignment,
    Block,
    Edge,
    Effect,
    Plan,
    Requirement,
    Retry,
    Scope,
    Set,
    Step,
    Timeout,
    Uses,
    Verb,
)
from engine.core.run import Header, Run
from engine.core.values import Json

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def uses(*, repeatable: bool = True) -> Uses:
    return Uses("echo.say@1", {"message": "hi"}, Effect.PURE, repeatable)


def assign(**values: Json) -> Set:
    return Set(tuple(Assignment(name, value, {}) for name, value in values.items()))


def step(name: str, *after: Edge, verb: Verb | None = None, **more: object) -> Step:
    made = Step(name, verb or uses(), tuple(after))
    return replace(made, **more)  # type: ignore[arg-type]


def edge(
    position: int, requires: str = "ok", *, data: bool = False, inferred: bool = False
) -> Edge:
    return Edge(position, Requirement(requires), data, inferred)


def scope(*steps: Step, timeout: timedelta = HOUR) -> Scope:
    """Return a scope with each step's followers filled in."""
    followers: dict[int, list[int]] = {position: [] for position in range(len(steps))}
    for position, each in enumerate(steps):
        for before in each.after:
            followers[before.step].append(position)
    linked = (replace(each, before=tuple(followers[i])) for i, each in enumerate(steps))
    return Scope(tuple(linked), timeout)


def plan(root: Scope, finally_: Scope | None = None, **outputs: Json) -> Plan:
    told = tuple(Assignment(name, value, {}) for name, value in outputs.items())
    whole = replace(root, outputs=told, finally_=finally_)
    return Plan("demo", "demo.yaml", {"type": "object"}, whole)


def only(verb: Verb | None = None, **more: object) -> Scope:
    """Return a body that is one verb."""
    return Scope((step("", verb=verb, **more),), HOUR)


def block(name: str, *steps: Step, **more: object) -> Step:
    return step(name, verb=Block(scope(*steps)), **more)


def whole(*steps: Step, **more: object) -> Plan:
    """Return a plan of these steps; `more` are keys of its root scope."""
    root = replace(scope(*steps), **more)  # type: ignore[arg-type]
    return replace(plan(root), root=root)


def values(**told: Json) -> tuple[Assignment, ...]:
    return tuple(Assignment(name, value, {}) for name, value in told.items())


def header(**inputs: Json) -> Header:
    trigger: Mapping[str, Json] = {"id": "manual", "type": "manual", "event": {}}
    return Header("0198-run", "local", "demo", "c0ffee", "d1gest", trigger, inputs, NOW)


def begin(made: Plan, **inputs: Json) -> tuple[Run, Decision]:
    return machine.begin(Bound(made), header(**inputs), NOW)


def launched(decision: Decision) -> list[str]:
    return [launch.path for launch in decision.launches]


def states(run: Run) -> dict[str, str]:
    return {path: each.state.value for path, each in run.steps.items()}


RETRY = Retry(max_attempts=3, initial=SECOND, jitter=False)
TOTAL = Timeout(total=timedelta(minutes=1))
TRANSIENT: dict[str, Json] = {"type": "http.connect", "detail": "refused", "class": "transient"}
PERMANENT: dict[str, Json] = {"type": "http.status", "detail": "404", "class": "permanent"}
UNKNOWN: dict[str, Json] = {"type": "sark.timeout", "detail": "late", "class": "unknown"}


def tell(run: Run, *events: Event, after: timedelta = SECOND) -> Decision:
    decision = Decision()
    for event in events:
        decision = machine.advance(run, event, NOW + after)
    return decision


def error(run: Run) -> dict[str, Json]:
    """Return the run's error, and fail if it has none."""
    assert run.error is not None
    return dict(run.error)


def no(path: str, attempt: int = 1, **more: Json) -> Failed:
    return Failed(path, attempt, {**PERMANENT, **more})


def alarm(decision: Decision, path: str) -> Alarm:
    """Return the alarm that was set for a path, as it rings."""
    [at] = [each.at for each in decision.alarms if each.path == path]
    return Alarm(path, at)


def drain(run: Run, decision: Decision) -> list[str]:
    """Let every launch succeed until the run ends; return the paths in their order."""
    paths = launched(decision)
    for path in paths:
        paths += launched(tell(run, ok(path)))
    assert run.ended_at is not None
    return paths


def ok(path: str, attempt: int = 1, **outputs: Json) -> Succeeded:
    return Succeeded(path, attempt, outputs)
