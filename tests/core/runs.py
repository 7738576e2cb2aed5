"""Plans and runs for the tests of the core, built by hand and small."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from engine.core import machine
from engine.core.binding import Bound
from engine.core.event import Event, Succeeded
from engine.core.machine import Decision
from engine.core.plan import (
    Assignment,
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


def ok(path: str, attempt: int = 1, **outputs: Json) -> Succeeded:
    return Succeeded(path, attempt, outputs)
