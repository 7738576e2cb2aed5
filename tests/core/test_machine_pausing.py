"""A paused run: nothing new begins, what is under way ends, waits go on, clocks stand still."""

from datetime import timedelta

import pytest

from engine.core import machine, replay
from engine.core.event import Alarm, Arrived, Cancel, Event, Failed, OwnerLost, Pause, Resume
from engine.core.plan import Await, Repeat, Retry, Wait
from engine.core.run import Run
from engine.core.state import RunStatus
from tests.core.runs import (
    HOUR,
    NOW,
    SECOND,
    TOTAL,
    TRANSIENT,
    alarm,
    assign,
    begin,
    block,
    edge,
    error,
    launched,
    no,
    ok,
    only,
    plan,
    scope,
    states,
    step,
    tell,
    uses,
)

UNTIL = NOW + 8 * HOUR
PAUSE = Pause("ann", "the bank is down", UNTIL)
RESUME = Resume("ann", "")
RETRY = Retry(max_attempts=3, initial=30 * SECOND, jitter=False)


def paused(run: Run, *events: Event) -> Run:
    """Return a run that was paused, and then told some events."""
    tell(run, PAUSE, *events)
    return run


def test_what_is_under_way_ends_and_nothing_new_begins() -> None:
    """
    An attempt under way when a run is paused ends, and what follows it begins on resume.
    """
    run, _ = begin(plan(scope(step("a"), step("b", edge(0)))))

    assert [] == launched(tell(run, PAUSE, ok("a")))
    assert {"a": "succeeded", "b": "pending"} == states(run)
    assert RunStatus.PAUSED == machine.status(run)
    assert ["b"] == launched(tell(run, RESUME))
    assert RunStatus.RUNNING == machine.status(run)


def test_a_run_that_has_nothing_left_to_do_ends_on_resume() -> None:
    """
    Even its end is left for later: `finally` would be something new.
    """
    run, _ = begin(plan(scope(step("a"))))

    assert not tell(run, PAUSE, ok("a")).ended
    assert tell(run, RESUME).ended


def test_a_failure_is_undone_only_on_resume() -> None:
    """
    Neither compensation nor handlers begin while a run is paused.
    """
    made = step("b", edge(0), verb=uses())
    run, _ = begin(plan(scope(step("a", compensation=only()), made)))
    tell(run, ok("a"), PAUSE)

    assert [] == launched(tell(run, no("b")))
    assert ["a.compensate"] == launched(tell(run, RESUME))


def test_a_pause_ends_by_itself() -> None:
    """
    A pause that nobody ends is over at its `until`.
    """
    run, _ = begin(plan(scope(step("a"), step("b", edge(0)))))
    decision = tell(run, PAUSE)

    assert [Alarm("", UNTIL)] == [Alarm(each.path, each.at) for each in decision.alarms]
    assert UNTIL == machine.wake_at(run)
    tell(run, ok("a"))
    assert ["b"] == launched(tell(run, Alarm("", UNTIL), after=8 * HOUR))


def test_a_second_pause_says_anew_until_when() -> None:
    """
    Pausing a paused run changes until when and why, but not since when; the same again is nothing.
    """
    run, _ = begin(plan(scope(step("a"))))
    later = Pause("bob", "still down", UNTIL + HOUR)

    assert not tell(run, PAUSE, later, after=HOUR).echo
    assert tell(run, later, after=2 * HOUR).echo
    assert {
        "by": "bob",
        "reason": "still down",
        "since": (NOW + HOUR).isoformat(),
        "until": (UNTIL + HOUR).isoformat(),
    } == replay.paused(run)
    assert tell(run, Alarm("", UNTIL), after=8 * HOUR).echo


def test_what_changes_nothing_is_an_echo() -> None:
    """
    To resume a run that is not paused, to pause one until an instant that has passed, or one that
    has ended: nothing comes of it.
    """
    run, _ = begin(plan(scope(step("a"))))

    assert tell(run, RESUME).echo
    assert tell(run, Pause("ann", "", NOW)).echo
    assert replay.paused(run) is None
    assert tell(run, ok("a")).ended
    assert tell(run, PAUSE).echo


def test_waits_go_on() -> None:
    """
    A timer that is over and an event that comes are taken in; what follows from them waits.
    """
    made = scope(
        step("w", verb=Wait(duration="5m")),
        step("e", verb=Await(event="paid", within=HOUR)),
        step("b", edge(0), edge(1)),
    )
    run, decision = begin(plan(made))
    tell(run, PAUSE)

    assert NOW + 300 * SECOND == machine.wake_at(run)
    event = Arrived("e", {"type": "paid", "data": 1})
    assert [] == launched(tell(run, alarm(decision, "w"), event, after=HOUR))
    assert {"w": "succeeded", "e": "succeeded", "b": "pending"} == states(run)
    assert ["b"] == launched(tell(run, RESUME, after=HOUR))


