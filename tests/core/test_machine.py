"""What the machine promises: order, results, retry, loss, cancel, timeout and `finally`."""

import pytest

from engine.core import machine, replay
from engine.core.event import (
    Alarm,
    Cancel,
    Event,
    Failed,
    OwnerLost,
    Pause,
    Resume,
    Row,
    Started,
    Succeeded,
    from_row,
    to_row,
)
from engine.core.state import IllegalMove, Move, RunStatus, StepState, move
from tests.core.runs import (
    NOW,
    PERMANENT,
    RETRY,
    SECOND,
    TOTAL,
    TRANSIENT,
    UNKNOWN,
    assign,
    begin,
    edge,
    launched,
    ok,
    plan,
    scope,
    states,
    step,
    tell,
)


def test_a_graph_starts_at_every_step_that_waits_for_none() -> None:
    """
    Steps with no predecessor start at once, the others when theirs have ended.
    """
    run, decision = begin(
        plan(scope(step("a"), step("b"), step("c", edge(0), edge(1)))),
    )

    assert launched(decision) == ["a", "b"]
    assert launched(tell(run, ok("a"))) == []
    assert launched(tell(run, ok("b"))) == ["c"]
    assert tell(run, ok("c")).ended
    assert machine.status(run) == RunStatus.SUCCEEDED


def test_an_empty_workflow_ends_at_once() -> None:
    """
    A workflow whose steps are all pure values needs no worker.
    """
    run, decision = begin(plan(scope(step("a", verb=assign(x="{{ 1 + 1 }}"))), None, y=3))

    assert decision.ended
    assert run.steps["a"].outputs == {"x": 2}
    assert run.outputs == {"y": 3}


def test_a_late_answer_changes_nothing() -> None:
    """
    An answer to attempt 1 is ignored once attempt 2 has begun.
    """
    run, _ = begin(plan(scope(step("fetch", retry=RETRY))))
    tell(run, Failed("fetch", 1, TRANSIENT))
    due = run.steps["fetch"].due
    assert due is not None
    tell(run, Alarm("fetch", due))
    before = replay.snapshot(run)

    assert tell(run, ok("fetch", 1)).echo
    assert tell(run, Failed("fetch", 1, PERMANENT)).echo
    assert tell(run, Alarm("fetch", due)).echo
    assert tell(run, Started("fetch", 1)).echo
    assert tell(run, ok("nobody", 1)).echo
    assert before == replay.snapshot(run)


@pytest.mark.parametrize(
    ("requires", "result", "expected"),
    [
        ("ok", "succeeded", "running"),
        ("ok", "skipped", "running"),
        ("ok", "failed", "skipped"),
        ("succeeded", "succeeded", "running"),
        ("succeeded", "skipped", "skipped"),
        ("failed", "failed", "running"),
        ("failed", "succeeded", "skipped"),
        ("skipped", "skipped", "running"),
        ("skipped", "succeeded", "skipped"),
        ("done", "succeeded", "running"),
        ("done", "skipped", "running"),
        ("done", "failed", "running"),
    ],
)
def test_a_step_runs_only_on_the_result_it_needs(requires: str, result: str, expected: str) -> None:
    """
    `needs` asks for a result; where it is not met the step is skipped, and says so.
    """
    condition = "false" if result == "skipped" else None
    first = step("a", condition=condition, optional=True)
    run, _ = begin(plan(scope(first, step("b", edge(0, requires)))))
    if result != "skipped":
        tell(run, ok("a") if result == "succeeded" else Failed("a", 1, PERMANENT))

    assert expected == states(run)["b"]
    assert ("need" if expected == "skipped" else "") == run.steps["b"].reason


def test_a_step_whose_data_was_skipped_is_skipped() -> None:
    """
    A skipped step gives no outputs; who reads them without a default is skipped, not run on "".
    """
    first = step("a", condition="false")
    run, decision = begin(plan(scope(first, step("b", edge(0, "done", data=True, inferred=True)))))

    assert decision.ended
    assert states(run) == {"a": "skipped", "b": "skipped"}
    assert run.steps["b"].reason == "data"


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("inputs.x > 1", "running"),
        ("inputs.x > 2", "skipped"),
        ("inputs.x", "failed"),
        ("inputs.y", "failed"),
    ],
)
def test_an_error_in_a_condition_fails_the_step(condition: str, expected: str) -> None:
    """
    `if` gives true or false; anything else fails the step and is never "false".
    """
    run, _ = begin(plan(scope(step("a", condition=condition))), x=2)

    assert expected == states(run)["a"]


