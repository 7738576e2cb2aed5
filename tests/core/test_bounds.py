"""The worst case of a plan, told before it runs."""

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import bounds
from engine.core.bounds import LONGEST, MOST, Bounds, Skip, StepBounds
from engine.core.bounds.width import widest
from engine.core.plan import (
    Approve,
    Assignment,
    Await,
    Block,
    Branch,
    Call,
    Case,
    Emit,
    Fail,
    Fallback,
    ForEach,
    Handler,
    Plan,
    Race,
    Repeat,
    Retry,
    Rollback,
    Scope,
    Start,
    Step,
    Switch,
    Timeout,
    Verb,
    Wait,
)
from tests.core.runs import HOUR, SECOND, assign, edge, only, plan, scope, step, uses

MINUTE = timedelta(minutes=1)
FIVE = 5 * MINUTE
TWICE = Retry(max_attempts=2, initial=SECOND)


def of(*steps: Step, **more: object) -> Bounds:
    """Return the bounds of a plan with these steps and an hour for them."""
    return whole(replace(scope(*steps), **more))  # type: ignore[arg-type]


def whole(root: Scope) -> Bounds:
    return bounds.of(Plan("demo", "demo.yaml", {}, root))


def per_step(told: Bounds) -> dict[str, StepBounds]:
    return {each.path: each for each in told.per_step}


def cost(told: Bounds) -> tuple[int, timedelta, int]:
    return told.adapter_calls, told.duration, told.fan_out


@pytest.mark.parametrize(
    ("verb", "worst"),
    [
        (uses(), (2, 2 * FIVE + SECOND, 1)),
        (assign(x=1), (0, timedelta(), 0)),
        (Fail("mine", "no"), (0, timedelta(), 0)),
        (Block(scope(step("a"), step("b", edge(0)))), (2, 2 * FIVE, 1)),
        (Call("other", {}, {}, scope(step("a"), step("b"))), (2, FIVE, 2)),
        (ForEach("x", "x", only(uses()), 10, max_parallel=4), (10, 3 * FIVE, 4)),
        (ForEach("x", "x", scope(step("a"), step("b")), 3), (6, FIVE, 6)),
        (Repeat(only(uses()), "true", 3, every=MINUTE), (3, 3 * FIVE + 2 * MINUTE, 1)),
        (Switch((Case(only(uses())), Case(scope(step("a"), step("b")))), "x"), (2, FIVE, 2)),
        (Switch((Case(only(assign())),), "x", only(uses())), (1, FIVE, 1)),
        (Race((Branch("a", only(uses())), Branch("b", only(uses())))), (2, FIVE, 2)),
        (Wait(duration="10m"), (0, 10 * MINUTE, 0)),
        (Wait(duration="{{ inputs.pause }}"), (0, HOUR, 0)),
        (Wait(until="{{ inputs.at }}"), (0, HOUR, 0)),
        (Await(MINUTE, "e"), (0, MINUTE, 0)),
        (Approve(("ann",), 2 * MINUTE), (0, 2 * MINUTE, 0)),
        (Rollback(("gone",)), (0, timedelta(), 0)),
    ],
)
def test_the_worst_case_of_a_verb(verb: Verb, worst: tuple[int, timedelta, int]) -> None:
    """
    Attempts, their whole time and the pauses between them; items at once, turns one by one, the
    dearest case, all branches. What an expression decides may take as long as its scope has.
    """
    assert worst == cost(of(step("only", verb=verb, retry=TWICE)))


def test_events_and_other_runs_are_counted() -> None:
    """
    What is emitted and started on its own is said beside what is called.
    """
    loop = ForEach("x", "x", scope(step("e", verb=Emit("e")), step("s", verb=Start("o", {}))), 7)
    told = of(step("all", verb=loop))

    assert (7, 7, 0) == (told.events, told.runs, told.adapter_calls)


