"""Random walks over random scopes: any verbs, any depth, any outcomes, told in any order."""

import os
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.core import machine, replay
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
    Started,
    Succeeded,
    to_row,
)
from engine.core.machine import Decision
from engine.core.plan import (
    Approve,
    Assignment,
    Await,
    Block,
    Branch,
    Case,
    Emit,
    Fail,
    Fallback,
    ForEach,
    Handler,
    Otherwise,
    Plan,
    Race,
    Repeat,
    Retry,
    Rollback,
    Scope,
    Step,
    Switch,
    Timeout,
    Verb,
    Wait,
)
from engine.core.run import Role, ScopeRun, StepRun
from engine.core.state import ENDED, TERMINAL, StepState
from tests.core.runs import HOUR, NOW, SECOND, assign, edge, header, plan, scope, step, uses

# How many walks there are; by hand, many more.
WALKS = int(os.environ.get("SARK_WALKS", "100"))
ERRORS = ("transient", "permanent", "unknown")
SPANS = st.sampled_from([timedelta(minutes=1), HOUR])
EITHER = st.sampled_from(Otherwise)


def rare(draw: st.DrawFn, of: int = 4) -> bool:
    return draw(st.integers(1, of)) == 1


def only(verb: Verb, **more: object) -> Scope:
    """Return a body that is one verb."""
    return Scope((replace(Step("", verb), **more),), HOUR)  # type: ignore[arg-type]


@st.composite
def leaves(draw: st.DrawFn, before: list[str]) -> Verb:
    kind = draw(st.sampled_from(["uses"] * 5 + ["set", "wait", "await", "approve", "emit", "fail"]))
    match kind:
        case "set":
            return assign(x=1)
        case "wait":
            return Wait(duration="10s")
        case "await":
            match = draw(st.sampled_from([None, "event.data == 1"]))
            return Await(draw(SPANS), "e", match, on_timeout=draw(EITHER))
        case "approve":
            return Approve(
                ("group:a",), draw(SPANS), draw(st.integers(1, 2)), on_reject=draw(EITHER),
                on_expiry=draw(st.sampled_from(["reject", "fail"])),
                binds=(Assignment("x", "{{ inputs }}", {}),),
            )  # fmt: skip
        case "emit":
            return Emit("e", None, {"x": 1})
        case "fail" if rare(draw):
            return Fail("mine", "no")
        case _ if before and rare(draw, 8):
            return Rollback(tuple(draw(st.sets(st.sampled_from(before), min_size=1))))
        case _:
            return uses(repeatable=draw(st.booleans()))


@st.composite
def verbs(draw: st.DrawFn, depth: int, before: list[str], prefix: str) -> Verb:
    if depth == 0 or not rare(draw, 2):
        return draw(leaves(before))
    body = draw(scopes(depth - 1, prefix))
    match draw(st.integers(0, 5)):
        case 0:
            return Block(body)
        case 1:
            inner = body if rare(draw, 2) else only(uses())
            return ForEach(
                draw(st.sampled_from(["[1, 2, 3]", "[]", "[1, 1]", "7"])), "x", inner,
                draw(st.integers(1, 3)), draw(st.sampled_from([None, "x"])),
                draw(st.integers(1, 3)), draw(st.integers(0, 2)), fail_fast=draw(st.booleans()),
            )  # fmt: skip
        case 2:
            until = draw(st.sampled_from(["true", "false", "1", "self.outputs.x == 1"]))
            every = draw(st.sampled_from([timedelta(0), SECOND]))
            return Repeat(only(uses()), until, draw(st.integers(1, 3)), every, draw(EITHER))
        case 3:
            other = draw(st.none() | scopes(depth - 1, prefix + "o"))
            return Switch((Case(body, draw(st.integers(0, 1))),), "1", other)
        case 4:
            other = draw(scopes(depth - 1, prefix + "o"))
            return Race((Branch("a", body), Branch("b", other)))
        case _:
            return Switch((Case(body, None, draw(st.sampled_from(["true", "false", "0"]))),))