def test_the_first_failure_stops_new_launches_and_lets_siblings_finish() -> None:
    """
    After a failure nothing new starts, what runs may finish, and the run fails with that error.
    """
    run, _ = begin(plan(scope(step("a"), step("b"), step("c", edge(1)))))
    tell(run, Failed("a", 1, PERMANENT))

    assert machine.status(run) == RunStatus.RUNNING
    assert tell(run, ok("b")).ended
    assert states(run) == {"a": "failed", "b": "succeeded", "c": "cancelled"}
    assert machine.status(run) == RunStatus.FAILED
    assert run.error is not None
    assert run.error["type"] == "http.status"
    assert run.error["step"] == "a"


def test_a_step_that_asks_for_a_failure_runs_after_it() -> None:
    """
    `needs: {a: failed}` runs although its block has failed; the run still fails.
    """
    run, _ = begin(plan(scope(step("a"), step("tidy", edge(0, "failed")))))

    assert launched(tell(run, Failed("a", 1, PERMANENT))) == ["tidy"]
    assert tell(run, ok("tidy")).ended
    assert machine.status(run) == RunStatus.FAILED


def test_an_optional_step_may_fail() -> None:
    """
    A failure of an optional step leaves the run degraded, not failed.
    """
    run, _ = begin(plan(scope(step("a", optional=True))))

    assert tell(run, Failed("a", 1, PERMANENT)).ended
    assert machine.status(run) == RunStatus.SUCCEEDED
    assert machine.flags(run) == ("degraded",)


def test_join_any_starts_at_the_first() -> None:
    """
    `join: any` waits for one need only, and is skipped when none can be met.
    """
    any_of = step("c", edge(0, "succeeded"), edge(1, "succeeded"), join=1)
    run, _ = begin(plan(scope(step("a", optional=True), step("b", optional=True), any_of)))

    assert launched(tell(run, ok("b"))) == ["c"]
    tell(run, ok("c"), ok("a"))
    assert machine.status(run) == RunStatus.SUCCEEDED

    run, _ = begin(plan(scope(step("a", optional=True), step("b", optional=True), any_of)))
    tell(run, Failed("a", 1, PERMANENT), Failed("b", 1, PERMANENT))
    assert run.steps["c"].reason == "need"


def test_join_still_waits_for_what_the_step_reads() -> None:
    """
    A step that joins early waits for the end of every step whose result it refers to.
    """
    reads = step("d", edge(0), edge(1), edge(2, "done", inferred=True), join=1)
    run, _ = begin(plan(scope(step("a"), step("b"), step("c"), reads)))

    assert launched(tell(run, ok("a"))) == []
    assert launched(tell(run, ok("c"))) == ["d"]


def test_cancel_ends_what_is_under_way_and_finally_still_runs() -> None:
    """
    A cancelled run revokes its attempts, runs `finally` once, and ends as cancelled.
    """
    made = plan(scope(step("a"), step("b", edge(0))), scope(step("tidy")))
    run, _ = begin(made)
    decision = tell(run, Cancel("ann", "wrong day"))

    assert decision.revoked == ["a"]
    assert launched(decision) == ["finally.tidy"]
    assert machine.status(run) == RunStatus.CANCELLING
    assert tell(run, Cancel("ann", "again")).echo
    assert tell(run, ok("finally.tidy")).ended
    assert machine.status(run) == RunStatus.CANCELLED
    assert states(run) == {"a": "cancelled", "b": "cancelled", "finally.tidy": "succeeded"}


def test_the_run_timeout_fails_the_run() -> None:
    """
    When the run's time is over its steps end, `finally` runs, and the run has failed.
    """
    run, decision = begin(plan(scope(step("a"), timeout=SECOND), scope(step("tidy"))))
    alarm = decision.alarms[0]
    assert launched(tell(run, Alarm(alarm.path, alarm.at))) == ["finally.tidy"]
    assert tell(run, Alarm(alarm.path, alarm.at)).echo
    tell(run, ok("finally.tidy"))

    assert machine.status(run) == RunStatus.FAILED
    assert machine.flags(run) == ("timed_out",)
    assert run.error is not None
    assert run.error["type"] == "sark.timeout"


