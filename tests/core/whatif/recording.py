"""Runs recorded by hand, and what becomes of them."""

from dataclasses import replace
from datetime import timedelta

from engine.core import machine, whatif
from engine.core.binding import Bound
from engine.core.event import Event, Failed, Row, to_row
from engine.core.plan import (
    Plan,
    Uses,
)
from engine.core.values import Json
from engine.core.whatif import Kind, Recording, Verdict
from tests.core.runs import (
    NOW,
    SECOND,
    TRANSIENT,
    header,
    uses,
)


def record(plan: Plan, *events: Event, every: timedelta = SECOND, **inputs: Json) -> Recording:
    """Return a run that was told events, one `every` so often; each of them says something."""
    bound, rows = Bound(plan), list[Row]()
    run, _ = machine.begin(bound, header(**inputs), NOW)
    for number, event in enumerate(events, start=1):
        assert not machine.advance(run, event, NOW + every * number).echo
        rows.append(to_row(event, number, NOW + every * number))
    return Recording(bound, header(**inputs), NOW, rows)


def refused(path: str, attempt: int = 1) -> Failed:
    return Failed(path, attempt, TRANSIENT)


def judge(plan: Plan, recording: Recording, **more: int) -> Verdict:
    return whatif.judge(Bound(plan), recording, **more)


def told(verdict: Verdict) -> tuple[Kind, str, str]:
    return verdict.kind, verdict.step, verdict.why


def say(text: Json = "hi", **more: object) -> Uses:
    return replace(uses(), arguments={"message": text}, **more)  # type: ignore[arg-type]
