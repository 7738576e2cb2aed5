"""What stands in for a step that failed: `fallback`."""

from dataclasses import replace
from datetime import timedelta

import pytest

from engine.core import machine
from engine.core.event import Cancel
from engine.core.plan import (
    Approve,
    Block,
    Fail,
    Fallback,
)
from engine.core.state import RunStatus
from engine.core.values import Json
from tests.core.runs import (
    HOUR,
    SECOND,
    TOTAL,
    alarm,
    assign,
    begin,
    edge,
    error,
    launched,
    no,
    ok,
    only,
    scope,
    states,
    step,
    tell,
    values,
    whole,
)

FALL = Fallback(body=only())


def test_a_fallback_takes_over_after_the_last_attempt() -> None:
    """
    Another verb stands in, once; the step is degraded and keeps the error that it fell back from.
    """
    run, _ = begin(whole(step("a", fallback=FALL), step("b", edge(0, data=True))))

    assert ["a.fallback"] == launched(tell(run, no("a")))
    assert "running" == states(run)["a"]
    assert tell(run, no("a")).echo
    assert ["b"] == launched(tell(run, ok("a.fallback", x=1)))
    assert {"x": 1} == run.steps["a"].outputs
    assert tell(run, ok("b")).ended
    assert ("degraded",) == machine.flags(run)


@pytest.mark.parametrize(
    ("fallback", "expected"),
    [
        (Fallback(values(x="{{ error.type }}")), {"x": "http.status"}),
        (Fallback(values(x="{{ error.no }}")), "sark.expression"),
        (Fallback(body=only(Fail("mine", "no"))), "mine"),
        (Fallback(body=only(assign(x="{{ error.detail }}"))), {"x": "404"}),
    ],
)
def test_values_or_an_error_come_of_a_fallback(fallback: Fallback, expected: Json) -> None:
    """
    It reads `error`; if it fails itself the step fails with its error.
    """
    run, _ = begin(whole(step("a", fallback=fallback)))
    assert tell(run, no("a")).ended

    outputs = run.steps["a"].outputs
    assert expected == (outputs if outputs else error(run)["type"])


def test_a_fallback_takes_over_from_a_composite_that_is_too_slow() -> None:
    """
    The fallback of a block whose time is over runs to its end, and an alarm told twice is no news.
    """
    run, decision = begin(
        whole(step("b", verb=Block(scope(step("x"))), fallback=FALL, timeout=TOTAL))
    )
    late = alarm(decision, "b")

    assert ["b.fallback"] == launched(tell(run, late))
    assert [] == [each for each in machine.owed(run).alarms if each.path == "b"]
    assert tell(run, late).echo
    assert tell(run, ok("b.fallback", x=1)).ended
    assert {"x": 1} == run.steps["b"].outputs
    assert RunStatus.SUCCEEDED == machine.status(run)


def test_nothing_falls_back_in_a_run_that_is_cancelled() -> None:
    """
    A block that was ending for its time when the run was cancelled is cancelled.
    """
    body = replace(scope(step("x")), finally_=scope(step("f")))
    run, decision = begin(whole(step("b", verb=Block(body), fallback=FALL, timeout=TOTAL)))
    tell(run, alarm(decision, "b"), Cancel("ann", ""))

    assert tell(run, ok("b.finally.f")).ended
    assert "cancelled" == states(run)["b"]


def test_a_fallback_ends_with_what_is_around_it() -> None:
    """
    A cancellation reaches a fallback, and its own time bounds it.
    """
    run, _ = begin(whole(step("a", fallback=FALL)))
    tell(run, no("a"))
    assert ["a.fallback"] == tell(run, Cancel("ann", "")).revoked

    quick = Fallback(body=replace(only(), timeout=SECOND))
    run, _ = begin(whole(step("a", fallback=quick)))
    assert tell(run, alarm(tell(run, no("a"), after=timedelta(0)), "a.fallback.")).ended
    assert "sark.timeout" == error(run)["type"]


def test_a_condition_in_error_has_a_fallback_too() -> None:
    """
    A step that could not begin is stood in for as one that failed.
    """
    _, decision = begin(whole(step("a", condition="no.such", fallback=FALL)))

    assert ["a.fallback"] == launched(decision)


def test_an_approval_that_was_rejected_falls_back() -> None:
    """
    What waits may fall back, and nobody is asked any more.
    """
    verb = Approve(("group:a",), HOUR)
    run, decision = begin(whole(step("ok", verb=verb, fallback=FALL)))
    told = tell(run, alarm(decision, "ok"))

    assert (["ok"], ["ok.fallback"]) == (told.unwatched, launched(told))
    assert [] == machine.owed(run).asks