def test_steps_that_wait_for_each_other_are_not_at_once() -> None:
    """
    The fan-out is of those steps that none of the others must wait for, whatever their layers.
    """
    ladder = [step("a"), step("b", edge(0)), step("c", edge(0)), step("d", edge(1), edge(2))]
    wide = step("w", verb=ForEach("x", "x", only(uses()), 5))

    assert 2 == of(*ladder).fan_out
    assert 7 == of(*ladder, wide).fan_out
    assert 5 == of(*ladder, replace(wide, after=(edge(3),))).fan_out


def test_a_join_does_not_wait_for_all() -> None:
    """
    With `join: any` a step may be under way beside one that it needs; with all of them it waits.
    """
    before = [step("a"), step("b")]
    reads = edge(1, "done", data=True, inferred=True)

    assert 2 == of(*before, step("c", edge(0), edge(1), join=2)).fan_out
    assert 3 == of(*before, step("c", edge(0), edge(1), join=1)).fan_out
    assert 2 == of(*before, step("c", edge(0), reads, join=1)).fan_out


def test_chains_are_found_that_the_nearest_step_hides() -> None:
    """
    Where the nearest step is taken another way is found: it matters which chain goes on where.
    """
    steps = [
        step("a"),
        step("b"),
        step("e"),
        step("c", edge(0), edge(1)),
        step("d", edge(0), edge(2)),
    ]

    assert 2 == widest(scope(*steps), [1, 1, 0, 1, 1])
    assert 3 == widest(scope(*steps), [2, 1, 0, 2, 1])


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_the_fan_out_is_exact(data: st.DataObject) -> None:
    """
    No set of steps that may all be under way weighs more, and one weighs as much.
    """
    order = data.draw(st.permutations(range(data.draw(st.integers(1, 7)))))
    made: dict[int, Step] = {}
    before: dict[int, set[int]] = {}
    for number, position in enumerate(order):
        after = data.draw(st.sets(st.sampled_from(order[:number]))) if number else set()
        made[position] = step(f"s{position}", *map(edge, sorted(after)))
        before[position] = after.union(*(before[each] for each in after))
    weights = [data.draw(st.integers(0, 3)) for _ in order]
    sets = (
        [position for position, taken in enumerate(chosen) if taken]
        for chosen in product((False, True), repeat=len(order))
    )
    apart = (
        [*each] for each in sets if all(one not in before[two] for one in each for two in each)
    )
    best = max(sum(weights[position] for position in each) for each in apart)

    assert best == widest(scope(*(made[p] for p in sorted(made))), weights)


def test_attempts_are_bounded_by_their_time() -> None:
    """
    `max_elapsed` and `total` bound what `max_attempts` would allow; pauses grow up to `max`.
    """
    many = Retry(max_attempts=100, initial=SECOND, factor=2, max=MINUTE, jitter=True)
    quick = Timeout(attempt=SECOND)
    pauses = (1 + 2 + 4 + 8 + 16 + 32) * SECOND + 93 * MINUTE

    assert 100 * SECOND + pauses == of(
        step("a", retry=many, timeout=quick), timeout=9 * HOUR).duration  # fmt: skip
    some = replace(many, max_elapsed=FIVE)
    assert FIVE + SECOND == of(step("a", retry=some, timeout=quick)).duration
    total = replace(quick, total=2 * MINUTE)
    assert 2 * MINUTE == of(step("a", retry=some, timeout=total)).duration


def test_a_scope_ends_in_time_but_for_its_end() -> None:
    """
    The timeout of a scope bounds its steps; handlers and `finally` have their own time.
    """
    last, other = scope(step("z")), scope(step("h"), step("i", edge(0)))
    handlers = (Handler(other), Handler(scope(step("j"))))
    told = of(step("a"), step("b", edge(0)), timeout=MINUTE, finally_=last, handlers=handlers)

    assert (5, MINUTE + 3 * FIVE, 1) == cost(told)


def test_what_stands_in_is_counted_after_what_has_failed() -> None:
    """
    A fallback comes after the last attempt, and only then.
    """
    instead = Fallback(body=only(uses(), retry=TWICE))
    values = Fallback((Assignment("x", 1, {}),))

    assert (3, 3 * FIVE + SECOND, 1) == cost(of(step("a", fallback=instead)))
    assert (1, FIVE, 1) == cost(of(step("a", fallback=values)))


