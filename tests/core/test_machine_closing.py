"""How a scope ends: its time, its handlers, `finally`, and what stands in for a step."""

from dataclasses import replace

import pytest

from engine.core import machine
from engine.core.event import Cancel, Event, Failed
from engine.core.plan import (
    Block,
    Branch,
    Call,
    ForEach,
    Handler,
    Race,
    Scope,
)
from engine.core.state import RunStatus
from tests.core.runs import (
    RETRY,
    SECOND,
    TOTAL,
    TRANSIENT,
    alarm,
    assign,
    begin,
    block,
    drain,
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


def handler(**more: object) -> Handler:
    return replace(Handler(scope(step("h"))), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (handler(), True),
        (handler(type="http"), True),
        (handler(type="http.status"), True),
        (handler(type="htt"), False),
        (handler(type="http.status.more"), False),
        (handler(step="a"), True),
        (handler(step="b"), False),
        (handler(step="block"), False),
        (handler(error_class="permanent"), True),
        (handler(error_class="transient"), False),
        (handler(condition="error.detail == '404'"), True),
        (handler(condition="error.detail == '500'"), False),
        (handler(condition="error.nothing"), True),
        (handler(condition="steps.a.failed"), True),
        (handler(type="http", step="a", error_class="permanent", condition="false"), False),
    ],
)
def test_a_handler_is_for_the_errors_that_it_names(told: Handler, expected: bool) -> None:
    """
    By type and its prefixes, step, class and condition; one whose condition is in error is for it.
    """
    run, _ = begin(whole(step("a"), handlers=(told,)))

    assert (["on_failure.h"] if expected else []) == launched(tell(run, no("a")))
    assert expected != (run.ended_at is not None)


def test_a_handler_is_for_all_that_runs_in_the_step_it_names() -> None:
    """
    The error of an item, or of a step in a block, is one of the loop and the block.
    """
    for inner in (block("b", step("x")), step("b", verb=ForEach("[1]", "it", only(), 9))):
        run, decision = begin(whole(inner, handlers=(handler(step="b"),)))
        [path] = launched(decision)
        assert ["on_failure.h"] == launched(tell(run, no(path)))


def test_the_first_handler_that_matches_runs_after_the_undoing_and_before_finally() -> None:
    """
    Order: compensation, handler, `finally`; the run keeps its first error.
    """
    hears = scope(
        step("h", verb=assign(t="{{ error.type }}", c="{{ run.compensated }}")), step("i")
    )
    last = scope(step("f", verb=assign(c="{{ run.compensated }}", s="{{ run.status }}")), step("g"))
    run, _ = begin(
        whole(
            step("a", compensation=only()), step("b", edge(0)),
            handlers=(handler(type="other"), handler(body=hears), handler()), finally_=last,
        )
    )  # fmt: skip

    assert ["a.compensate"] == launched(tell(run, ok("a"), no("b")))
    assert ["on_failure.i"] == launched(tell(run, ok("a.compensate")))
    assert {"t": "http.status", "c": True} == run.steps["on_failure.h"].outputs
    assert ["finally.g"] == launched(tell(run, no("on_failure.i", type="other")))
    assert {"c": True, "s": "compensated"} == run.steps["finally.f"].outputs
    assert tell(run, ok("finally.g")).ended
    assert "http.status" == error(run)["type"]
    assert RunStatus.COMPENSATED == machine.status(run)


@pytest.mark.parametrize("outputs", [False, True])
def test_a_handler_that_fails_to_recover_leads_to_the_undoing(outputs: bool) -> None:
    """
    If the handler fails, or its outputs have no value, all that was done is undone, its own too.
    """
    body = scope(step("h", compensation=only()), step("i", edge(0)))
    told = handler(body=body, recover=True, outputs=values(x="{{ no.such }}") if outputs else ())
    run, _ = begin(whole(step("a", compensation=only()), step("b", edge(0)), handlers=(told,)))
    tell(run, ok("a"), no("b"), ok("on_failure.h"))
    decision = tell(run, ok("on_failure.i") if outputs else no("on_failure.i"))

    assert ["on_failure.h.compensate", "a.compensate"] == drain(run, decision)
    assert RunStatus.COMPENSATED == machine.status(run)
    assert "b" == error(run)["step"]


