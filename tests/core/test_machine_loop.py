"""What `for_each` and `repeat` promise: which items and turns run, when, and what they give."""

from dataclasses import replace
from datetime import timedelta

import pytest

from engine.core import machine
from engine.core.plan import Block, Case, ForEach, Otherwise, Projection, Repeat, Scope, Switch
from engine.core.state import RunStatus
from engine.core.values import Json
from tests.core.runs import (
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
    plan,
    scope,
    states,
    step,
    tell,
    values,
)


def each(body: Scope | None = None, over: str = "inputs.all", **more: object) -> ForEach:
    made = ForEach(
        over, "it", body or only(), 100, collect=values(all="{{ items }}", bad="{{ failures }}")
    )
    return replace(made, **more)  # type: ignore[arg-type]


def test_items_run_a_few_at_a_time_and_are_collected_in_their_order() -> None:
    """
    `max_parallel` items are under way; the next begins when one ends; `items` keeps the order.
    """
    made = plan(scope(step("f", verb=each(max_parallel=2, key="it.k"))))
    run, decision = begin(made, all=[{"k": "fr"}, {"k": "no"}, {"k": 3}])

    assert ["f[fr]", "f[no]"] == launched(decision)
    assert ["f[3]"] == launched(tell(run, ok("f[no]", x=2)))
    assert tell(run, ok("f[3]", x=3), ok("f[fr]", x=1)).ended
    assert {"all": [{"x": 1}, {"x": 2}, {"x": 3}], "bad": {}} == run.steps["f"].outputs


@pytest.mark.parametrize(
    ("over", "key", "kind", "detail"),
    [
        ("[1, 1]", "it", "sark.expression", "'1' for two items"),
        ("[1, '1']", "it", "sark.expression", "'1' for two items"),
        ("[true]", "it", "sark.expression", "not bool"),
        ("[1.5]", "it", "sark.expression", "not float"),
        ("['']", "it", "sark.expression", "0 characters"),
        ("[inputs.long]", "it", "sark.expression", "201 characters"),
        ("[1]", "it.k", "sark.expression", ""),
        ("7", None, "sark.expression", "must give a list; it gave int"),
        ("inputs.none", None, "sark.expression", ""),
        ("inputs.many", None, "sark.too_many_items", "gave 101 items; `max_items` is 100"),
    ],
)
def test_a_list_that_cannot_be_gone_through_fails_before_any_item(
    over: str, key: str | None, kind: str, detail: str
) -> None:
    """
    Keys that clash, too many items and what is no list are errors, and nothing is launched.
    """
    made = plan(scope(step("f", verb=each(over=over, key=key))))
    run, decision = begin(made, long="x" * 201, many=[0] * 101)

    assert decision.ended
    assert [] == decision.launches
    assert kind == error(run)["type"]
    assert detail in str(error(run)["detail"])


def test_an_empty_list_gives_an_empty_collection() -> None:
    """
    No items is no error: nothing runs, and what is collected is empty.
    """
    run, decision = begin(plan(scope(step("f", verb=each()))), all=[])

    assert decision.ended
    assert {"all": [], "bad": {}} == run.steps["f"].outputs


def test_an_item_reads_its_element_its_key_and_the_steps_around_it() -> None:
    """
    The body of an item knows the element by its name, `key`, and the steps before the loop.
    """
    body = scope(
        step("a", verb=assign(x="{{ it }}/{{ key }}/{{ steps.o.outputs.x }}")),
        step("b", edge(0), verb=assign(y="{{ steps.a.outputs.x }}")),
    )
    outer = step("o", verb=assign(x="out"))
    run, _ = begin(plan(scope(outer, step("f", edge(0), verb=each(body)))), all=["p"])

    assert [{"a": {"x": "p/0/out"}, "b": {"y": "p/0/out"}}] == (run.steps["f"].outputs or {})["all"]

    told = replace(body, outputs=values(z="{{ steps.b.outputs.y }}"))
    run, _ = begin(plan(scope(outer, step("f", edge(0), verb=each(told)))), all=["p"])
    assert [{"z": "p/0/out"}] == (run.steps["f"].outputs or {})["all"]


