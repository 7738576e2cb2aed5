"""The five example specs of the language become plans, each without an error."""

import json

import pytest

from engine.core.codec import decode, encode
from engine.core.commit import Commit, Unit, findings
from engine.core.compiler import compile_file, compile_survey, laid, survey
from engine.core.facts import Catalogue
from engine.core.plan import (
    Await,
    Call,
    ForEach,
    Plan,
    Repeat,
    Scope,
    Start,
    Step,
    Switch,
    Uses,
    Verb,
)  # fmt: skip
from tests.core.beside import below
from tests.core.examples import CATALOGUE, FOLDER, NAMES, SPECS


def compiled(name: str) -> Unit:
    return compile_file(name, (FOLDER / name).read_bytes(), CATALOGUE, below(FOLDER))


def plan_of(name: str) -> Plan:
    unit = compiled(name)
    [workflow] = unit.workflows
    assert workflow.plan is not None, unit.diagnostics
    return workflow.plan


def step(scope: Scope, name: str) -> Step:
    return next(each for each in scope.steps if each.id == name)


def verb(name: str, path: str) -> Verb:
    """Return the verb of a step of a workflow's own scope."""
    return step(plan_of(name).root, path).verb


@pytest.mark.parametrize("name", NAMES)
def test_an_example_compiles(name: str) -> None:
    """
    There is nothing to say of the examples.
    """
    unit = compiled(name)

    assert () == unit.diagnostics


@pytest.mark.parametrize("name", NAMES)
def test_the_plan_of_an_example_can_be_stored(name: str) -> None:
    """
    What is read back from JSON is the plan that was written.
    """
    plan = plan_of(name)

    assert plan == decode(json.loads(json.dumps(encode(plan))))


def test_what_undoes_a_step_waits_for_what_it_reads() -> None:
    """
    `rollout` begins when `before` has told which image to go back to.
    """
    root = plan_of("1-deploy-approval-rollback.yaml").root

    rollout = step(root, "rollout")
    before = [root.steps[edge.step].id for edge in rollout.after if edge.data]
    assert ["before", "approve"] == before


def test_a_loop_is_bounded_by_what_is_written() -> None:
    """
    Sixty regions at most, eight at once, and two of them may fail.
    """
    load = verb("2-nightly-etl.yaml", "load")

    assert isinstance(load, ForEach)
    assert (60, 8, 2) == (load.max_items, load.max_parallel, load.tolerate)
    assert ["fetch", "check", "sane", "copy"] == [each.id for each in load.body.steps]


def test_a_poll_holds_one_call() -> None:
    """
    The body of a `repeat` that is one verb is a scope with one step that has no name.
    """
    watch = verb("1-deploy-approval-rollback.yaml", "watch")

    assert isinstance(watch, Repeat)
    assert [""] == [each.id for each in watch.body.steps]


def test_strangers_text_in_a_url_is_encoded() -> None:
    """
    The author of an alert names the service; its name is one segment of the path and no more.
    """
    gather = verb("4-incident-response.yaml", "gather")

    pods = step(gather.body, "pods").verb  # type: ignore[union-attr]
    assert isinstance(pods, Uses)
    url = "https://k8s.acme.internal/services/{{ (inputs.service) | urlencode }}/pods"
    assert {"method": "GET", "url": url} == pods.arguments


def test_a_switch_has_a_case_for_each_word() -> None:
    """
    The words of the enum are the values of the cases, in the order written.
    """
    act = verb("4-incident-response.yaml", "act")

    assert isinstance(act, Switch)
    assert ["recent_deploy", "memory", "unknown"] == [each.value for each in act.cases]
    undo = step(act.cases[0].body, "undo").verb
    assert isinstance(undo, Call)
    assert "rollback-release" == undo.workflow


def test_an_event_is_looked_up_by_what_it_must_equal() -> None:
    """
    An acknowledgement finds the run that waits for this incident.
    """
    acked = verb("4-incident-response.yaml", "acked")

    assert isinstance(acked, Await)
    assert ("data.incident", "steps.page.outputs.incident") == acked.correlation
    assert isinstance(verb("4-incident-response.yaml", "escalate"), Start)


def test_the_examples_are_one_commit() -> None:
    """
    Together with what they name they are linked without a finding.
    """
    specs = [FOLDER / name for name in SPECS]
    files = [survey(str(each.relative_to(FOLDER)), each.read_bytes()) for each in specs]
    commit = Commit([each for file in files for each in file.documents], below(FOLDER))
    units = [compile_survey(each, Catalogue(CATALOGUE), commit) for each in files]
    documents = [each for unit in units for each in unit.documents]

    plans = laid(documents, {})

    assert [] == findings(documents)
    assert 10 == len(plans)
    act = step(plans["respond-to-alert"].plan.root, "act").verb
    assert isinstance(act, Switch)
    undo = step(act.cases[0].body, "undo").verb
    assert isinstance(undo, Call)
    assert plans["rollback-release"].plan.root == undo.body
