"""Verbs that open one scope, and those that are done in a turn: what they read and what leaves."""

from dataclasses import replace
from uuid import UUID

import pytest

from engine.core import machine
from engine.core.event import Cancel
from engine.core.machine import Emission, Starting
from engine.core.plan import Block, Call, Case, Emit, Fail, Scope, Start, Step, Switch, Verb
from engine.core.state import RunStatus
from engine.core.values import Json
from tests.core.runs import (
    HOUR,
    SECOND,
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
    values,
)


def test_only_outputs_leave_a_block() -> None:
    """
    A block gives what its `outputs` say, and no step outside reads those within.
    """
    inner = replace(
        scope(step("a"), step("b", edge(0))), outputs=values(y="{{ steps.a.outputs.x }}")
    )
    reads = step("c", edge(0), verb=assign(b="{{ steps.b.outputs }}", a="{{ steps.a }}"))
    run, decision = begin(plan(scope(step("b", verb=Block(inner)), reads)))

    assert ["b.a"] == launched(decision)
    assert ["b.b"] == launched(tell(run, ok("b.a", x=3)))
    tell(run, ok("b.b"))
    assert {"y": 3} == run.steps["b"].outputs
    assert "failed" == states(run)["c"]
    assert "sark.expression" == error(run)["type"]


def test_a_step_within_reads_the_steps_around_it_the_nearest_first() -> None:
    """
    `steps.<id>` is the step of that name in the block, else in the one around it.
    """
    inner = scope(
        step("a", verb=assign(x="inner")),
        step("z", edge(0), verb=assign(x="{{ steps.a.outputs.x }}-{{ steps.o.outputs.x }}")),
    )
    run, _ = begin(
        plan(
            scope(
                step("a", verb=assign(x="outer")),
                step("o", verb=assign(x="far")),
                step("b", edge(0), edge(1), verb=Block(inner)),
            )
        )
    )

    assert {"x": "inner-far"} == run.steps["b.z"].outputs


def test_a_block_that_is_too_slow_fails_alone() -> None:
    """
    When a block's time is over its steps end and it fails; what is beside it goes on.
    """
    slow = step(
        "b", verb=Block(scope(step("a"), step("c", edge(0)), timeout=SECOND)), optional=True
    )
    run, decision = begin(plan(scope(slow, step("other"))))
    told = tell(run, alarm(decision, "b."))

    assert ["b.a"] == told.revoked
    assert {"b": "failed", "b.a": "cancelled", "b.c": "cancelled", "other": "running"} == states(
        run
    )
    assert "the time of b is over" == (run.steps["b"].error or {})["detail"]
    assert run.steps["b"].timed_out
    assert tell(run, alarm(decision, "b.")).echo
    assert tell(run, ok("other")).ended


def called(*steps: Step, inputs: Json, arguments: Json, **outputs: Json) -> Call:
    body = replace(scope(*steps), outputs=values(**outputs))
    return Call("other", arguments, inputs, body)


INPUTS: Json = {
    "type": "object",
    "properties": {"n": {"type": "integer"}, "by": {"default": "{{ trigger.type }}"}},
    "required": ["n"],
    "additionalProperties": False,
}


def test_a_called_workflow_reads_its_own_inputs_and_no_step_of_the_caller() -> None:
    """
    A call hands over `with`, fills in defaults, and gives back the workflow's outputs.
    """
    made = called(
        step("x", verb=assign(n="{{ inputs.n + 1 }}", by="{{ inputs.by }}", id="{{ run.id }}")),
        inputs=INPUTS, arguments={"n": "{{ inputs.day }}"}, n="{{ steps.x.outputs.n }}",
    )  # fmt: skip
    run, decision = begin(plan(scope(step("a", verb=made))), day=7)

    assert decision.ended
    assert {"n": 8, "by": "call", "id": "0198-run"} == run.steps["a.x"].outputs
    assert {"n": 8} == run.steps["a"].outputs

    peeks = called(step("x", condition="steps.b.succeeded"), inputs=INPUTS, arguments={"n": 1})
    run, _ = begin(plan(scope(step("b", verb=assign(x=1)), step("a", edge(0), verb=peeks))))
    assert "failed" == states(run)["a.x"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"n": "seven"}, "/n: expected an integer"),
        ({"n": 1, "more": 2}, "more"),
        ({}, "n"),
        ("{{ inputs.list }}", "the inputs must be an object"),
    ],
)
def test_a_call_with_inputs_that_do_not_fit_fails_and_says_where(
    arguments: Json, expected: str
) -> None:
    """
    What the called workflow does not take is refused before any of its steps begins.
    """
    made = called(step("x"), inputs=INPUTS, arguments=arguments)
    run, decision = begin(plan(scope(step("a", verb=made))), list=[1])

    assert decision.ended
    assert [] == decision.launches
    assert expected in str(error(run)["detail"])