@st.composite
def steps(draw: st.DrawFn, depth: int, prefix: str) -> list[Step]:
    made: list[Step] = []
    for position in range(draw(st.integers(1, 4 if depth else 2))):
        before = draw(st.sets(st.integers(0, position - 1), max_size=2)) if position else set()
        results = st.sampled_from(["ok", "ok", "succeeded", "failed", "done"])
        name = f"{prefix}{position}"
        known = [each.id for each in made]
        one = step(
            name, *(edge(each, draw(results)) for each in sorted(before)),
            condition=draw(st.sampled_from([None] * 6 + ["false"])),
            optional=rare(draw, 5),
            pivot=rare(draw, 20),
            retry=Retry(max_attempts=draw(st.integers(1, 2)), initial=SECOND),
            timeout=Timeout(total=draw(st.sampled_from([None, None, timedelta(minutes=1)]))),
            compensation=only(uses(), retry=Retry(2)) if rare(draw, 2) else None,
            fallback=draw(fallbacks()) if rare(draw, 6) else None,
        )  # fmt: skip
        made.append(replace(one, verb=draw(verbs(depth, known, name))))
    return made


@st.composite
def fallbacks(draw: st.DrawFn) -> Fallback:
    if draw(st.booleans()):
        return Fallback(body=only(uses()))
    return Fallback((Assignment("x", draw(st.sampled_from([1, "{{ nothing }}"])), {}),))


@st.composite
def scopes(draw: st.DrawFn, depth: int, prefix: str) -> Scope:
    made = scope(*draw(steps(depth, prefix)), timeout=draw(SPANS))
    last = scope(*draw(steps(0, prefix + "z"))) if rare(draw) else None
    handlers = ()
    if rare(draw, 3):
        body = scope(*draw(steps(0, prefix + "h")))
        kind = draw(st.sampled_from(["", "mine"]))
        handlers = (Handler(body, kind, recover=draw(st.booleans())),)  # type: ignore[assignment]
    return replace(made, finally_=last, handlers=handlers, cancel_on_failure=rare(draw))


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    root = draw(scopes(2, "s"))
    alert = scope(*draw(steps(0, "alert"))) if rare(draw) else None
    return replace(plan(root), root=root, on_compensation_failure=alert)


class Walk:
    """A run that is told random events, beside the journal that its owner would keep."""

    def __init__(self, made: Plan, draw: st.DataObject) -> None:
        self.bound = Bound(made)
        self.draw = draw
        self.now = NOW
        self.rows: list[Row] = []
        self.run, first = machine.begin(self.bound, header(), NOW)
        self.attempts: set[tuple[str, int]] = set()
        self.alarms: set[tuple[str, datetime]] = set()
        self.watched: set[str] = set()
        self.asked: dict[str, str] = {}
        self.launches = 0
        self.take(first)

    def take(self, decision: Decision) -> None:
        self.attempts -= {each for each in self.attempts if each[0] in decision.revoked}
        self.attempts |= {(launch.path, launch.attempt) for launch in decision.launches}
        self.launches += len(decision.launches)
        self.alarms |= {(alarm.path, alarm.at) for alarm in decision.alarms}
        self.watched |= {each.path for each in decision.watches}
        self.asked |= {each.path: each.asked for each in decision.asks}
        for path in decision.unwatched:
            assert path in self.watched or path in self.asked

    def tell(self, event: Event) -> Decision:
        self.now += SECOND
        decision = machine.advance(self.run, event, self.now)
        if not decision.echo:
            self.rows.append(to_row(event, len(self.rows) + 1, self.now))
        self.take(decision)
        return decision

    def pick(self) -> Event:
        kind = self.draw.draw(st.integers(0, 13))
        if kind == 0:
            return OwnerLost()
        if kind == 1 and self.draw.draw(st.integers(0, 3)) == 0:
            return Cancel("ann", "")
        if kind == 2 and self.watched:
            path = self.draw.draw(st.sampled_from(sorted(self.watched)))
            return Arrived(path, {"type": "e", "data": self.draw.draw(st.integers(0, 1))})
        if kind < 5 and self.asked:
            path = self.draw.draw(st.sampled_from(sorted(self.asked)))
            asked = self.draw.draw(st.sampled_from([self.asked[path], "else"]))
            by = self.draw.draw(st.sampled_from(["ann", "bob"]))
            return Decided(path, by, self.draw.draw(st.booleans()), asked)
        if self.alarms and (kind < 7 or not self.attempts):
            return Alarm(*self.draw.draw(st.sampled_from(sorted(self.alarms))))
        if not self.attempts:
            return OwnerLost()
        path, attempt = self.draw.draw(st.sampled_from(sorted(self.attempts)))
        if kind < 8:
            return Started(path, attempt)
        if kind < 12:
            return Succeeded(path, attempt, {"x": 1})
        error_class = self.draw.draw(st.sampled_from(ERRORS))
        return Failed(path, attempt, {"type": "t", "detail": "d", "class": error_class})


