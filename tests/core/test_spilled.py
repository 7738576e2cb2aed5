"""Values that are passed by reference: what a run does with them, and what it refuses."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import machine, replay, schema
from engine.core.attempt import attempt_of
from engine.core.binding import Bound, BoundStep
from engine.core.codec import decode as decode_plan
from engine.core.codec import encode as encode_plan
from engine.core.event import Row, Succeeded, from_row, to_row
from engine.core.expression import EvaluationError, compile_value, parse_expression
from engine.core.expression.budget import MAX_OUTPUT
from engine.core.handout import packed, place_of, unpacked
from engine.core.kind import kind
from engine.core.plan import (
    Approve,
    Assignment,
    Await,
    Effect,
    Emit,
    ForEach,
    Plan,
    Pool,
    Projection,
    Set,
    Start,
    Step,
    Switch,
    Uses,
    Wait,
)
from engine.core.plan.place import step_at
from engine.core.run import Run
from engine.core.spilled import (
    KEPT,
    ByReference,
    Spilled,
    chosen,
    decode,
    encode,
    filled,
    found,
    parted,
)
from engine.core.state import RunStatus, StepState
from engine.core.values import Json
from engine.core.whatif import Kind, Recording
from tests.core.runs import HOUR, NOW, SECOND, begin, edge, header, only, plan, scope, step
from tests.core.whatif.recording import judge, record, told

BODY = Spilled("a" * 64, "body", 5_000_000, "object")
FETCHED = Succeeded("fetch", 1, {"status": 200}, spilled={"body": BODY})
ALL = "{{ steps.fetch.outputs.body }}"
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 53), 1 << 53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
REFERENCES = st.builds(
    Spilled, st.text("0123456789abcdef", min_size=64, max_size=64), st.text(),
    st.integers(1, 1 << 40),
    st.sampled_from(("object", "array", "string")),
)  # fmt: skip


def sends(argument: str) -> Uses:
    return Uses("http.request@1", {"json": argument}, Effect.PURE, repeatable=True)


def after(*steps: Step, **outputs: Any) -> Run:
    """Return a run whose `fetch` gave a body by reference, and what follows of that."""
    run, _ = begin(plan(scope(step("fetch"), *steps), **outputs))
    machine.advance(run, FETCHED, NOW + SECOND)
    return run


def then(verb: Any, **more: object) -> Step:
    return step("next", edge(0, data=True), verb=verb, **more)


def typed(value: str, told: Json) -> Set:
    return Set((Assignment("x", value, told),))


@given(st.dictionaries(st.text(), JSON), st.dictionaries(st.text(), REFERENCES, min_size=1))
def test_a_reference_goes_through_the_journal(outputs: dict[str, Any], spilled: Any) -> None:
    """
    What is read back from the journal's bytes is what was written, references among it.
    """
    event = Succeeded("a", 1, outputs, {}, False, spilled)
    row = to_row(event, 1, NOW)

    read = from_row(replace(row, data=orjson.loads(orjson.dumps(row.data))))

    assert event == read
    assert [(e.name, e.bytes, e.kind) for e in spilled.values()] == [
        (e.name, e.bytes, e.kind) for e in read.spilled.values()
    ]


@given(st.dictionaries(st.text(), JSON))
def test_data_never_becomes_a_reference(outputs: dict[str, Any]) -> None:
    """
    Whatever a service answers is data: no words in it make a reference of it, on any way.
    """
    forged = {**outputs, "body": encode(BODY), "spilled": {"body": encode(BODY)}}

    for artifacts in ({}, {"f": encode(BODY)}):
        row = to_row(Succeeded("a", 1, forged, artifacts), 1, NOW)
        read = from_row(replace(row, data=orjson.loads(orjson.dumps(row.data))))

        assert Succeeded("a", 1, forged, artifacts) == read
        assert [] == found(read.outputs)


@pytest.mark.parametrize(
    "data", [{}, {"spilled": []}, {"spilled": {"x": {"artifact": "a"}}}, {"spilled": {"x": None}}]
)
def test_a_row_without_its_references_is_refused(data: dict[str, Json]) -> None:
    """
    A damaged journal is no other run: it is not read.
    """
    told = {"outputs": {}, "artifacts": {}, "cached": False, **data}

    with pytest.raises(ValueError, match="reference"):
        from_row(Row(1, NOW, "spilled", "a", 1, told))


@given(st.dictionaries(st.text(min_size=1), st.text(max_size=200_000), max_size=6))
def test_the_largest_go_first_and_the_rest_fits(outputs: dict[str, Any]) -> None:
    """
    As few values as can be are passed by reference, and none where all fit.
    """
    names = chosen(outputs)
    rest = {name: each for name, each in outputs.items() if name not in names}
    sizes = {name: len(orjson.dumps(each)) for name, each in outputs.items()}

    assert len(orjson.dumps(rest)) <= KEPT
    assert bool(names) == (len(orjson.dumps(outputs)) > KEPT)
    assert all(sizes[name] >= sizes[other] for name in names for other in rest)


def test_more_than_fits_may_be_left() -> None:
    """
    Names alone can be too much: then all values go, and whoever asked sees that it is not enough.
    """
    outputs: dict[str, Json] = {"k" * KEPT: 1, "x": "y" * 10}

    assert ["x", "k" * KEPT] == chosen(outputs)


def test_a_value_is_put_in_the_place_of_a_reference() -> None:
    """
    References are found wherever they stand, and what is filled in changes nothing that is shared.
    """
    names: dict[str, Any] = {"a": {"b": [1, BODY, "x"]}, "c": BODY, "d": {"e": 1}}

    told = filled(names, ((path, "here") for path, _ in found(names)))

    assert {("a", "b", 1), ("c",)} == {path for path, _ in found(names)}
    assert {"a": {"b": [1, "here", "x"]}, "c": "here", "d": {"e": 1}} == told
    assert names["d"] is told["d"]
    assert names["a"]["b"][1] is BODY
    assert {"x": 0, "y": 1} == filled({}, [(("x",), 0), (("y",), 1)])
    assert {"a": {"b": 1, "c": 2}} == filled({"a": {}}, [(("a", "b"), 1), (("a", "c"), 2)])


def test_a_reference_is_told_as_any_artifact() -> None:
    """
    The API shows what can be downloaded: digest, name, type and size.
    """
    reference = {
        "artifact": "a" * 64, "name": "body", "media_type": "application/json", "bytes": 5_000_000,
    }  # fmt: skip

    assert ({"status": 200}, {"body": reference}) == parted({"status": 200, "body": BODY})
    assert decode(encode(BODY)).kind == "object"


@pytest.mark.parametrize(
    "use",
    [
        bool, len, iter, str, kind,
        lambda value: value["x"],
        lambda value: value < 1,
        lambda value: value == 1,
    ],
)  # fmt: skip
def test_nothing_is_taken_for_what_is_not_at_hand(use: Any) -> None:
    """
    A reference has no parts, no order and no truth: it is not mistaken for an empty value.
    """
    with pytest.raises(ByReference, match=r"'body' is passed by reference, .* 5,000,000 bytes"):
        use(BODY)


def test_references_are_equal_by_content() -> None:
    """
    Two references to one content are one, whatever they are called.
    """
    other = Spilled("b" * 64, "body", 5_000_000, "object")

    assert {BODY, other} == {replace(BODY, name="x"), other, BODY}
    assert other != BODY


@pytest.mark.parametrize(
    "text",
    [
        "steps.fetch.outputs.body.id", "steps.fetch.outputs.body[0]",
        "not steps.fetch.outputs.body",
        "steps.fetch.outputs.body == 1", "steps.fetch.outputs.body | length",
        "steps.fetch.outputs.body | default(1)", "steps.fetch.outputs.body.x | default(1)",
        "[steps.fetch.outputs.body]", "steps.fetch.outputs[inputs.key] == 1",
        "[steps.fetch.outputs] | map(attribute='body')", "[steps.fetch.outputs] | tojson",
        "[steps.fetch.outputs] | select('body')", "[steps.fetch.outputs] | sort(attribute='body')",
        "([steps.fetch.outputs] | map(attribute='body') | first) == 1",
        "steps.fetch.outputs == {'status': 200, 'body': 1}", "'x' in steps.fetch.outputs.body",
        "'' ~ steps.fetch.outputs.body",
    ],
)  # fmt: skip
def test_an_expression_cannot_look_into_it(text: str) -> None:
    """
    The owner of a run holds no such value: an expression that would need it says what to do.
    """
    names = {
        "steps": {"fetch": {"outputs": {"status": 200, "body": BODY}}},
        "inputs": {"key": "body"},
    }

    try:
        expression = parse_expression(text)
    except Exception:
        pytest.fail(f"{text} is no expression")
    with pytest.raises(ByReference, match="take what is needed of it where it comes from"):
        expression.evaluate(names)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("steps.fetch.outputs.body", {"id": "7", "list": [1, 2]}),
        ("steps.fetch.outputs.body.id", "7"),
        ("steps.fetch.outputs.body.list | length", 2),
        ("steps.fetch.outputs.body['i' + 'd']", "7"),
        ("steps.fetch.outputs[inputs.key]", {"id": "7", "list": [1, 2]}),
        ("steps.fetch.outputs.body | default(1)", {"id": "7", "list": [1, 2]}),
        ("steps.fetch.outputs.body.no | default(1)", 1),
        ("steps.fetch.outputs.body is defined", True),
    ],
)
def test_who_has_the_content_reads_it(text: str, expected: Json) -> None:
    """
    Arguments of a call read a value as if it had never been passed by reference.
    """
    content: Any = {"id": "7", "list": [1, 2]}
    names = {
        "steps": {"fetch": {"outputs": {"body": replace(BODY, content=content)}}},
        "inputs": {"key": "body"},
    }

    assert expected == parse_expression(text).evaluate(names)
    assert {"x": expected} == compile_value({"x": f"{{{{ {text} }}}}"}).evaluate(names)


def test_a_whole_value_has_no_budget_of_an_expression() -> None:
    """
    What is passed on whole may be larger than anything that an expression may make.
    """
    large = "x" * (MAX_OUTPUT + 1)
    names = {"body": replace(BODY, content=large), "plain": large}

    assert {"x": large} == compile_value({"x": "{{ body }}"}).evaluate(names)
    for text in ("{{ plain }}", "{{ body + '' }}"):
        with pytest.raises(EvaluationError, match="larger than"):
            compile_value({"x": text}).evaluate(names)


def test_what_is_not_there_is_told_as_ever() -> None:
    """
    A part that a value has not is undefined, though the value was passed by reference.
    """
    names = {"body": replace(BODY, content={"id": 1})}

    with pytest.raises(EvaluationError, match=r"`body` is an object, with no `no`"):
        parse_expression("body.no").evaluate(names)


def test_a_later_step_reads_the_small_part() -> None:
    """
    Of a step that gave a large value everything else is read as ever.
    """
    run = after(then(typed("{{ steps.fetch.outputs.status }}", {"type": "integer"})))

    assert {"x": 200} == run.steps["next"].outputs


@pytest.mark.parametrize("told", [{}, {"type": "object"}, {"type": ["object", "null"]}])
def test_a_value_is_handed_on_whole(told: Json) -> None:
    """
    `set` and `outputs` pass the reference on, and the run's own outputs show it.
    """
    run = after(then(typed(ALL, told)), body="{{ steps.next.outputs.x }}", n=1)

    assert {"x": BODY} == dict[str, object](run.steps["next"].outputs or {})
    assert RunStatus.SUCCEEDED is run.outcome
    assert {"body": BODY.told(), "n": 1} == run.outputs


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ({"type": "array"}, "expected an array, found an object"),
        ({"type": "object", "required": ["id"]}, "nothing but its type can be checked"),
        (True, ""),
    ],
)
def test_the_type_of_what_is_handed_on_is_checked(declared: Json, words: str) -> None:
    """
    A type that cannot be true, or cannot be checked, fails the step and says why.
    """
    [*problems] = schema.validator(declared).problems(BODY)

    assert words in "".join(problem for _, problem in problems)
    assert bool(words) == bool(problems)


@pytest.mark.parametrize(
    "verb",
    [
        typed("{{ [steps.fetch.outputs.body] }}", {}),
        typed("{{ steps.fetch.outputs }}", {}),
        Emit("made", None, {"x": ALL}),
        Emit("made", ALL, {}),
        Start("other", {"x": ALL}),
        Wait(ALL),
        Switch((), "steps.fetch.outputs.body", only()),
        ForEach("steps.fetch.outputs.body", "each", only(), 10),
        Await(HOUR, "paid", correlation=("data.x", "steps.fetch.outputs.body")),
        Await(HOUR, "paid", correlation=("data.x", "steps.fetch.outputs")),
        Approve(("user:ann",), HOUR, binds=(Assignment("x", ALL, {}),)),
    ],
)
def test_what_leaves_the_run_takes_no_reference(verb: Any) -> None:
    """
    Events, other runs, people and the branches of a run get values: the step fails, and says so.
    """
    run = after(then(verb))

    error = run.steps["next"].error or {}
    assert (StepState.FAILED, "permanent") == (run.steps["next"].state, error["class"])
    assert "'body' is passed by reference" in str(error["detail"])


def test_a_condition_on_it_fails_the_step() -> None:
    """
    A condition is never false for want of a value.
    """
    run = after(then(typed("1", {}), condition="steps.fetch.outputs.body.ok"))

    assert StepState.FAILED is run.steps["next"].state


def test_a_run_is_the_same_after_a_replay() -> None:
    """
    Rebuilt from its journal's bytes a run is what it was, byte for byte.
    """
    made = plan(scope(step("fetch"), then(typed(ALL, {}))), body="{{ steps.next.outputs.x }}")
    run, _ = begin(made)
    machine.advance(run, FETCHED, NOW + SECOND)
    row = to_row(FETCHED, 1, NOW + SECOND)
    row = replace(row, data=orjson.loads(orjson.dumps(row.data)))

    again = replay.replay(Bound(made), header(), NOW, [row])

    assert replay.snapshot(run) == replay.snapshot(again)
    [told, _] = replay.steps(again)
    assert ({"status": 200}, {"body": BODY.told()}) == (told["outputs"], told["spilled"])


@pytest.mark.parametrize(
    "text", [ALL, "{{ steps.fetch.outputs }}", "{{ steps.fetch.outputs.body.id }}"]
)
def test_a_reference_goes_to_workers_of_a_pool(text: str) -> None:
    """
    Whoever makes an attempt far away gets the reference, and the message holds no value.
    """
    one = then(sends(text), terms=Pool(), pool="fast")
    made = plan(scope(step("fetch"), one))
    run, _ = begin(made)
    [launch] = machine.advance(run, FETCHED, NOW + SECOND).launches
    attempt = attempt_of(run, launch)
    body = packed(attempt, run.bound.places[id(launch.step.plan)])
    body = orjson.loads(orjson.dumps(body))
    bound = BoundStep(step_at(decode_plan(encode_plan(made)), place_of(body)), 0)

    told = unpacked(bound, (), attempt.run, "local", "next", 1, body, HOUR)

    assert "names" not in body  # a worker that knows no references leaves it to others
    assert told.spills
    assert [BODY] == [each for _, each in found(told.names)]


def test_what_reads_none_goes_out_as_ever() -> None:
    """
    A step that reads nothing large is handed out like any other, whatever its run holds.
    """
    made = plan(scope(step("fetch"), then(sends("{{ steps.fetch.outputs.status }}"), terms=Pool())))
    run, _ = begin(made)
    [launch] = machine.advance(run, FETCHED, NOW + SECOND).launches

    body = packed(attempt_of(run, launch), "/root/steps/1")

    assert {"steps": {"fetch": {"outputs": {"status": 200}}}} == body["names"]


def recorded(text: str, *outputs: Projection) -> tuple[Plan, Recording]:
    made = plan(scope(step("fetch", outputs=outputs), then(sends(text))))
    return made, record(made, FETCHED, Succeeded("next", 1, {}))


def test_a_recorded_run_is_played_without_the_values() -> None:
    """
    The same call of the same values is known to end as it did; one of other words is not.
    """
    made, recording = recorded(ALL)
    other, _ = recorded("{{ steps.fetch.outputs.body.id }}")

    assert (Kind.SAME, "", "") == told(judge(made, recording))
    kind, place, why = told(judge(other, recording))
    assert ("next", True) == (place, "arguments differ" in why), kind


def test_other_outputs_of_what_is_not_at_hand_are_not_guessed() -> None:
    """
    Another part of a value that was passed by reference is not in the recording.
    """
    _, recording = recorded(ALL)
    other, _ = recorded("x", Projection("id", "body.id", {}))

    _, place, why = told(judge(other, recording))

    assert ("fetch", True) == (place, "passed by reference, and is not at hand" in why)