@pytest.mark.parametrize(
    ("verb", "failing", "launches", "status", "kind"),
    [
        (each(), 1, 2, RunStatus.FAILED, "http.status"),
        (each(fail_fast=False), 1, 5, RunStatus.FAILED, "http.status"),
        (each(tolerate=1), 1, 5, RunStatus.SUCCEEDED, ""),
        (each(tolerate=1), 2, 3, RunStatus.FAILED, "sark.items"),
        (each(tolerate=1, fail_fast=False), 2, 5, RunStatus.FAILED, "sark.items"),
        (each(tolerate_percent=20.0), 1, 5, RunStatus.SUCCEEDED, ""),
        (each(tolerate_percent=39.9), 2, 3, RunStatus.FAILED, "sark.items"),
        (each(tolerate_percent=40.0), 2, 5, RunStatus.SUCCEEDED, ""),
    ],
)
def test_as_many_items_may_fail_as_are_tolerated(
    verb: ForEach, failing: int, launches: int, status: RunStatus, kind: str
) -> None:
    """
    One failure more than is tolerated ends the loop: at once, or with `fail_fast: false` at last.
    """
    loop = step("f", verb=replace(verb, max_parallel=2))
    run, decision = begin(plan(scope(loop)), all=[0] * 5)
    paths = launched(decision)
    for position in range(5):
        path = f"f[{position}]"
        if path in paths and not run.steps[path].ended:
            paths += launched(tell(run, no(path) if position < failing else ok(path)))

    assert launches == len(paths)
    assert status == machine.status(run)
    assert kind == (error(run)["type"] if kind else "")
    if not kind:
        assert ("degraded",) == machine.flags(run)
        bad = (run.steps["f"].outputs or {})["bad"]
        assert isinstance(bad, dict)
        assert [str(position) for position in range(failing)] == list(bad)


def test_fail_fast_cancels_what_is_under_way() -> None:
    """
    The other items are revoked, and the loop waits for none of them.
    """
    run, _ = begin(plan(scope(step("f", verb=each()))), all=[1, 2, 3])
    decision = tell(run, ok("f[2]"), no("f[0]"))

    assert ["f[1]"] == decision.revoked
    assert decision.ended
    assert "failure" == run.steps["f[1]"].reason
    assert "f[0]" == error(run)["step"]


def test_a_collection_that_does_not_fit_fails_the_loop() -> None:
    """
    `collect` is checked as every value is.
    """
    run, decision = begin(
        plan(scope(step("f", verb=each(collect=values(x="{{ no.such }}"))))), all=[]
    )

    assert decision.ended
    assert "sark.output" == error(run)["type"]


def test_no_two_lists_of_keys_give_one_path() -> None:
    """
    A key may hold any character; loops within loops never take one item for another.
    """
    inner = scope(step("b", verb=each(over="it.l", key="it", name="it")))
    made = plan(scope(step("a", verb=each(inner, key="it.k"))))
    run, decision = begin(made, all=[{"k": "1].b[2", "l": ["3"]}, {"k": "1", "l": ["2].b[3"]}])
    paths = launched(decision)

    assert 2 == len(set(paths))
    assert ["a[1]].b[2].b[3]", "a[1].b[2]].b[3]"] == paths
    assert tell(run, *map(ok, paths)).ended


def test_a_loop_within_its_time() -> None:
    """
    `timeout.total` of a loop ends every item that is under way, and the next ones never begin.
    """
    run, decision = begin(
        plan(scope(step("f", verb=each(max_parallel=2), timeout=TOTAL))), all=[1, 2, 3]
    )
    told = tell(run, alarm(decision, "f"))

    assert ["f[0]", "f[1]"] == told.revoked
    assert told.ended
    assert "sark.timeout" == error(run)["type"]
    assert "f[2]" not in run.steps


def again(until: str, **more: object) -> Repeat:
    made = Repeat(only(), until, 3, timedelta(seconds=5))
    return replace(made, **more)  # type: ignore[arg-type]