def test_a_block_that_recovers_hands_up_what_it_did() -> None:
    """
    What a recovered block did is undone when the run fails later.
    """
    body = replace(
        scope(step("x", compensation=only()), step("y", edge(0))), handlers=(handler(recover=True),)
    )
    run, _ = begin(whole(step("b", verb=Block(body)), step("z", edge(0))))
    assert ["z"] == launched(tell(run, ok("b.x"), no("b.y"), ok("b.on_failure.h")))
    assert run.steps["b"].degraded

    assert ["b.x.compensate"] == drain(run, tell(run, no("z")))


def test_what_ends_a_block_from_outside_is_handled_by_nobody() -> None:
    """
    A cancelled run is undone and tidied up, but no `on_failure` runs, not even after a failure.
    """
    made = whole(step("a"), step("b"), handlers=(handler(),), finally_=scope(step("f")))
    for events in ([Cancel("ann", "")], [no("a"), Cancel("ann", "")]):
        run, _ = begin(made)
        assert ["finally.f"] == launched(tell(run, *events))
        assert tell(run, ok("finally.f")).ended
        assert RunStatus.CANCELLED == machine.status(run)


def test_a_run_that_is_over_its_time_is_undone_handled_and_tidied_up() -> None:
    """
    The timeout of a scope is a failure of its own: compensation, handler, `finally`.
    """
    made = whole(
        step("a", compensation=only()), handlers=(handler(type="sark.timeout"),),
        finally_=scope(step("f")), timeout=SECOND,
    )  # fmt: skip
    run, decision = begin(made)
    told = tell(run, alarm(decision, ""))

    assert ["a"] == told.revoked
    assert ["a.compensate", "on_failure.h", "finally.f"] == drain(run, told)
    assert RunStatus.COMPENSATED == machine.status(run)
    assert ("timed_out",) == machine.flags(run)


def test_a_cancelled_run_is_not_timed_out() -> None:
    """
    An alarm of the run's time that comes after the cancellation changes nothing.
    """
    body = Block(replace(scope(step("x")), finally_=scope(step("f"))))
    run, decision = begin(whole(step("b", verb=body), timeout=SECOND))
    tell(run, Cancel("ann", ""))

    assert tell(run, alarm(decision, "")).echo
    assert tell(run, ok("b.finally.f")).ended
    assert () == machine.flags(run)


def test_cancel_on_failure_ends_the_siblings_and_is_handled_as_any_failure() -> None:
    """
    With `on_step_failure: cancel` what is under way is cancelled; `on_failure` runs, and so does
    a step that asked for the failure.
    """
    made = whole(
        step("a"), step("b"), block("c", step("x", compensation=only())), step("d", edge(1)),
        step("w", retry=RETRY), step("tidy", edge(0, "failed")),
        handlers=(handler(recover=True),), cancel_on_failure=True,
    )  # fmt: skip
    run, _ = begin(made)
    decision = tell(run, ok("b"), Failed("w", 1, TRANSIENT), no("a"))

    assert ["c.x", "d"] == sorted(decision.revoked)
    assert ["tidy", "c.x.compensate"] == launched(decision)
    assert ["on_failure.h"] == launched(tell(run, ok("tidy"), ok("c.x.compensate")))
    assert tell(run, ok("on_failure.h")).ended
    assert ["cancelled"] * 3 == [states(run)[each] for each in ("c", "d", "w")]
    assert RunStatus.SUCCEEDED == machine.status(run)


def test_the_first_failure_is_the_one_that_is_told() -> None:
    """
    Neither a sibling that fails later nor the end of the time hides the error of the first.
    """
    for late in ("fails", "is over its time"):
        run, decision = begin(whole(step("a"), step("b"), timeout=SECOND))
        tell(run, no("a"))
        assert tell(run, no("b") if late == "fails" else alarm(decision, "")).ended
        assert "a" == error(run)["step"]


def test_what_already_ends_is_ended_once() -> None:
    """
    A run that is cancelled while a failure ends its blocks tidies each of them up once.
    """
    body = replace(scope(step("x")), finally_=scope(step("f")))
    run, _ = begin(whole(step("a"), step("b", verb=Block(body)), cancel_on_failure=True))

    assert ["b.finally.f"] == launched(tell(run, no("a")))
    assert [] == launched(tell(run, Cancel("ann", "")))
    assert tell(run, ok("b.finally.f")).ended
    assert "cancelled" == states(run)["b"]