def test_the_total_time_of_a_step_covers_its_attempts_and_pauses() -> None:
    """
    `timeout.total` ends a step while it runs and while it waits for its next attempt.
    """
    for fail_first in (False, True):
        run, decision = begin(plan(scope(step("a", retry=RETRY, timeout=TOTAL))))
        total = decision.alarms[1] if decision.alarms[0].path == "" else decision.alarms[0]
        if fail_first:
            tell(run, Failed("a", 1, TRANSIENT))
        ended = tell(run, Alarm("a", total.at))

        assert ended.ended
        assert ([] if fail_first else ["a"]) == ended.revoked
        assert run.steps["a"].error is not None
        assert run.steps["a"].error["type"] == "sark.timeout"


def test_finally_sees_how_the_run_went() -> None:
    """
    `finally` reads run.status, the error and the steps; its own failure hides no earlier error.
    """
    tidy = step(
        "tidy",
        verb=assign(was="{{ run.status }}", why="{{ error.type }}", a="{{ steps.a.status }}"),
    )
    run, _ = begin(plan(scope(step("a")), scope(tidy, step("more"))))
    tell(run, Failed("a", 1, PERMANENT), Failed("finally.more", 1, UNKNOWN))

    assert run.steps["finally.tidy"].outputs == {
        "was": "failed",
        "why": "http.status",
        "a": "failed",
    }
    assert run.error is not None
    assert run.error["type"] == "http.status"


def test_a_failure_in_finally_fails_a_good_run() -> None:
    """
    A run whose `finally` fails did not succeed.
    """
    run, _ = begin(plan(scope(step("a")), scope(step("tidy"))))
    tell(run, ok("a"), Failed("finally.tidy", 1, PERMANENT))

    assert machine.status(run) == RunStatus.FAILED


def test_finally_has_its_own_time() -> None:
    """
    `finally` ends at its own timeout, which is no error of the run's steps.
    """
    run, _ = begin(plan(scope(step("a")), scope(step("tidy"), timeout=SECOND)))
    alarm = tell(run, ok("a")).alarms[-1]

    assert alarm.path == "finally."
    assert tell(run, Alarm(alarm.path, alarm.at)).ended
    assert machine.status(run) == RunStatus.FAILED


def test_outputs_that_cannot_be_computed_fail_the_run() -> None:
    """
    A workflow output is checked against its type; a misfit fails the run.
    """
    run, _ = begin(plan(scope(step("a")), None, x="{{ inputs.nothing }}"))
    tell(run, ok("a"))

    assert machine.status(run) == RunStatus.FAILED
    assert run.error is not None
    assert run.error["type"] == "sark.output"


def test_a_waiting_run_knows_when_to_wake() -> None:
    """
    A run with no attempt under way is waiting, and its next alarm is the earliest of all.
    """
    run, _ = begin(plan(scope(step("a", retry=RETRY, timeout=TOTAL))))
    tell(run, Failed("a", 1, TRANSIENT))

    assert machine.status(run) == RunStatus.WAITING
    assert machine.wake_at(run) == NOW + 2 * SECOND


def test_the_law_refuses_what_it_does_not_know() -> None:
    """
    A move that the table does not hold is a defect and raises; no ended state is ever left.
    """
    assert move(StepState.PENDING, Move.LAUNCH) == StepState.RUNNING
    with pytest.raises(IllegalMove, match="succeeded cannot launch"):
        move(StepState.SUCCEEDED, Move.LAUNCH)


@pytest.mark.parametrize(
    "event",
    [
        Started("a", 1),
        Succeeded("a", 2, {"x": [1]}),
        Succeeded("a", 2, {"x": [1]}, {"log": {"digest": "00"}}, cached=True),
        Failed("a", 1, {"type": "x"}),
        Alarm("a", NOW),
        OwnerLost(),
        Cancel("ann", "why"),
        Pause("ann", "why", NOW),
        Resume("ann", "why"),
    ],
)
def test_every_event_is_a_row_and_back(event: Event) -> None:
    """
    What the journal keeps is what has happened.
    """
    assert event == from_row(to_row(event, 1, NOW))


def test_an_unknown_row_is_refused() -> None:
    """
    A journal of a newer version is refused in words, not misread.
    """
    with pytest.raises(ValueError, match="row 7 holds an unknown event 'teleported'"):
        from_row(Row(7, NOW, "teleported", "a", 1, None))


def test_names_are_what_the_step_may_read() -> None:
    """
    An expression reads inputs, trigger, run and the steps of its own scope.
    """
    run, _ = begin(plan(scope(step("a"), step("b", edge(0)))), day="monday")
    tell(run, ok("a", x=1))
    names = machine.names(run, "b")

    assert {"inputs", "trigger", "run", "steps"} == set(names)
    assert names["inputs"] == {"day": "monday"}