def test_a_turn_follows_another_until_it_is_done() -> None:
    """
    `repeat` pauses for `every` between turns, with no worker, and gives what the last turn gave.
    """
    run, decision = begin(plan(scope(step("r", verb=again("self.outputs.n == 2")))))

    assert ["r[1]"] == launched(decision)
    pause = tell(run, ok("r[1]", n=1))
    assert "waiting" == states(run)["r"]
    assert RunStatus.WAITING == machine.status(run)
    due = alarm(pause, "r")
    assert ["r[2]"] == launched(tell(run, due))
    assert tell(run, due).echo
    assert tell(run, ok("r[1]", n=2)).echo
    assert tell(run, ok("r[2]", n=2)).ended
    assert {"n": 2} == run.steps["r"].outputs


def test_a_turn_reads_its_number_and_the_turn_before() -> None:
    """
    The body reads `turn`, from 1, and `last`; the outputs of the step are read from `last`.
    """
    body = only(assign(n="{{ turn }}", seen="{{ last }}"))
    verb = again("self.outputs.n == 2", body=body, every=timedelta(0))
    out = Projection("count", "last.n", {"type": "integer"})
    run, decision = begin(plan(scope(step("r", verb=verb, outputs=(out,)))))
    assert tell(run, alarm(decision, "r")).ended

    assert {"count": 2} == run.steps["r"].outputs
    assert {"n": 2, "seen": {"n": 1, "seen": {}}} == run.steps["r[2]"].outputs


@pytest.mark.parametrize(
    ("until", "otherwise", "expected"),
    [
        ("false", Otherwise.FAIL, "sark.exhausted"),
        ("false", Otherwise.CONTINUE, ""),
        ("1", Otherwise.FAIL, "sark.expression"),
        ("self.no", Otherwise.FAIL, "sark.expression"),
    ],
)
def test_turns_end_after_the_last_that_is_allowed(
    until: str, otherwise: Otherwise, expected: str
) -> None:
    """
    After `max_times` the step fails, or goes on with what it has; `until` must be true or false.
    """
    verb = again(until, on_exhausted=otherwise, max_times=1)
    run, _ = begin(plan(scope(step("r", verb=verb))))

    assert tell(run, ok("r[1]", n=1)).ended
    assert expected == (run.error or {"type": ""})["type"]
    assert ({"n": 1} if not expected else None) == run.steps["r"].outputs


def test_a_turn_that_fails_ends_the_loop_and_outputs_must_fit() -> None:
    """
    The error of a turn is that of the step; so is an output that cannot be read.
    """
    run, _ = begin(plan(scope(step("r", verb=again("true")))))
    assert tell(run, no("r[1]")).ended
    assert "r[1]" == error(run)["step"]

    out = Projection("x", "last.nothing", {})
    run, _ = begin(plan(scope(step("r", verb=again("true"), outputs=(out,)))))
    assert tell(run, ok("r[1]")).ended
    assert "sark.output" == error(run)["type"]


def test_loops_may_hold_loops() -> None:
    """
    An item may be a block with a switch that repeats: each keeps its own place.
    """
    body = scope(step("s", verb=Switch((Case(only(again("true")), 1),), "it", only(assign(x=0)))))
    nested = scope(step("in", verb=Block(body)))
    run, decision = begin(plan(scope(step("f", verb=each(nested)))), all=[1, 2])

    assert ["f[0].in.s.case[1]"] == launched(decision)
    assert tell(run, ok("f[0].in.s.case[1]"), after=SECOND).ended
    assert RunStatus.SUCCEEDED == machine.status(run)


def test_a_json_null_in_a_list_is_an_item() -> None:
    """
    An element may be anything, null too.
    """
    run, decision = begin(plan(scope(step("f", verb=each(only(assign(x="{{ it }}")))))), all=[None])

    nothing: Json = None
    assert decision.ended
    assert [{"x": nothing}] == (run.steps["f"].outputs or {})["all"]