def test_a_detached_call_starts_a_run_that_nobody_waits_for() -> None:
    """
    `detach: true` gives the id of the new run, which follows from the path: told twice, one run.
    """
    made = plan(scope(step("a", verb=Start("other", {"n": "{{ inputs.n }}"}))))
    run, decision = begin(made, n=2)
    _, again = begin(made, n=2)

    [told] = decision.starts
    assert Starting("a", str(UUID(told.run)), "other", {"n": 2}) == told
    assert decision.starts == again.starts
    assert {"run": told.run} == run.steps["a"].outputs


CASES = (
    Case(only(assign(x="one")), 1),
    Case(only(assign(x="text")), "1"),
    Case(only(assign(x="yes")), True),
)
CONDITIONS = (
    Case(only(assign(x="big")), condition="inputs.n > 10"),
    Case(only(assign(x="some")), condition="inputs.n > 1"),
)


@pytest.mark.parametrize(
    ("verb", "value", "expected"),
    [
        (Switch(CASES, "inputs.n"), 1, "one"),
        (Switch(CASES, "inputs.n"), "1", "text"),
        (Switch(CASES, "inputs.n"), True, "yes"),
        (Switch(CASES, "inputs.n", only(assign(x="else"))), 2, "else"),
        (Switch(CASES, "inputs.n"), 2, "sark.no_case"),
        (Switch(CASES, "inputs.m"), 2, "sark.expression"),
        (Switch(CONDITIONS), 11, "big"),
        (Switch(CONDITIONS), 2, "some"),
        (Switch(CONDITIONS), 0, "sark.no_case"),
        (Switch((Case(only(), condition="inputs.n"),)), 0, "sark.expression"),
    ],
)
def test_a_switch_takes_the_first_case_that_is_met(verb: Verb, value: Json, expected: str) -> None:
    """
    A case is met by an equal value of the same type, or by its condition; else `else`, or it fails.
    """
    run, decision = begin(plan(scope(step("a", verb=verb))), n=value)

    assert decision.ended
    told = run.steps["a"]
    assert expected == (told.outputs["x"] if told.outputs else (told.error or {})["type"])


def test_an_emitted_event_leaves_once_with_its_data() -> None:
    """
    `emit` lets an event out in the turn in which it is reached.
    """
    verb = Emit("shop.paid", "order/{{ inputs.n }}", {"n": "{{ inputs.n }}"})
    run, decision = begin(plan(scope(step("a", verb=verb), step("b", verb=Emit("x")))), n=4)

    assert [
        Emission("a", "shop.paid", "order/4", {"n": 4}),
        Emission("b", "x", None, None),
    ] == decision.emissions
    assert {"a": "succeeded", "b": "succeeded"} == states(run)


def test_fail_raises_the_authors_own_error() -> None:
    """
    `fail` ends its block with the type and the words that the author gave.
    """
    run, decision = begin(
        plan(scope(step("a", verb=Fail("shop.{{ inputs.n }}", "no {{ inputs.n }}")))), n=1
    )

    assert decision.ended
    assert ("shop.1", "no 1", "a") == tuple(error(run)[key] for key in ("type", "detail", "step"))


def test_a_block_within_blocks_forty_deep_runs_fails_and_is_cancelled() -> None:
    """
    Forty levels of blocks run to the end, hand the innermost error up, and end on a cancellation.
    """
    made: Scope = scope(step("x", compensation=only()), step("y", edge(0)))
    for _ in range(39):
        made = replace(scope(step("b", verb=Block(made))), outputs=values(x=1))
    path = "b." * 39

    run, decision = begin(replace(plan(made), root=made))
    assert [f"{path}x"] == launched(decision)
    assert tell(run, ok(f"{path}x"), ok(f"{path}y")).ended
    assert RunStatus.SUCCEEDED == machine.status(run)
    assert {"x": 1} == run.outputs

    for ended in (no(f"{path}y"), Cancel("ann", "")):
        run, _ = begin(replace(plan(made), root=made))
        assert [f"{path}x.compensate"] == launched(tell(run, ok(f"{path}x"), ended))
        assert tell(run, ok(f"{path}x.compensate")).ended
        assert not run.scopes
        assert not run.active


def test_an_empty_block_ends_at_once() -> None:
    """
    A block without steps gives its outputs.
    """
    empty = Scope((), HOUR, values(x=1))
    run, decision = begin(plan(scope(block("a", step("b")), step("c", verb=Block(empty)))))

    assert ["a.b"] == launched(decision)
    assert {"x": 1} == run.steps["c"].outputs


def test_a_case_of_one_verb_is_a_step_of_its_own() -> None:
    """
    The switch and the verb of the case that it takes are told apart in the run.
    """
    verb = Switch((Case(only(), 1),), "1")
    run, decision = begin(plan(scope(step("act", verb=verb))))

    assert ["act.case"] == launched(decision)
    tell(run, ok("act.case"))
    assert {"act": "succeeded", "act.case": "succeeded"} == states(run)
