"""What `rollback` undoes, and what becomes of those that lose a `race`."""

from dataclasses import replace

import pytest

from engine.core import machine
from engine.core.event import Cancel, Failed, OwnerLost
from engine.core.plan import (
    Branch,
    Fallback,
    Race,
    Rollback,
    Step,
)
from engine.core.state import RunStatus
from tests.core.runs import (
    PERMANENT,
    TOTAL,
    UNKNOWN,
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
    scope,
    states,
    step,
    tell,
    values,
    whole,
)


def undoable(name: str, *after: object, **more: object) -> Step:
    return step(name, *after, compensation=only(), **more)  # type: ignore[arg-type]


def test_a_loser_of_a_race_is_undone() -> None:
    """
    The first branch that succeeds wins; the others are cancelled, and undone if they wrote.
    """
    a = scope(undoable("x"), step("y", edge(0)))
    race = Race((Branch("a", a), Branch("b", replace(scope(step("x")), outputs=values(n=1)))))
    run, _ = begin(whole(step("r", verb=race)))
    decision = tell(run, ok("r[a].x"), ok("r[b].x"))

    assert ["r[a].y"] == decision.revoked
    assert ["r[a].x.compensate"] == launched(decision)
    assert "race" == run.steps["r[a].y"].reason
    assert tell(run, ok("r[a].x.compensate")).ended
    assert {"n": 1, "winner": "b"} == run.steps["r"].outputs
    assert RunStatus.SUCCEEDED == machine.status(run)


def test_a_loser_that_was_only_tidying_up_is_undone_too() -> None:
    """
    A branch whose `finally` still runs when another wins has lost, and what it wrote is undone.
    """
    a = replace(scope(undoable("x")), finally_=scope(step("tidy")))
    race = Race((Branch("a", a), Branch("b", only())))
    run, _ = begin(whole(step("r", verb=race)))
    tell(run, ok("r[a].x"), ok("r[b]"))

    assert ["r[a].x.compensate"] == launched(tell(run, ok("r[a].finally.tidy")))
    assert tell(run, ok("r[a].x.compensate")).ended
    assert "b" == (run.steps["r"].outputs or {})["winner"]

    race = Race((Branch("a", replace(a, steps=(step("x"),))), Branch("b", only())))
    run, _ = begin(whole(step("r", verb=race)))
    assert tell(run, ok("r[a].x"), ok("r[b]"), ok("r[a].finally.tidy")).ended


def test_a_race_in_which_all_fail_fails_with_the_first_error() -> None:
    """
    Nobody wins: the race has the error of the branch that failed first.
    """
    run, _ = begin(whole(step("r", verb=Race((Branch("a", only()), Branch("b", only()))))))

    assert not tell(run, no("r[b]")).ended
    assert tell(run, no("r[a]", detail="later")).ended
    assert "r[b]" == error(run)["step"]


def test_a_rollback_undoes_the_steps_that_it_names() -> None:
    """
    `rollback` undoes them now, the last first, and what ran in those that are blocks; the run
    goes on, and they are not undone again.
    """
    steps = (
        undoable("a"),
        block("b", undoable("x"), after=(edge(0),)),
        undoable("c", edge(1)),
        step("back", edge(2), verb=Rollback(("a", "b"))),
        step("d", edge(3)),
    )
    run, _ = begin(whole(*steps))
    assert ["b.x.compensate"] == launched(tell(run, ok("a"), ok("b.x"), ok("c")))
    assert ["a.compensate"] == launched(tell(run, ok("b.x.compensate")))
    assert ["d"] == launched(tell(run, ok("a.compensate")))
    assert ["c.compensate"] == launched(tell(run, no("d")))
    assert tell(run, ok("c.compensate")).ended


def test_a_rollback_of_nothing_is_done_and_one_that_fails_says_so() -> None:
    """
    What cannot be undone fails the rollback, and is not tried again when the run ends.
    """
    run, decision = begin(
        whole(step("a", verb=assign(x=1)), step("r", edge(0), verb=Rollback(("a",))))
    )
    assert decision.ended

    run, _ = begin(whole(undoable("a"), step("r", edge(0), verb=Rollback(("a",)))))
    tell(run, ok("a"))
    assert tell(run, no("a.compensate")).ended
    assert ("sark.compensation", "a could not be undone") == (
        error(run)["type"],
        error(run)["detail"],
    )
    assert RunStatus.FAILED == machine.status(run)
    assert ("compensation_failed",) == machine.flags(run)