def check(walk: Walk) -> None:
    """What is owed is exactly what is under way, in every state."""
    run = walk.run
    for one in run.scopes.values():
        assert one.open == sum(each.state not in TERMINAL for each in one.steps)
    attempts = {(each.path, each.attempt) for each in run.steps.values() if each.under_way}
    assert run.running == len(attempts)
    owed = machine.owed(run)
    assert attempts == {(launch.path, launch.attempt) for launch in owed.launches}
    assert {(alarm.path, alarm.at) for alarm in owed.alarms} <= walk.alarms
    assert {each.path for each in owed.watches} <= walk.watched
    assert {each.path: each.asked for each in owed.asks}.items() <= walk.asked.items()
    active = {each.path for each in run.steps.values() if each.state not in TERMINAL}
    assert set(run.active) == active - {
        each.path for each in run.steps.values() if each.state is StepState.PENDING
    }


@settings(max_examples=WALKS, deadline=None, suppress_health_check=list(HealthCheck))
@given(plans(), st.data())
def test_every_walk_ends_undone_and_replays_byte_for_byte(made: Plan, draw: st.DataObject) -> None:
    """
    Whatever a workflow is made of and whatever it is told, twice, late or never: what is owed is
    what runs, an echo changes nothing, the run ends, what it did is undone where it must be, and
    its journal gives the same state again.
    """
    walk = Walk(made, draw)
    check(walk)
    told: list[Event] = []
    for _ in range(50):
        if walk.run.ended_at is not None:
            break
        event = walk.pick()
        walk.tell(event)
        told.append(event)
        check(walk)
        before = replay.snapshot(walk.run)
        again = draw.draw(st.sampled_from(told))
        if not isinstance(again, OwnerLost | Cancel | Alarm) and walk.tell(again).echo:
            assert before == replay.snapshot(walk.run)
    drain(walk)

    assert machine.status(walk.run) in ENDED
    assert not walk.run.active
    assert not walk.run.scopes
    _check_undone(walk.run.root)
    rebuilt = replay.replay(walk.bound, header(), NOW, walk.rows)
    assert replay.snapshot(walk.run) == replay.snapshot(rebuilt)
    assert walk.tell(OwnerLost()).echo
    check(walk)


def drain(walk: Walk) -> None:
    """Answer everything that is owed until the run ends: it must, within its own bounds."""
    for _ in range(2000):
        if walk.run.ended_at is not None:
            return
        owed = machine.owed(walk.run)
        if owed.launches:
            launch = owed.launches[0]
            walk.tell(Succeeded(launch.path, launch.attempt, {"x": 1}))
        else:
            alarm = min(owed.alarms, key=lambda each: each.at)
            walk.tell(Alarm(alarm.path, alarm.at))
        check(walk)
    raise AssertionError("the run does not end")


def _check_undone(scope: ScopeRun) -> None:
    """What a scope that has failed or was ended did is undone, unless that failed or a pivot."""
    failed = scope.failure is not None or bool(scope.stop_reason)
    for each in scope.steps:
        for inner in each.inner:
            _check_undone(inner)
    for inner in scope.inner:
        _check_undone(inner)
    told = scope.undoing
    if failed and not scope.pivoted and told is not None:
        left = [each.path for each in _effects(scope) if each.state is not StepState.COMPENSATED]
        assert bool(left) <= (told.failure is not None), left


def _effects(scope: ScopeRun) -> list[StepRun]:
    """Return the steps that took effect, or may have, and have a compensation."""
    found: list[StepRun] = []
    for each in scope.steps:
        own = each.step.plan.compensation is not None
        if own and (each.took_effect or each.doubt):
            found.append(each)
        if own and each.state in (StepState.SUCCEEDED, StepState.COMPENSATED):
            continue
        for inner in each.inner:
            if inner.role not in (Role.UNDO, Role.FINALLY, Role.ALERT) and not inner.pivoted:
                found += _effects(inner)
    return found