@pytest.mark.parametrize("event", [ok("b.x"), no("b.x"), Cancel("ann", ""), None])
def test_finally_runs_once_however_a_block_ends(event: Event | None) -> None:
    """
    On success, failure, cancellation and timeout; no cancellation ends it.
    """
    body = replace(scope(step("x"), timeout=SECOND), finally_=scope(step("f")))
    run, decision = begin(whole(step("b", verb=Block(body))))
    told = tell(run, event or alarm(decision, "b."))

    assert ["b.finally.f"] == launched(told)
    assert [] == tell(run, Cancel("ann", "")).revoked
    assert tell(run, ok("b.finally.f")).ended
    assert "cancelled" == states(run)["b"]


def test_a_failure_in_finally_fails_a_good_block_and_hides_no_error() -> None:
    """
    The block fails with the error of its `finally`, unless it had one before.
    """
    body = replace(scope(step("x")), finally_=scope(step("f")))
    for answer, expected in ((ok, "b.finally.f"), (no, "b.x")):
        run, _ = begin(whole(step("b", verb=Block(body))))
        assert tell(run, answer("b.x"), no("b.finally.f")).ended
        assert expected == error(run)["step"]


def test_the_time_of_a_composite_covers_all_that_it_opened() -> None:
    """
    `timeout.total` of a block ends what runs in it; it is undone and tidied up before it fails.
    """
    body = replace(
        scope(step("x", compensation=only()), step("y", edge(0))), finally_=scope(step("f"))
    )
    run, decision = begin(whole(step("b", verb=Block(body), timeout=TOTAL)))
    late = alarm(decision, "b")
    told = tell(run, ok("b.x"), late)

    assert ["b.y"] == told.revoked
    assert ["b.x.compensate", "b.finally.f"] == drain(run, told)
    assert ("sark.timeout", "b") == (error(run)["type"], error(run)["step"])
    assert tell(run, late).echo


def test_loops_races_and_calls_end_with_the_run() -> None:
    """
    Whatever a composite has open is revoked in one turn.
    """
    called = Call("other", {}, {"type": "object"}, scope(step("x")))
    race = Race((Branch("p", only()), Branch("q", only())))
    run, _ = begin(
        whole(
            step("c", verb=called), step("f", verb=ForEach("[1, 2]", "it", only(), 9)),
            step("r", verb=race),
        )
    )  # fmt: skip
    told = tell(run, Cancel("ann", ""))

    assert ["c.x", "f[0]", "f[1]", "r[p]", "r[q]"] == told.revoked
    assert told.ended
    assert not run.scopes


def test_names_in_a_handler_are_those_of_its_scope() -> None:
    """
    A handler within a loop reads the element, the error, and the steps of the item.
    """
    told = handler(
        body=scope(step("h", verb=assign(x="{{ it }}:{{ error.step }}", s="{{ run.status }}")))
    )
    body: Scope = replace(scope(step("x")), handlers=(told,))
    run, _ = begin(whole(step("f", verb=ForEach("['p']", "it", body, 9))))
    assert tell(run, no("f[0].x")).ended

    assert {"x": "p:f[0].x", "s": "running"} == run.steps["f[0].on_failure.h"].outputs


def test_a_handler_that_recovers_stands_in_for_the_undoing() -> None:
    """
    The run succeeds with the handler's outputs, degraded, and keeps what it did.
    """
    told = handler(
        recover=True, outputs=values(x="{{ steps.h.outputs.n }}", a="{{ steps.a.outputs.n }}")
    )
    run, _ = begin(whole(step("a", compensation=only()), step("b", edge(0)), handlers=(told,)))

    assert ["on_failure.h"] == launched(tell(run, ok("a", n=1), no("b")))
    assert tell(run, ok("on_failure.h", n=2)).ended
    assert RunStatus.SUCCEEDED == machine.status(run)
    assert ("degraded",) == machine.flags(run)
    assert {"x": 2, "a": 1} == run.outputs
    assert run.error is None
