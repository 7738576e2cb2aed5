"""What waits with no worker: `wait`, `await`, `approve`; and events that end a run."""

from dataclasses import replace
from datetime import timedelta

import pytest

from engine.core import machine
from engine.core.binding import Bound
from engine.core.event import Arrived, Cancel, Decided, from_row, to_row
from engine.core.machine import Watch
from engine.core.plan import (
    Approve,
    Assignment,
    Await,
    CancelWhen,
    Otherwise,
    Plan,
    Projection,
    Set,
    Wait,
)
from engine.core.run import Run
from engine.core.state import RunStatus
from engine.core.values import Json
from tests.core.runs import (
    HOUR,
    NOW,
    SECOND,
    alarm,
    assign,
    begin,
    edge,
    error,
    header,
    launched,
    ok,
    only,
    plan,
    scope,
    states,
    step,
    tell,
)


@pytest.mark.parametrize(
    ("verb", "expected"),
    [
        (Wait(duration="{{ inputs.n }}m"), timedelta(minutes=5)),
        (Wait(duration="0s"), timedelta(0)),
        (Wait(until="2026-11-24T13:00:00+00:00"), HOUR),
        (Wait(until="2026-11-24T13:00:00"), HOUR),
        (Wait(until="2026-11-24T14:00:00+01:00"), HOUR),
        (Wait(until="2026-11-24"), timedelta(0)),
        (Wait(until="0001-01-02T00:00:00+23:00"), timedelta(0)),
    ],
)
def test_a_wait_ends_at_its_instant(verb: Wait, expected: timedelta) -> None:
    """
    `for` and `until` are instants to wake at; one in the past is now. No zone means UTC.
    """
    run, decision = begin(plan(scope(step("w", verb=verb))), n=5)

    assert RunStatus.WAITING == machine.status(run)
    assert NOW + expected == alarm(decision, "w").at == machine.wake_at(run)
    assert tell(run, alarm(decision, "w")).ended


@pytest.mark.parametrize(
    "verb",
    [
        Wait(duration="soon"),
        Wait(duration="999999999d"),
        Wait(duration="99999999999999999999d"),
        Wait(duration="{{ inputs.no }}"),
        Wait(until="tomorrow"),
        Wait(until="0001-01-01T00:00:00+23:00"),
    ],
)
def test_a_wait_for_no_instant_fails_the_step(verb: Wait) -> None:
    """
    A text that is no span or instant, or one beyond all calendars, fails the step in words.
    """
    run, decision = begin(plan(scope(step("w", verb=verb))))

    assert decision.ended
    assert "sark.expression" == error(run)["type"]
    assert "isoformat" not in str(error(run)["detail"])


PAID = Await(
    HOUR, "shop.paid", "event.data.order == inputs.order", ("data.order", "inputs.order"),
    timedelta(minutes=1),
)  # fmt: skip
AMOUNT = Projection("amount", "event.data.amount", {"type": "integer"})


def paid(order: int, amount: Json = 3) -> Arrived:
    return Arrived("w", {"type": "shop.paid", "data": {"order": order, "amount": amount}})


def test_an_event_that_matches_ends_the_wait() -> None:
    """
    The step asks for events of its key; one that does not match is ignored, the first that does
    ends it, and its outputs are read from the event.
    """
    run, decision = begin(plan(scope(step("w", verb=PAID, outputs=(AMOUNT,)))), order=7)

    assert [
        Watch("w", "shop.paid", NOW - timedelta(minutes=1), "data.order", "7")
    ] == decision.watches
    assert decision.watches == machine.owed(run).watches
    assert tell(run, paid(8)).echo
    told = tell(run, paid(7))
    assert told.ended
    assert ["w"] == told.unwatched
    assert {"amount": 3} == run.steps["w"].outputs
    assert tell(run, paid(7)).echo


def test_an_await_looks_back_to_when_the_run_was_asked_for() -> None:
    """
    An event that came before the step did is not lost, nor one before a worker began the run.
    """
    made = plan(scope(step("a"), step("w", edge(0), verb=Await(HOUR, "e"))))
    run, _ = machine.begin(Bound(made), header(), NOW + HOUR)
    [watch] = tell(run, ok("a"), after=2 * HOUR).watches

    assert Watch("w", "e", NOW) == watch


@pytest.mark.parametrize(
    ("verb", "amount"),
    [(PAID, "three"), (replace(PAID, match="event.data.order"), 3), (replace(PAID, match="no"), 3)],
)
def test_an_event_that_cannot_be_read_fails_the_wait(verb: Await, amount: Json) -> None:
    """
    An error in `match` is never "no", and outputs are checked.
    """
    run, _ = begin(plan(scope(step("w", verb=verb, outputs=(AMOUNT,)))), order=7)

    assert tell(run, paid(7, amount)).ended
    assert "sark.expression" == error(run)["type"]


