"""Pools: what the compiler holds a step to, and what of an attempt goes to the workers of one."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from engine.core import machine
from engine.core.attempt import Attempt, attempt_of, kept_out
from engine.core.binding import Bound, BoundStep
from engine.core.codec import decode, encode
from engine.core.commit import Commit
from engine.core.compiler import compile_survey, survey
from engine.core.diagnostic import Diagnostic
from engine.core.event import Orphaned, OwnerLost, Started, from_row, to_row
from engine.core.facts import Catalogue
from engine.core.handout import packed, place_of, unpacked
from engine.core.plan import Block, Call, Fallback, ForEach, Plan, Pool, Uses
from engine.core.plan.place import step_at
from engine.core.values import Json
from tests.core.catalogue import CATALOGUE
from tests.core.runs import (
    HOUR,
    NOW,
    assign,
    begin,
    header,
    only,
    plan,
    scope,
    states,
    step,
    tell,
    uses,
)

POOL = "apiVersion: sark/v1\nkind: Pool\nname: fast\n"
FLOW = """\
apiVersion: sark/v1
kind: Workflow
name: demo
secrets: [one, two]
steps:
  a:
    uses: http.request@1
    pool: fast
    with: {method: GET, url: "https://x.example", auth: {bearer: "{{ secrets.one }}"}}
  b:
    uses: http.request@1
    with: {method: GET, url: "https://x.example", auth: {bearer: "{{ secrets.two }}"}}