def test_every_compensation_is_counted_once_with_its_alert() -> None:
    """
    All that can be undone is, one after the other at worst; each may fail and raise an alert.
    """
    undo = only(uses(), retry=TWICE)
    root = scope(step("a", compensation=undo), step("b", edge(0), compensation=undo))
    made = plan(root)
    alarmed = replace(made, on_compensation_failure=scope(step("page"), step("mail")))
    undoing = 2 * (2 * FIVE + SECOND)

    told = bounds.of(made)
    assert (6, 2 * FIVE + undoing, 1) == cost(told)
    assert undoing == told.undoing
    told = bounds.of(alarmed)
    assert (10, 4 * FIVE + undoing, 4) == cost(told)
    assert 2 == per_step(told)["on_compensation_failure.page"].times


def test_an_alert_that_may_fail_to_be_undone_has_no_bound() -> None:
    """
    An alert whose own compensation fails raises an alert: that may go on for ever.
    """
    alert = scope(step("page", compensation=only(uses())))
    made = plan(scope(step("a", compensation=only(uses()))))
    told = bounds.of(replace(made, on_compensation_failure=alert))

    assert (MOST, LONGEST, MOST) == cost(told)
    assert bounds.of(replace(plan(scope(step("a"))), on_compensation_failure=alert)).fan_out == 1


def test_a_rollback_may_undo_at_once_what_was_at_once() -> None:
    """
    The steps that `rollback` names are found in its scope and in those around it.
    """
    each = scope(step("w", compensation=only(uses())))
    loop = step("load", verb=ForEach("x", "x", each, 20, max_parallel=6))
    inner = Block(scope(step("back", verb=Rollback(("load",)))))
    made = plan(scope(loop, step("undo", edge(0), verb=inner), step("c", edge(0))))
    alarmed = replace(made, on_compensation_failure=scope(step("page")))

    assert 7 == bounds.of(made).fan_out
    assert 21 == bounds.of(alarmed).fan_out


def test_loops_in_loops_stop_at_the_limit() -> None:
    """
    Numbers stay readable: `MOST` and `LONGEST` mean as much or more.
    """
    body = only(uses())
    for _ in range(60):
        body = scope(step("l", verb=ForEach("x", "x", body, 1000, max_parallel=1000)),
                     timeout=timedelta(days=9000))  # fmt: skip
    deep = bounds.of(plan(scope(step("r", verb=Repeat(body, "x", MOST, every=HOUR)),
                                timeout=timedelta(days=9000))))  # fmt: skip

    assert (MOST, LONGEST, MOST) == cost(deep)
    assert MOST == deep.per_step[-1].times


def test_a_long_plan_is_bounded_at_once() -> None:
    """
    Two thousand steps in a row, or side by side, take no time to speak of.
    """
    row = [step(f"s{n}", *([edge(n - 1)] if n else [])) for n in range(2000)]

    assert (2000, HOUR, 1) == cost(of(*row))
    assert (2000, FIVE, 2000) == cost(of(*(step(f"s{n}") for n in range(2000))))