def test_a_key_that_has_no_value_fails_the_wait() -> None:
    """
    A correlation that cannot be evaluated waits for nothing.
    """
    run, decision = begin(plan(scope(step("w", verb=PAID))))

    assert decision.ended
    assert [] == decision.watches
    assert "sark.expression" == error(run)["type"]


@pytest.mark.parametrize("otherwise", list(Otherwise))
def test_a_wait_that_is_over_fails_or_goes_on(otherwise: Otherwise) -> None:
    """
    With `on_timeout: continue` the outputs are null; either way the step says `timed_out`.
    """
    verb = Await(HOUR, "e", on_timeout=otherwise)
    run, decision = begin(plan(scope(step("w", verb=verb, outputs=(AMOUNT,)))))
    told = tell(run, alarm(decision, "w"))

    assert told.ended
    assert ["w"] == told.unwatched
    assert run.steps["w"].timed_out
    if otherwise is Otherwise.CONTINUE:
        assert {"amount": None} == run.steps["w"].outputs
    else:
        assert "no e has come in time" == error(run)["detail"]


def test_a_callback_takes_what_comes() -> None:
    """
    What a signed request brings is read as it was sent: `event` is its body.
    """
    wait = step("w", verb=Await(HOUR, callback={"type": "object"}),
                outputs=(Projection("ok", "event.ok", {}),))  # fmt: skip
    run, decision = begin(plan(scope(wait)))

    assert {"type": "object"} == decision.watches[0].callback
    assert tell(run, Arrived("w", {"type": "callback", "data": {"ok": True}})).ended
    assert {"ok": True} == run.steps["w"].outputs
    assert from_row(to_row(paid(7), 1, NOW)) == paid(7)


APPROVE = Approve(
    ("group:sre",), HOUR, 2, show="deploy {{ inputs.tag }}",
    binds=(Assignment("tag", "{{ inputs.tag }}", {}),),
)  # fmt: skip


def asked(run: Run) -> str:
    return machine.owed(run).asks[0].asked


def decide(run: Run, by: str, approved: bool = True, **form: Json) -> Decided:
    return Decided("ok", by, approved, asked(run), form)


def test_as_many_must_approve_as_are_asked_for_each_once() -> None:
    """
    Two people approve; one twice, or on something else than is asked, changes nothing.
    """
    run, decision = begin(plan(scope(step("ok", verb=APPROVE))), tag="v1")
    [ask] = decision.asks

    assert ("deploy v1", {"tag": "v1"}, 2, NOW + HOUR) == (
        ask.show,
        ask.binds,
        ask.min,
        ask.expires,
    )
    assert [ask] == machine.owed(run).asks
    assert not tell(run, decide(run, "ann", why="tested")).echo
    assert tell(run, decide(run, "ann")).echo
    assert tell(run, decide(run, "ann", approved=False)).echo
    assert tell(run, replace(decide(run, "bob"), asked="else")).echo
    last = decide(run, "bob")
    told = tell(run, last)
    assert told.ended
    assert ["ok"] == told.unwatched
    assert {"decision": "approved", "by": ["ann", "bob"], "form": {"why": "tested"}} == (
        run.steps["ok"].outputs
    )
    assert tell(run, last).echo
    assert from_row(to_row(last, 1, NOW)) == last


def test_a_decision_is_bound_to_the_values_and_the_plan() -> None:
    """
    The digest that is approved differs where a bound value, the step or the plan does.
    """
    made = plan(scope(step("ok", verb=APPROVE)))
    one, _ = begin(made, tag="v1", more=1)
    same, _ = begin(made, tag="v1", more=2)
    other, _ = begin(made, tag="v2", more=1)

    assert asked(one) == asked(same)
    assert asked(one) != asked(other)
    stale = decide(one, "ann")
    assert tell(other, stale).echo


@pytest.mark.parametrize("otherwise", list(Otherwise))
def test_one_no_is_enough(otherwise: Otherwise) -> None:
    """
    A rejection fails the step, or with `on_reject: continue` is its outcome.
    """
    run, _ = begin(plan(scope(step("ok", verb=replace(APPROVE, on_reject=otherwise)))), tag=1)
    assert tell(run, decide(run, "ann"), decide(run, "bob", approved=False)).ended

    if otherwise is Otherwise.CONTINUE:
        assert {"decision": "rejected", "by": ["bob"], "form": {}} == run.steps["ok"].outputs
    else:
        assert ("sark.rejected", "bob has rejected it") == (
            error(run)["type"],
            error(run)["detail"],
        )


@pytest.mark.parametrize(
    ("expiry", "otherwise", "expected"),
    [
        ("reject", Otherwise.FAIL, "sark.expired"),
        ("reject", Otherwise.CONTINUE, "rejected"),
        ("fail", Otherwise.FAIL, "sark.expired"),
        ("fail", Otherwise.CONTINUE, "sark.expired"),
    ],
)
def test_no_answer_is_a_no(expiry: str, otherwise: Otherwise, expected: str) -> None:
    """
    An approval that nobody answers, or too few, is never a yes; the step says `timed_out`.
    """
    verb = replace(APPROVE, on_expiry=expiry, on_reject=otherwise)
    run, decision = begin(plan(scope(step("ok", verb=verb))), tag=1)
    tell(run, decide(run, "ann"))

    assert tell(run, alarm(decision, "ok")).ended
    outputs = run.steps["ok"].outputs
    assert expected == (outputs["decision"] if outputs else error(run)["type"])
    assert run.steps["ok"].timed_out