"""


def compiled(pool: str) -> tuple[Plan | None, list[Diagnostic]]:
    files = [survey("a.yaml", FLOW.encode()), survey("p.yaml", pool.encode())]
    commit = Commit([each for file in files for each in file.documents])
    unit = compile_survey(files[0], Catalogue(CATALOGUE), commit)
    return unit.workflows[0].plan, list(unit.diagnostics)


@pytest.mark.parametrize(
    ("more", "terms"),
    [
        ("", Pool()),
        ("parallelism: 3\nworkers: {zone: in, os: linux}\n",
         Pool((("os", "linux"), ("zone", "in")), 3)),
        ("adapters: [http]\nsecrets: [one]\n", Pool((), 32, ("http",), ("one",))),
        ("sandbox: nonsense\n", Pool()),
    ],
)  # fmt: skip
def test_a_step_holds_the_terms_of_its_pool(more: str, terms: Pool) -> None:
    """
    What a pool says is laid into the plan; a step that names none has no terms.
    """
    made, found = compiled(POOL + more)

    assert made is not None
    assert [] == found
    assert [("fast", terms), ("", None)] == [(each.pool, each.terms) for each in made.root.steps]
    assert made == decode(encode(made))


def test_a_pool_that_lets_a_step_in_for_nothing() -> None:
    """
    A step that a pool does not take, or whose secret may not go there, is told so where it says so.
    """
    _, found = compiled(POOL + "adapters: [sql, http.download]\nsecrets: [two]\n")

    assert [
        ("pool-refuses", 7, 'pool "fast" takes no http.request@1', "http.download, sql"),
        ("pool-refuses", 9, 'secret "one" may not go to pool "fast"', "two"),
    ] == [(each.code, each.span.line, each.message, each.expected) for each in found]


def test_a_plan_of_old_has_no_terms() -> None:
    """
    A run that has begun before pools were served is made by its owner to its end.
    """
    old = replace(step("a"), pool="fast")

    assert not BoundStep(old, 0).is_handed_out


@pytest.mark.parametrize(
    ("operation", "adapters", "is_taken"),
    [
        ("http.request@1", None, True),
        ("http.request@1", ("http",), True),
        ("http.request@1", ("http.request",), True),
        ("http.request@1", ("http.request@1",), True),
        ("http.request@1", ("http.request@2", "htt", "sql"), False),
        ("http.request@1", (), False),
    ],
)
def test_what_a_pool_takes(operation: str, adapters: tuple[str, ...], is_taken: bool) -> None:
    """
    An adapter, or one of its operations, with its version or without.
    """
    assert is_taken == Pool(adapters=adapters).takes(operation)


def reading(**arguments: Json) -> Uses:
    return replace(uses(), arguments=arguments)


def handed(made: Plan, **inputs: Json) -> tuple[Bound, dict[str, Any], machine.Launch]:
    """Return what is handed out of the first launch of a run, as the database gives it back."""
    bound = Bound(made)
    run, decision = machine.begin(bound, header(**inputs), NOW)
    launch = decision.launches[0]
    body = packed(attempt_of(run, launch), bound.places[id(launch.step.plan)])
    return bound, orjson.loads(orjson.dumps(body, default=dict)), launch


@pytest.mark.parametrize(
    ("read", "names"),
    [
        ("{{ inputs.a.b }}", {"inputs": {"a": {"b": 1}}}),
        ("{{ inputs.a.b + inputs.a.c }}", {"inputs": {"a": {"b": 1, "c": 2}}}),
        ("{{ inputs.a }} {{ inputs.a.b }}", {"inputs": {"a": {"b": 1, "c": 2}}}),
        ("{{ inputs.a.b }} {{ inputs.a }}", {"inputs": {"a": {"b": 1, "c": 2}}}),
        ("{{ inputs.list[1] }}", {"inputs": {"list": [1, {"x": 2}]}}),
        ("{{ inputs.list[1].x }}", {"inputs": {"list": [1, {"x": 2}]}}),
        ("{{ inputs.a.b.c | default(1) }}", {"inputs": {"a": {"b": 1}}}),
        ("{{ inputs.gone.b | default(1) }}", {"inputs": {}}),
        ("{{ steps.gone.outputs | default(1) }}", {"steps": {}}),
        ("{{ gone | default(1) }}", {}),
        ("{{ run.id }}", {"run": {"id": "0198-run"}}),
        ("{{ secrets.token }} {{ secrets }}", {}),
        ("{{ steps }}", {"steps": {}}),
        ("plain", {}),
    ],
)
def test_what_is_read_is_handed_out_and_no_more(read: str, names: dict[str, Json]) -> None:
    """
    Of all that a run knows an attempt takes with it what its expressions read, and no secret.
    """
    made = plan(scope(step("a", verb=reading(x=read), terms=Pool(), pool="fast")))
    _, body, _ = handed(made, a={"b": 1, "c": 2}, list=[1, {"x": 2}])

    assert names == body["names"]


def test_an_attempt_comes_out_as_it_went_in() -> None:
    """
    Whoever makes an attempt far away evaluates what its owner would have.
    """
    verb = replace(reading(x="{{ inputs.a }}"), key="{{ inputs.key }}", repeatable=False)
    made = plan(scope(step("a", verb=verb, terms=Pool(), pool="fast")))
    bound, body, launch = handed(made, a="b", key="k")
    place = place_of(body)
    one = BoundStep(step_at(decode(encode(made)), place), 0)

    told = unpacked(one, ("s",), "0198-run", "local", "a", 1, body, HOUR)

    assert ("/root/steps/0", "demo", ("s",), True) == (
        place, told.workflow, told.secrets, told.must_be_marked,
    )  # fmt: skip
    assert bound.plan.root.steps[0] is launch.step.plan
    assert {"x": "b"} == told.step.arguments.evaluate(told.names)
    assert "k" == (told.step.key and told.step.key.evaluate(told.names))


@pytest.mark.parametrize(
    "change", [{"names": None}, {"workflow": 1}, {"names": [1]}, {"workflow": None}]
)
def test_what_is_no_attempt_is_refused(change: dict[str, Json]) -> None:
    """
    A row that nobody of ours has written is made by nobody.
    """
    made = plan(scope(step("a", terms=Pool())))
    bound, body, _ = handed(made)

    with pytest.raises(ValueError, match="what is handed out is no attempt"):
        unpacked(bound.root.steps[0], (), "r", "local", "a", 1, {**body, **change}, HOUR)


def test_every_step_of_a_plan_has_its_place() -> None:
    """
    Wherever a step stands in a plan, its place leads to it and to nothing else.
    """
    deep = ForEach("[1]", "x", only(verb=Block(scope(step("in")))), 1)
    made = plan(
        scope(
            step("a", verb=deep),
            step("b", fallback=Fallback(body=only()), compensation=only()),
            step("c", verb=Call("w", {}, {}, scope(step("called")))),
        ),
        scope(step("last")),
    )  # fmt: skip

    found = Bound(made).places

    assert 9 == len(found)
    assert found.keys() == {id(step_at(made, place)) for place in found.values()}
    assert "/root/steps/0/verb/body/steps/0/verb/body/steps/0" in found.values()
    for place in ("", "/root", "/root/steps/9", "/root/steps/x", "/gone", "/root/steps/0/id/x"):
        with pytest.raises(ValueError, match="the plan has no"):
            step_at(made, place)


def test_the_owner_s_death_loses_what_is_its_own() -> None:
    """
    What is handed out goes on; what the owner made is made again.
    """
    made = plan(scope(step("far", terms=Pool()), step("near"), timeout=HOUR))
    run, _ = begin(made)

    decision = tell(run, OwnerLost())

    assert [("near", 2)] == [(each.path, each.attempt) for each in decision.launches]
    assert (2, 1) == (run.running, run.handed_out)
    assert {"far": 1, "near": 2} == {path: each.attempt for path, each in run.steps.items()}


@pytest.mark.parametrize(
    ("repeatable", "events", "state", "attempt"),
    [
        (True, [Orphaned("a", 1, False)], "running", 2),
        (True, [Orphaned("a", 1, True)], "running", 2),
        (False, [Orphaned("a", 1, False)], "running", 2),
        (False, [Orphaned("a", 1, True)], "failed", 1),
        (False, [Started("a", 1), Orphaned("a", 1, False)], "failed", 1),
        (True, [Orphaned("a", 2, False), Orphaned("b", 1, False)], "running", 1),
    ],
)
def test_the_death_of_whoever_made_an_attempt(
    repeatable: bool, events: list[Orphaned | Started], state: str, attempt: int
) -> None:
    """
    It is made again if it may be, or if it was never begun; otherwise nobody knows, and it fails.
    """
    made = plan(scope(step("a", verb=uses(repeatable=repeatable), terms=Pool())))
    run, _ = begin(made)

    tell(run, *events)

    assert ({"a": state}, attempt) == (states(run), run.steps["a"].attempt)
    told = [from_row(to_row(each, 1, NOW)) for each in events]
    assert events == told


@pytest.mark.parametrize(
    ("terms", "refused"),
    [
        (None, ""),
        (Pool(), ""),
        (Pool(secrets=("one",)), ""),
        (Pool(secrets=()), "pool 'fast' does not let in secret 'one'"),
        (Pool(adapters=(), secrets=()),
         "pool 'fast' does not let in echo.say@1 and secret 'one'"),
    ],
)  # fmt: skip
def test_who_makes_an_attempt_asks_again_what_a_pool_lets_in(
    terms: Pool | None, refused: str
) -> None:
    """
    A plan may be older than the rules: nothing is called that the pool does not take.
    """
    verb = reading(x="{{ secrets.one }}")
    run, decision = begin(plan(scope(step("a", verb=verb, terms=terms, pool="fast"))))

    assert refused == kept_out(attempt_of(run, decision.launches[0]))


def test_a_value_is_kept_out_of_no_pool() -> None:
    """
    Only calls are handed out.
    """
    run, _ = begin(plan(scope(step("a", terms=Pool()))))
    one = BoundStep(step("b", verb=assign(x=1), terms=Pool(adapters=())), 0)
    told = Attempt("r", "n", "w", "b", 1, one, {}, (), False)

    assert "" == kept_out(told)
    assert run.handed_out == 1