@pytest.mark.parametrize(
    ("after", "more", "skips"),
    [
        ((edge(0),), {}, ()),
        ((edge(0, "done"),), {}, ()),
        ((edge(0, "failed"),), {}, (Skip("need", "a", "failed"),)),
        ((edge(0, "skipped"),), {}, (Skip("need", "a", "skipped"),)),
        ((edge(1),), {}, (Skip("need", "maybe", "ok"),)),
        ((edge(1, "succeeded"),), {}, (Skip("need", "maybe", "succeeded"),)),
        ((edge(2, "succeeded"),), {}, (Skip("need", "asked", "succeeded"),)),
        ((edge(0, "succeeded"),), {}, ()),
        ((edge(2, "done", data=True, inferred=True),), {}, (Skip("data", "asked", "succeeded"),)),
        ((edge(0, "done", data=True, inferred=True),), {}, ()),
        ((edge(0), edge(2, "failed")), {},
         (Skip("need", "a", "ok"), Skip("need", "asked", "failed"))),
        ((edge(0), edge(1)), {"join": 1}, ()),
        ((edge(1), edge(2, "failed")), {"join": 1},
         (Skip("need", "maybe", "ok"), Skip("need", "asked", "failed"))),
        ((), {"condition": "inputs.x"}, (Skip("condition", condition="inputs.x"),)),
    ],
)  # fmt: skip
def test_when_a_step_is_skipped(
    after: tuple[object, ...], more: dict[str, object], skips: tuple[Skip, ...]
) -> None:
    """
    A need that may not be met, outputs that may not be there, a condition that may be false.
    """
    before = [step("a"), step("maybe", optional=True), step("asked", condition="true")]
    told = of(*before, step("last", *after, **more))  # type: ignore[arg-type]

    assert skips == per_step(told)["last"].skips


def test_what_is_rolled_back_is_no_longer_ok() -> None:
    """
    A step is skipped if what it needs may be undone before it begins, and not if only after.
    """
    undo = Rollback(("a",))
    beside = of(step("a"), step("undo", edge(0), verb=undo), step("c", edge(0)))
    after = of(step("a"), step("undo", edge(2), verb=undo), step("c", edge(0)))

    assert (Skip("need", "a", "ok"),) == per_step(beside)["c"].skips
    assert () == per_step(after)["c"].skips


def _cancels(root: Scope, path: str) -> set[str]:
    return set(per_step(whole(root))[path].cancels) - {"timeout"}


@pytest.mark.parametrize(
    ("root", "path", "cancels"),
    [
        (scope(step("a")), "a", {"cancel"}),
        (scope(step("a"), step("b")), "a", {"cancel", "failure"}),
        (scope(step("a"), step("b", edge(0))), "a", {"cancel"}),
        (scope(step("a"), step("b", edge(0))), "b", {"cancel", "failure"}),
        (scope(step("a"), step("b", edge(0, "failed"))), "b", {"cancel"}),
        (scope(step("a", optional=True), step("b", edge(0))), "b", {"cancel"}),
        (scope(step("a", verb=Race((Branch("x", only(uses())),)))), "a[x]", {"cancel", "race"}),
        (scope(step("a", verb=ForEach("x", "x", only(uses()), 3))), "a[]", {"cancel", "failure"}),
        (scope(step("a", verb=ForEach("x", "x", only(uses()), 3, fail_fast=False))), "a[]",
         {"cancel"}),
        (replace(scope(step("a", verb=Block(scope(step("b"))))), cancel_on_failure=True), "a.b",
         {"cancel", "failure"}),
        (replace(scope(step("a")), finally_=scope(step("z"))), "finally.z", set()),
        (replace(scope(step("a")), handlers=(Handler(only(uses())),)), "on_failure[1]", set()),
        (scope(step("a", compensation=only(uses()))), "a.compensate", set()),
    ],
)  # fmt: skip
def test_what_can_cancel_a_step(root: Scope, path: str, cancels: set[str]) -> None:
    """
    A person, another failure, another branch; nothing of that reaches the end of a scope.
    """
    assert cancels == _cancels(root, path)


def test_bounds_as_json() -> None:
    """
    Programs read the same numbers, durations as the language writes them.
    """
    made: Plan = plan(scope(step("a", condition="inputs.x", verb=Emit("e"))))

    assert {
        "adapter_calls": 0, "duration": "0s", "undoing": "0s", "fan_out": 0, "events": 1,
        "runs": 0,
        "per_step": [
            {"path": "a", "times": 1, "adapter_calls": 0, "duration": "0s", "fan_out": 0,
             "skips": [{"reason": "condition", "condition": "inputs.x"}],
             "cancels": ["cancel", "timeout"]}
        ],
    } == bounds.as_json(bounds.of(made))  # fmt: skip