def test_two_rollbacks_of_one_step_undo_it_once() -> None:
    """
    Rollbacks that run at once wait for the same compensation, and both are told how it ended.
    """
    first, second = Rollback(("a", "b")), Rollback(("a",))
    steps = (
        undoable("a"),
        undoable("b", edge(0)),
        step("r", edge(1), verb=first),
        step("q", edge(1), verb=second),
    )

    for answer, status in ((ok, RunStatus.SUCCEEDED), (no, RunStatus.FAILED)):
        run, _ = begin(whole(*steps))
        assert ["b.compensate", "a.compensate"] == launched(tell(run, ok("a"), ok("b")))
        decision = tell(run, answer("a.compensate"))
        if answer is ok:
            assert "succeeded" == states(run)["q"]
            assert "running" == states(run)["r"]
        decision = tell(run, ok("b.compensate"))
        assert decision.ended
        assert [] == launched(decision)
        assert status == machine.status(run)

    run, _ = begin(whole(undoable("a"), *(step(n, edge(0), verb=second) for n in "rq")))
    assert ["a.compensate"] == launched(tell(run, ok("a")))
    assert tell(run, ok("a.compensate")).ended
    assert ["succeeded"] * 2 == [states(run)[each] for each in "rq"]


def test_a_rollback_goes_on_past_what_another_has_undone() -> None:
    """
    What the other rollback undid meanwhile is not undone again, and what came before it still is.
    """
    back = step("r", edge(2), verb=Rollback(("x", "a", "b")))
    other = step("q", edge(2), verb=Rollback(("a",)))
    run, _ = begin(
        whole(undoable("x"), undoable("a", edge(0)), undoable("b", edge(1)), back, other)
    )
    tell(run, ok("x"), ok("a"), ok("b"), ok("a.compensate"))

    assert ["x.compensate"] == launched(tell(run, ok("b.compensate")))
    assert tell(run, ok("x.compensate")).ended


def test_a_rollback_leaves_what_runs_alone() -> None:
    """
    A step that is under way is not undone under its own feet.
    """
    run, _ = begin(whole(undoable("a"), step("b"), step("r", edge(1), verb=Rollback(("a",)))))
    assert [] == launched(tell(run, OwnerLost(), ok("b", 2)))

    assert "succeeded" == states(run)["r"]
    assert tell(run, ok("a", 2)).ended


def test_a_cancelled_rollback_ends_what_it_has_begun() -> None:
    """
    Compensations under way are not cancelled; the rollback ends with them, then the run.
    """
    steps = undoable("a"), step("r", edge(0), verb=Rollback(("a",)), timeout=TOTAL)
    run, _ = begin(whole(*steps))
    tell(run, ok("a"))
    assert [] == tell(run, Cancel("ann", "")).revoked
    assert tell(run, ok("a.compensate")).ended
    assert {"a": "compensated", "r": "cancelled"}.items() <= states(run).items()

    run, _ = begin(whole(*steps))
    late = alarm(tell(run, ok("a")), "r")
    assert not tell(run, late).ended
    assert tell(run, ok("a.compensate")).ended
    assert "sark.timeout" == error(run)["type"]


@pytest.mark.parametrize("lost", [True, False])
def test_what_a_lost_reply_may_have_done_is_undone_by_a_rollback(lost: bool) -> None:
    """
    A step that succeeded by its fallback is undone by a `rollback` if its reply was lost; if it
    had plainly failed there is nothing to undo. The run goes on.
    """
    charge = undoable("a", fallback=Fallback(values(ref="none")))
    run, _ = begin(whole(charge, step("b", edge(0), verb=Rollback(("a",)))))
    decision = tell(run, Failed("a", 1, UNKNOWN if lost else PERMANENT))

    assert (["a.compensate"] if lost else []) == launched(decision)
    if lost:
        decision = tell(run, ok("a.compensate"))
    assert decision.ended
    assert RunStatus.SUCCEEDED == machine.status(run)
    assert {"a": "compensated" if lost else "succeeded", "b": "succeeded"} == {
        name: states(run)[name] for name in ("a", "b")
    }


def test_a_good_run_whose_finally_fails_undoes_nothing() -> None:
    """
    It has failed with the error of its `finally`, and what its steps did stays done; a step that a
    fallback stood in for stays as it is, too.
    """
    steps = undoable("a"), undoable("b", edge(0), fallback=Fallback(values(ref="none")))
    run, _ = begin(whole(*steps, finally_=scope(step("f"))))
    decision = tell(run, ok("a"), Failed("b", 1, UNKNOWN), no("finally.f"))

    assert [] == launched(decision)
    assert decision.ended
    assert RunStatus.FAILED == machine.status(run)
    assert "finally.f" == error(run)["step"]
    assert {"a": "succeeded", "b": "succeeded"} == {n: states(run)[n] for n in ("a", "b")}