def test_the_clock_of_a_run_stands_still() -> None:
    """
    An hour of pause is an hour more until the run's `timeout`, and a step's total.
    """
    run, decision = begin(plan(scope(step("a", timeout=TOTAL), timeout=2 * HOUR)))
    tell(run, PAUSE, after=0 * SECOND)

    assert tell(run, Alarm("", NOW + 2 * HOUR), alarm(decision, "a"), after=3 * HOUR).echo
    decision = tell(run, RESUME, after=5 * HOUR)
    assert NOW + 7 * HOUR == alarm(decision, "").at
    assert NOW + 5 * HOUR + timedelta(minutes=1) == alarm(decision, "a").at
    assert tell(run, Alarm("", NOW + 2 * HOUR), after=6 * HOUR).echo
    assert tell(run, alarm(decision, ""), after=7 * HOUR).ended
    assert "sark.timeout" == error(run)["type"]


@pytest.mark.parametrize(("hours", "expected"), [(0, 30), (1, 3600)])
def test_a_retry_is_made_after_the_pause(hours: int, expected: int) -> None:
    """
    An attempt that came due meanwhile is made on resume, another when it is due.
    """
    run, _ = begin(plan(scope(step("a", retry=RETRY))))
    decision = tell(run, PAUSE, Failed("a", 1, TRANSIENT), after=0 * SECOND)
    due = alarm(decision, "a")

    assert UNTIL == machine.wake_at(run)
    assert tell(run, due, after=hours * HOUR).echo
    again = alarm(tell(run, RESUME, after=hours * HOUR), "a")
    assert NOW + expected * SECOND == again.at
    assert ["a"] == launched(tell(run, again, after=HOUR))


def test_the_next_turn_of_a_loop_begins_after_the_pause() -> None:
    """
    A `repeat` begins no turn while its run is paused.
    """
    verb = Repeat(only(), "false", 3, every=60 * SECOND)
    run, _ = begin(plan(scope(step("r", verb=verb))))
    decision = tell(run, ok("r[1]"), PAUSE)

    assert tell(run, Alarm("r", NOW + 61 * SECOND), after=HOUR).echo
    decision = tell(run, RESUME, after=HOUR)
    assert ["r[2]"] == launched(tell(run, alarm(decision, "r"), after=HOUR))


def test_what_a_death_has_ended_begins_again_after_the_pause() -> None:
    """
    An attempt that died with its worker is made again on resume, not before.
    """
    run, _ = begin(plan(scope(step("a"))))

    assert [] == launched(tell(run, PAUSE, OwnerLost()))
    again = alarm(tell(run, RESUME), "a")
    assert ["a"] == launched(tell(run, again))


def test_cancelling_ends_a_pause() -> None:
    """
    A cancelled run is paused no more: it is undone, and `finally` runs.
    """
    run, _ = begin(plan(scope(step("a"), step("b", edge(0))), finally_=scope(step("f"))))
    told = tell(paused(run, ok("a")), Cancel("ann", ""))

    assert ["finally.f"] == launched(told)
    assert tell(run, ok("finally.f")).ended
    assert RunStatus.CANCELLED == machine.status(run)


def test_a_run_on_its_way_out_can_be_paused() -> None:
    """
    What undoes a cancelled run may be held as well.
    """
    run, _ = begin(plan(scope(step("a")), finally_=scope(step("f"), step("g", edge(0)))))
    tell(run, Cancel("ann", ""), PAUSE)

    assert RunStatus.PAUSED == machine.status(run)
    assert [] == launched(tell(run, ok("finally.f")))
    assert ["finally.g"] == launched(tell(run, RESUME))


def test_what_needs_no_attempt_waits_too() -> None:
    """
    A pure value is something new as well.
    """
    run, _ = begin(plan(scope(step("a"), step("b", edge(0), verb=assign(x=1)))))
    paused(run, ok("a"))

    assert "pending" == states(run)["b"]


def test_a_scope_below_has_the_clock_of_the_scope_around_it() -> None:
    """
    One that may not take longer than what is around it sets no alarm of its own, on resume either.
    """
    run, _ = begin(plan(scope(block("b", step("x"), step("y")))))

    assert [("", UNTIL)] == [(each.path, each.at) for each in tell(run, PAUSE).alarms]
    told = tell(run, RESUME, after=HOUR).alarms
    assert [("", NOW + 2 * HOUR - SECOND)] == [(each.path, each.at) for each in told]
