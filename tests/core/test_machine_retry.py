"""What the machine tries again: failed attempts, and those that died with their worker."""

from datetime import timedelta

import pytest

from engine.core import machine
from engine.core.event import (
    Alarm,
    Failed,
    Orphaned,
    OwnerLost,
    Started,
    from_row,
    to_row,
)
from engine.core.machine.retrying import MAX_SEVERED, backoff
from engine.core.state import RunStatus
from engine.core.values import Json
from tests.core.runs import (
    NOW,
    PERMANENT,
    RETRY,
    SECOND,
    TRANSIENT,
    UNKNOWN,
    begin,
    launched,
    ok,
    plan,
    scope,
    states,
    step,
    tell,
    uses,
)


@pytest.mark.parametrize(
    ("error", "repeatable", "again"),
    [
        (TRANSIENT, True, True),
        (UNKNOWN, True, True),
        (PERMANENT, True, False),
        (TRANSIENT, False, True),
        (UNKNOWN, False, False),
    ],
)
def test_only_what_may_help_and_cannot_harm_is_tried_again(
    error: dict[str, Json], repeatable: bool, again: bool
) -> None:
    """
    Transient errors are retried; an unknown outcome only where a repeat does no harm.
    """
    run, _ = begin(plan(scope(step("a", verb=uses(repeatable=repeatable), retry=RETRY))))
    tell(run, Failed("a", 1, error))

    assert again == (states(run)["a"] == "waiting")


def test_attempts_pause_and_are_counted() -> None:
    """
    The pause doubles, `Retry-After` lengthens it, and after the last attempt the step fails.
    """
    run, _ = begin(plan(scope(step("a", retry=RETRY))))
    first = tell(run, Failed("a", 1, TRANSIENT)).alarms[-1]
    assert first.at == NOW + 2 * SECOND
    assert launched(tell(run, Alarm("a", first.at))) == ["a"]
    second = tell(run, Failed("a", 2, {**TRANSIENT, "retry_after": 30})).alarms[-1]
    assert second.at == NOW + 31 * SECOND
    tell(run, Alarm("a", second.at), Failed("a", 3, TRANSIENT))

    assert machine.status(run) == RunStatus.FAILED
    assert run.steps["a"].attempt == 3


def test_the_first_attempt_never_waits() -> None:
    """
    A pause belongs to a second attempt or a later one.
    """
    with pytest.raises(ValueError, match="attempt 1 never waits"):
        backoff(RETRY, 1, "")


def test_the_author_decides_what_is_tried_again() -> None:
    """
    `retry.if` replaces the rule; an error in it fails the step with both errors told.
    """
    from dataclasses import replace

    for condition, expected in [
        ("error.status == 404", "waiting"),
        ("error.status == 500", "failed"),
        ("error.status", "failed"),
        ("error.nothing", "failed"),
    ]:
        retry = replace(RETRY, condition=condition)
        run, _ = begin(plan(scope(step("a", retry=retry))))
        tell(run, Failed("a", 1, {**PERMANENT, "status": 404}))
        assert expected == states(run)["a"], condition


def test_a_lost_attempt_is_made_again_where_it_may_be() -> None:
    """
    When the owner dies a repeatable attempt begins anew with the next number.
    """
    run, _ = begin(plan(scope(step("a"), step("b", verb=uses(repeatable=False)))))
    decision = tell(run, OwnerLost())

    assert launched(decision) == ["a", "b"]
    assert [launch.attempt for launch in decision.launches] == [2, 2]
    assert tell(run, ok("a", 1)).echo


def test_an_attempt_of_unknown_outcome_is_not_repeated() -> None:
    """
    A step that must not repeat, and had begun when its worker died, fails as unknown.
    """
    run, decision = begin(plan(scope(step("b", verb=uses(repeatable=False)))))
    assert decision.launches[0].journal_start
    tell(run, Started("b", 1), OwnerLost())

    assert machine.status(run) == RunStatus.FAILED
    assert run.error is not None
    assert (run.error["type"], run.error["class"]) == ("sark.lost", "unknown")


def test_a_step_that_kills_its_workers_is_stopped() -> None:
    """
    After four deaths of its worker a step fails, and the author's attempts were not used up. It
    is made again at once after the first, and after a pause of its own after the next two.
    """
    run, _ = begin(plan(scope(step("a", retry=RETRY))))
    tell(run, OwnerLost())
    assert states(run)["a"] == "running"
    for longest in (1, 4):
        (alarm,) = tell(run, OwnerLost(), after=timedelta(0)).alarms
        assert states(run)["a"] == "waiting"
        assert NOW < alarm.at < NOW + timedelta(seconds=longest)
        tell(run, Alarm("a", alarm.at), after=alarm.at - NOW)
    tell(run, OwnerLost())

    assert run.error is not None
    assert run.error["type"] == "sark.poison"
    assert tell(run, OwnerLost()).echo


def test_what_was_cut_off_is_not_to_blame() -> None:
    """
    A step whose worker was cut off by PostgreSQL is made again, four times and more, and the
    author's attempts are not used up; only one that this happens to without an end is given up.
    """
    run, _ = begin(plan(scope(step("a", retry=RETRY))))
    for _ in range(MAX_SEVERED):
        for alarm in tell(run, OwnerLost(blame=False), after=timedelta(0)).alarms:
            assert NOW < alarm.at < NOW + timedelta(seconds=4)
            tell(run, Alarm(alarm.path, alarm.at), after=alarm.at - NOW)
    assert (0, MAX_SEVERED) == (run.steps["a"].losses, run.steps["a"].severed)
    assert states(run)["a"] == "running"
    tell(run, OwnerLost(blame=False))

    assert run.error is not None
    assert ("sark.poison", "the step's worker was cut off 21 times in it") == (
        run.error["type"], run.error["detail"]
    )  # fmt: skip


def test_deaths_are_counted_apart_from_cuts() -> None:
    """
    Four deaths of its worker are enough, however often the step was cut off in between.
    """
    run, _ = begin(plan(scope(step("a", retry=RETRY))))
    for blame in (True, False, True, False, True, False, True):
        for alarm in tell(run, OwnerLost(blame), after=timedelta(0)).alarms:
            tell(run, Alarm(alarm.path, alarm.at), after=alarm.at - NOW)

    assert run.error is not None
    assert "the step's worker died 4 times in it" == run.error["detail"]


@pytest.mark.parametrize(
    "event",
    [OwnerLost(), OwnerLost(blame=False), Orphaned("a", 1, True), Orphaned("a", 1, False, False)],
)
def test_the_journal_tells_who_is_to_blame(event: OwnerLost | Orphaned) -> None:
    """
    Rows of before are read as they were: a loss that says nothing is one that counts.
    """
    assert event == from_row(to_row(event, 1, NOW))
    assert ("lost", "orphaned") == (
        to_row(OwnerLost(), 1, NOW).kind, to_row(Orphaned("a", 1, True), 1, NOW).kind
    )  # fmt: skip
