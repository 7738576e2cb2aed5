"""A plan made ready to run: what its texts come to over a run's names."""

import pytest

from engine.core.binding import Bound, BoundSet, evaluate, project
from engine.core.expression import UndefinedError
from engine.core.plan import (
    Assignment,
    Cache,
    Concurrency,
    Effect,
    Plan,
    Projection,
    Rate,
    Retry,
    Set,
    Step,
    Uses,
)
from engine.core.values import Json
from tests.core.runs import HOUR, assign, plan, scope, step

NAMES: dict[str, Json] = {"inputs": {"order": 7}}
CALL = Uses(
    "http.request@1",
    {"url": "https://shop.example/{{ inputs.order }}", "json": {"n": "{{ inputs.order }}"}},
    Effect.WRITE,
    repeatable=True,
    key="refund-{{ inputs.order }}",
)


def only(made: Step) -> Bound:
    return Bound(plan(scope(made)))


def test_a_call_is_ready_with_arguments_key_and_outputs() -> None:
    """
    What the author wrote in `with`, `idempotency.key` and `outputs` is filled from the run.
    """
    [bound] = only(
        step("refund", verb=CALL, outputs=(Projection("id", "body.id", {"type": "integer"}),))
    ).root.steps

    assert {"url": "https://shop.example/7", "json": {"n": 7}} == bound.arguments.evaluate(NAMES)
    assert bound.key is not None
    assert "refund-7" == bound.key.evaluate(NAMES)
    [output] = bound.projections
    assert ("id", 3) == (output.name, output.source.evaluate({"body": {"id": 3}}))
    assert [] == output.validator.problems(3)
    assert ['expected an integer, found "x"'] == [
        told for _, told in output.validator.problems("x")
    ]


@pytest.mark.parametrize("declared", ["null", ["string", "null"], ("string", "null")])
def test_an_output_that_may_be_null_is_null_where_nothing_is(declared: Json) -> None:
    """
    Who says that an output may be null asks for what may not be there.
    """
    told = Projection("last", "items[0].id", {"type": declared})
    [bound] = only(step("runs", verb=CALL, outputs=(told,))).root.steps

    assert {"last": None} == project(bound.projections, {"items": []})


@pytest.mark.parametrize("declared", [{"type": "string"}, {"type": ["string"]}, {}, True])
def test_an_output_that_may_not_be_null_must_be_there(declared: Json) -> None:
    """
    What an author counts on and does not get is an error.
    """
    told = Projection("last", "items[0].id", declared)
    [bound] = only(step("runs", verb=CALL, outputs=(told,))).root.steps

    with pytest.raises(UndefinedError):
        project(bound.projections, {"items": []})


def test_a_call_without_a_key_leaves_it_to_the_engine() -> None:
    """
    Who says nothing of `idempotency` gets a key of the engine's own.
    """
    [bound] = only(step("plain")).root.steps

    assert (None, ()) == (bound.key, bound.projections)


def test_pure_values_call_nothing() -> None:
    """
    A `set` has values and neither arguments nor key.
    """
    [bound] = only(step("sum", verb=assign(x="{{ inputs.order + 1 }}"))).root.steps

    assert isinstance(bound.verb, BoundSet)
    assert {"x": 8} == evaluate(bound.verb.values, NAMES)
    assert ({}, None, ()) == (bound.arguments.evaluate(NAMES), bound.key, bound.projections)


def test_a_value_of_another_type_is_refused_by_name() -> None:
    """
    A value that is not as its schema says stops the run there, with its name and place.
    """
    typed = Assignment("sizes", ["{{ inputs.order }}", "x"], {"items": {"type": "integer"}})
    [bound] = only(step("sum", verb=Set((typed,)))).root.steps

    assert isinstance(bound.verb, BoundSet)
    with pytest.raises(ValueError, match="sizes/1: expected an integer"):
        evaluate(bound.verb.values, NAMES)


def test_conditions_are_ready_where_there_are_some() -> None:
    """
    `if` and `retry.if` are expressions over the run; a step has none unless it says so.
    """
    retry = Retry(3, condition="error.status == 503")
    said, unsaid = scope(step("a", condition="inputs.order > 5", retry=retry), step("b")).steps
    first, second = Bound(plan(scope(said, unsaid))).root.steps

    assert first.condition is not None
    assert first.retry_condition is not None
    assert first.condition.evaluate(NAMES) is True
    assert first.retry_condition.evaluate({"error": {"status": 404}}) is False
    assert (None, None) == (second.condition, second.retry_condition)


def test_inputs_are_judged_by_the_plan() -> None:
    """
    A run is not started with inputs that the workflow does not take.
    """
    schema: Json = {"type": "object", "properties": {"n": {"type": "integer"}}}
    bound = Bound(Plan("demo", "demo.yaml", schema, scope(step("a"), timeout=HOUR)))

    assert [] == bound.inputs.problems({"n": 1})
    assert [] != bound.inputs.problems({"n": "1"})


def test_what_a_step_shares_is_named_by_the_run() -> None:
    """
    The key of a cache and the groups of a rate and of slots are filled from the run.
    """
    name = "n-{{ inputs.order }}"
    [bound] = only(
        step(
            "call", verb=CALL, cache=Cache(HOUR, [name]), rate=Rate(name, 1, HOUR),
            concurrency=Concurrency(name),
        )
    ).root.steps  # fmt: skip

    assert ["n-7"] == bound.cache_key.evaluate(NAMES)
    assert "n-7" == bound.rate_group.evaluate(NAMES) == bound.slot_group.evaluate(NAMES)


def test_who_goes_first_is_told_by_the_step() -> None:
    """
    The level and the fair key of a step are filled from the run; where nothing is said is nothing.
    """
    told: Json = {"priority": {"level": "{{ 'high' }}", "fair_key": "n-{{ inputs.order }}"}}
    steps = step("a", settings=told), step("b", settings={"env": {}}), step("c")
    full, half, none = (only(each).root.steps[0] for each in steps)

    assert full.level is not None
    assert full.fair_key is not None
    assert ("high", "n-7") == (full.level.evaluate(NAMES), full.fair_key.evaluate(NAMES))
    assert [None] * 4 == [half.level, half.fair_key, none.level, none.fair_key]
