"""Values that are passed by reference: what a run does with them, and what it refuses."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from engine.core import machine, replay, schema
from engine.core.attempt import attempt_of
from engine.core.binding import Bound, BoundStep
from engine.core.codec import decode as decode_plan
from engine.core.codec import encode as encode_plan
from engine.core.event import Succeeded, to_row
from engine.core.handout import packed, place_of, unpacked
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
    found,
)
from engine.core.state import RunStatus, StepState
from engine.core.values import Json
from engine.core.whatif import Kind, Recording
from tests.core.runs import HOUR, NOW, SECOND, begin, edge, header, only, plan, scope, step
from tests.core.test_spilled import BODY, ROWS
from tests.core.whatif.recording import judge, record, told

FETCHED = Succeeded("fetch", 1, {"status": 200}, spilled={"body": BODY})
LISTED = Succeeded("fetch", 1, {}, spilled={"rows": ROWS})
OVER = "steps.fetch.outputs.rows"
ALL = "{{ steps.fetch.outputs.body }}"


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


def looping(body: Step, most: int = 10, key: str | None = None, **more: Any) -> Plan:
    loop = ForEach(OVER, "row", scope(body), most, key=key, **more)
    return plan(scope(step("fetch"), then(loop)), n="{{ steps.next.outputs.n }}")


def counted() -> tuple[Assignment, ...]:
    return (Assignment("n", "{{ items | length }}", {"type": "integer"}),)


def test_a_loop_goes_through_a_list_by_reference() -> None:
    """
    Each item is handed to its calls as a reference, and the journal that holds no item gives the
    same run again, byte for byte.
    """
    made = looping(step("put", verb=sends("{{ row }}")), collect=counted(), max_parallel=2)
    run, _ = begin(made)
    rows = [to_row(LISTED, 1, NOW + SECOND)]
    waiting = [*machine.advance(run, LISTED, NOW + SECOND).launches]
    heard = []
    for launch in waiting:  # it grows
        heard.append((launch.path, attempt_of(run, launch).names["row"]))
        event = Succeeded(launch.path, 1, {})
        rows.append(to_row(event, len(rows) + 1, NOW + SECOND))
        waiting += machine.advance(run, event, NOW + SECOND).launches

    items: Any = ROWS.listed()
    assert [(f"next[{at}].put", items[at]) for at in range(3)] == heard
    assert (RunStatus.SUCCEEDED, {"n": 3}) == (run.outcome, run.outputs)
    read = [replace(row, data=orjson.loads(orjson.dumps(row.data))) for row in rows]
    assert replay.snapshot(run) == replay.snapshot(replay.replay(Bound(made), header(), NOW, read))


@pytest.mark.parametrize(
    ("loop", "words"),
    [
        (looping(only().steps[0], most=2), "3 items; `max_items` is 2"),
        (looping(only().steps[0], key="row.id"), "'rows' is passed by reference"),
    ],
)
def test_a_loop_knows_no_more_than_how_many(loop: Plan, words: str) -> None:
    """
    More than `max_items` are refused before one is begun, and no key is read out of an item.
    """
    run, _ = begin(loop)
    machine.advance(run, LISTED, NOW + SECOND)

    assert words in str((run.steps["next"].error or {})["detail"])


@pytest.mark.parametrize(
    "one",
    [
        step("put", verb=typed("{{ row }}", {})),
        step("put", verb=typed("{{ row.id }}", {})),
        step("put", condition="row.ok"),
        step("put", verb=Switch((), "row", only())),
        step("put", verb=ForEach("row", "each", only(), 10)),
    ],
)
def test_who_is_no_call_reads_no_item(one: Step) -> None:
    """
    An item is in no outputs and decides nothing: only who makes a call has it.
    """
    run, _ = begin(looping(one))
    machine.advance(run, LISTED, NOW + SECOND)

    assert "'rows' is passed by reference" in str((run.steps["next[0].put"].error or {})["detail"])


def test_a_condition_counts_a_list() -> None:
    """
    Whether there is anything to do is known without the list.
    """
    made = plan(scope(step("fetch"), then(typed("x", {}), condition=f"{OVER} | length > 2")))
    run, _ = begin(made)
    machine.advance(run, LISTED, NOW + SECOND)

    assert {"x": "x"} == run.steps["next"].outputs


def test_an_item_goes_to_workers_of_a_pool() -> None:
    """
    Who makes an attempt far away gets the item and not the list; who knows of no items, neither.
    """
    made = looping(step("put", verb=sends("{{ row.id }}"), terms=Pool(), pool="fast"))
    run, _ = begin(made)
    [_, launch, *_] = machine.advance(run, LISTED, NOW + SECOND).launches
    attempt = attempt_of(run, launch)
    body = orjson.loads(orjson.dumps(packed(attempt, run.bound.places[id(launch.step.plan)])))
    bound = BoundStep(step_at(decode_plan(encode_plan(made)), place_of(body)), 0)

    told = unpacked(bound, (), attempt.run, "local", launch.path, 1, body, HOUR)

    assert body.keys().isdisjoint(("names", "spilled"))
    assert [1] == [each.at for _, each in found(told.names)]


def test_a_recorded_loop_is_played_without_its_items() -> None:
    """
    The call of an item is the same as that of the same item, and of no other.
    """
    made = looping(step("put", verb=sends("{{ row }}")))
    recording = record(made, LISTED, *(Succeeded(f"next[{at}].put", 1, {}) for at in range(3)))

    assert (Kind.SAME, "", "") == told(judge(made, recording))