def test_an_approval_that_cannot_be_shown_fails() -> None:
    """
    Nobody is asked about what has no value.
    """
    run, decision = begin(plan(scope(step("ok", verb=APPROVE))))

    assert decision.ended
    assert [] == decision.asks
    assert "sark.expression" == error(run)["type"]


def test_what_a_step_does_not_wait_for_is_no_news_to_it() -> None:
    """
    A decision on an `await`, an event for an approval, or either for any other step is ignored.
    """
    steps = scope(step("w", verb=Await(HOUR, "e")), step("ok", verb=APPROVE), step("u"))
    run, _ = begin(plan(steps), tag=1)

    assert tell(run, Decided("w", "ann", True, asked(run))).echo
    assert tell(run, Arrived("ok", {"type": "e"})).echo
    assert tell(run, Arrived("u", {"type": "e"})).echo
    assert tell(run, Decided("gone", "ann", True, "")).echo


def closes(**more: object) -> Plan:
    made = CancelWhen(
        "pr.closed", "event.number == trigger.event.n", ("number", "trigger.event.n"), "closed"
    )
    return replace(
        plan(scope(step("a")), scope(step("tidy"))),
        cancel_when=(replace(made, **more),),  # type: ignore[arg-type]
    )


def test_an_event_may_end_a_run() -> None:
    """
    `cancel_when` cancels the run at the first event that matches, with its reason; then `finally`.
    """
    correlation = ("number", "inputs.n")
    made = closes(match="event.number == inputs.n", correlation=correlation)
    run, decision = machine.begin(Bound(made), header(n=4), NOW + SECOND)

    assert [Watch("", "pr.closed", NOW, "number", "4")] == decision.watches
    assert decision.watches == machine.owed(run).watches
    assert tell(run, Arrived("", {"type": "pr.closed", "number": 5})).echo
    assert tell(run, Arrived("", {"type": "pr.opened", "number": 4})).echo
    assert ["finally.tidy"] == launched(tell(run, Arrived("", {"type": "pr.closed", "number": 4})))
    assert {"by": "event", "reason": "closed"} == run.cancelled
    assert tell(run, Arrived("", {"type": "pr.closed", "number": 4})).echo
    tell(run, ok("finally.tidy"))
    assert RunStatus.CANCELLED == machine.status(run)
    assert [] == machine.owed(run).watches


def test_an_event_that_ends_runs_never_ends_one_that_it_cannot_be_about() -> None:
    """
    A run whose trigger has no such value begins all the same, and a match in error is none.
    """
    run, decision = begin(closes())

    assert [] == decision.watches
    assert ["a"] == launched(decision)
    assert tell(run, Arrived("", {"type": "pr.closed", "number": 4})).echo
    assert "running" == states(run)["a"]

    run, _ = begin(closes(match=None, correlation=None))
    assert not tell(run, Arrived("", {"type": "pr.closed"})).echo


@pytest.mark.parametrize("verb", [Await(HOUR, "e"), replace(APPROVE, binds=(), show="")])
def test_a_cancelled_wait_is_waited_for_no_more(verb: Await | Approve) -> None:
    """
    Whoever watches for events or asks people is told to stop.
    """
    run, _ = begin(plan(scope(step("w", verb=verb))))
    told = tell(run, Cancel("ann", ""))

    assert ["w"] == told.unwatched
    assert told.ended


@pytest.mark.parametrize("instead", [only(), None])
def test_what_stands_in_for_a_wait_ends_the_wait(instead: object) -> None:
    """
    When a fallback takes over from a wait whose time is over, nothing waits for the event.
    """
    from engine.core.plan import Fallback

    fallback = Fallback(body=only()) if instead else Fallback((Assignment("x", 1, {}),))
    run, decision = begin(plan(scope(step("w", verb=Await(HOUR, "e"), fallback=fallback))))
    told = tell(run, alarm(decision, "w"))

    assert ["w"] == told.unwatched
    assert [] == [each for each in machine.owed(run).alarms if each.path == "w"]
    if instead:
        assert tell(run, ok("w.fallback", x=1)).ended
    assert {"x": 1} == run.steps["w"].outputs


def test_a_pure_value_that_does_not_fit_fails_its_step() -> None:
    """
    `set` checks its values, and its error names the value.
    """
    typed = Set((Assignment("n", "{{ inputs.n }}", {"type": "integer"}),))
    run, decision = begin(plan(scope(step("s", verb=typed), step("t", verb=assign(x=1)))), n="x")

    assert decision.ended
    assert "n: expected an integer" in str(error(run)["detail"])
