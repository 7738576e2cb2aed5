"""Random walks over random scopes: any verbs, any depth, any outcomes, told in any order."""

import os
from dataclasses import replace
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.core.event import (
    Alarm,
    Arrived,
    Cancel,
    Decided,
    Event,
    Failed,
    OwnerLost,
    Started,
    Succeeded,
)
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
    Pool,
    Race,
    Repeat,
    Retry,
    Rollback,
    Scope,
    Step,
    Switch,
    Timeout,
    Uses,
    Verb,
    Wait,
)
from engine.core.run import Role, ScopeRun, StepRun
from engine.core.state import StepState
from tests.core.runs import HOUR, SECOND, assign, edge, only, plan, scope, step, uses
from tests.core.walking import ERRORS, Walk, check

# How many walks there are; by hand, many more.
WALKS = int(os.environ.get("SARK_WALKS", "100"))
SPANS = st.sampled_from([timedelta(minutes=1), HOUR])
EITHER = st.sampled_from(Otherwise)


def rare(draw: st.DrawFn, of: int = 4) -> bool:
    return draw(st.integers(1, of)) == 1


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
        verb = draw(verbs(depth, known, name))
        terms = Pool() if isinstance(verb, Uses) and draw(st.booleans()) else None
        made.append(replace(one, verb=verb, terms=terms))
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


class AnyWalk(Walk):
    """A walk over any plan: events and people come in as well."""

    def pick(self) -> Event:
        kind = self.draw.draw(st.integers(0, 14))
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
        if kind == 7:
            return self.lose(path, attempt)
        if kind < 9:
            return Started(path, attempt)
        return self._end(path, attempt, kind)

    def _end(self, path: str, attempt: int, kind: int) -> Event:
        if kind < 12:
            return Succeeded(path, attempt, {"x": 1})
        if kind == 14:
            return self.hold()
        error_class = self.draw.draw(st.sampled_from(ERRORS))
        return Failed(path, attempt, {"type": "t", "detail": "d", "class": error_class})


@settings(max_examples=WALKS, deadline=None, suppress_health_check=list(HealthCheck))
@given(plans(), st.data())
def test_every_walk_ends_undone_and_replays_byte_for_byte(made: Plan, draw: st.DataObject) -> None:
    """
    Whatever a workflow is made of and whatever it is told, twice, late or never: what is owed is
    what runs, an echo changes nothing, the run ends, what it did is undone where it must be, and
    its journal gives the same state again.
    """
    walk = AnyWalk(made, draw)
    check(walk)

    walk.to_end(50)

    assert not walk.run.active
    assert not walk.run.scopes
    _check_undone(walk.run.root)


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
