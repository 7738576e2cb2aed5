"""What events come to: real payloads of GitHub against tables of triggers."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.core.forge import pushed
from engine.core.inputs import BoundInputs, InputsError
from engine.core.plan import Plan, Trigger
from engine.core.trigger import BoundTrigger, Said, by_hand, followed
from engine.core.values import Json
from tests.core.runs import plan, scope, step

PAYLOADS = Path(__file__).parents[1] / "webhooks" / "payloads"
INPUTS: Json = {
    "type": "object",
    "properties": {
        "who": {"type": "string"},
        "count": {"type": "integer", "default": 1},
        "where": {"default": "{{ trigger.event.branch | default('none') }}"},
    },
    "additionalProperties": False,
}


def made(inputs: Json = INPUTS) -> BoundInputs:
    told: Plan = replace(plan(scope(step("a"))), inputs=inputs)
    return BoundInputs(told.inputs)


def decided(event: Mapping[str, Json], settings: Json = None, **more: Any):
    trigger = Trigger("pushed", more.pop("type", "github.push"), settings or {}, **more)
    (decision,) = BoundTrigger(trigger, made()).decide(event)
    return decision


def push(name: str = "push-branch-created", **changes: Json) -> dict[str, Json]:
    """Return one of GitHub's examples, changed."""
    return pushed({**json.loads((PAYLOADS / f"{name}.json").read_bytes()), **changes})


def on(ref: str, *commits: Json) -> dict[str, Json]:
    return push(ref=ref, commits=list(commits))


def commit(*paths: str, key: str = "modified") -> Json:
    return {"added": [], "removed": [], "modified": [], key: list(paths)}


MATCHED = [
    ("no filter, branch", {}, push()),
    ("no filter, tag", {}, push("push-tag-created")),
    ("its branch", {"branches": ["master"]}, push()),
    ("a glob of branches", {"branches": ["ma*"]}, push()),
    ("its tag", {"tags": ["simple-*"]}, push("push-tag-created")),
    ("branches or tags", {"branches": ["x"], "tags": ["simple-tag"]}, push("push-tag-created")),
    ("its repo", {"repo": "Codertocat/Hello-World"}, push()),
    ("its repo, as GitHub compares", {"repo": "codertocat/hello-world"}, push()),
    ("a changed path", {"paths": ["docs/**"]}, on("refs/heads/a", commit("docs/a/b.md"))),
    ("an added path", {"paths": ["*.md"]}, on("refs/heads/a", commit("a.md", key="added"))),
    ("a removed path", {"paths": ["*.md"]}, on("refs/heads/a", commit("a.md", key="removed"))),
    ("a path of any commit", {"paths": ["b"]}, on("refs/heads/a", commit("a"), commit("b"))),
    ("a tag has no paths", {"paths": ["docs/**"]}, push("push-tag-created")),
    ("a cut list", {"paths": ["b"]}, on("refs/heads/a", *[commit("a")] * 2048)),
    ("one path in, one out", {"paths": ["**", "!a"]}, on("refs/heads/a", commit("a", "b"))),
]
UNMATCHED = [
    ("branch main2 is not wanted", {"branches": ["main"]}, push(ref="refs/heads/main2")),
    ("branch master is not wanted", {"branches": ["main", "!master"]}, push()),
    ("only tags are wanted", {"tags": ["v*"]}, push()),
    ("only branches are wanted", {"branches": ["**"]}, push("push-tag-created")),
    ("tag simple-tag is not wanted", {"tags": ["v*"]}, push("push-tag-created")),
    ("repo is Codertocat/Hello-World", {"repo": "acme/web"}, push()),
    ("deleted refs/tags/simple-tag", {}, push("push-tag-deleted")),
    ("neither a branch nor a tag", {"branches": ["**"]}, push(ref="refs/notes/x")),
    ("no changed path", {"paths": ["docs/**"]}, on("refs/heads/a", commit("src/a.py"))),
    ("no changed path", {"paths": ["docs/**"]}, on("refs/heads/a")),
    ("no changed path", {"paths": ["**", "!*.md"]}, on("refs/heads/a", commit("a.md"))),
    ("no changed path", {"paths": ["**"]}, push(ref="refs/heads/a", commits="none")),
    ("no changed path", {"paths": ["**"]}, on("refs/heads/a", "odd", {"added": "odd"})),
    ("repo is None", {"repo": "a/b"}, push(repository={})),
]


@pytest.mark.parametrize(("settings", "event"), [row[1:] for row in MATCHED])
def test_what_a_push_starts(settings: Json, event: dict[str, Json]):
    """
    A push starts what asked for its branch, tag, repository or paths.
    """
    decision = decided(event, settings, arguments={"who": "{{ event.pusher.name }}"})

    assert Said.STARTED == decision.said, decision.reason
    assert decision.inputs is not None
    assert {"who": "Codertocat", "count": 1} == {k: decision.inputs[k] for k in ("who", "count")}


@pytest.mark.parametrize(("reason", "settings", "event"), UNMATCHED)
def test_what_a_push_does_not_start(reason: str, settings: Json, event: dict[str, Json]):
    """
    A push that was not asked for starts nothing, and says which key was against it.
    """
    decision = decided(event, settings)

    assert Said.UNMATCHED == decision.said
    assert reason in decision.reason


@pytest.mark.parametrize("name", sorted(each.stem for each in PAYLOADS.glob("push-*.json")))
def test_every_example_is_judged(name: str):
    """
    Every example that GitHub gives of a push comes to a plain yes or no.
    """
    assert decided(push(name)).said in (Said.STARTED, Said.UNMATCHED)


def test_branch_and_tag_are_told():
    """
    `branch` and `tag` are taken from `ref`, a slash in them kept; the other one is null.
    """
    branch = push(ref="refs/heads/feature/a")
    tag = push(ref="refs/tags/v1")
    neither = push(ref="refs/pull/1/head")

    assert ["feature/a", None] == [branch["branch"], branch["tag"]]
    assert [None, "v1"] == [tag["branch"], tag["tag"]]
    assert [None, None] == [neither["branch"], neither["tag"]]


@pytest.mark.parametrize("payload", [{}, {"ref": 1, "repository": {}}, {"ref": "refs/heads/a"}])
def test_what_is_no_push_is_said_to_be_none(payload: dict[str, Json]):
    """
    A payload without `ref` or `repository` is no push.
    """
    with pytest.raises(ValueError, match="ref"):
        pushed(payload)


def test_a_filter_decides():
    """
    A filter that is false starts nothing, and its text is the reason.
    """
    assert Said.STARTED == decided(push(), filter="event.pusher.name == 'Codertocat'").said
    decision = decided(push(), filter="event.forced")
    assert [Said.FILTERED, "filter is false: event.forced"] == [decision.said, decision.reason]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"filter": "event.nothing.there"}, "nothing"),
        ({"filter": "event.ref"}, "filter must give true or false; it gave str"),
        ({"arguments": {"who": "{{ event.nothing.there }}"}}, "nothing"),
        ({"settings": {"branches": ["[z-a]"]}}, "z-a"),
    ],
)
def test_an_error_is_never_a_plain_no(more: dict[str, Any], reason: str):
    """
    A filter, an argument or a glob that errs is an error with its reason, not false.
    """
    decision = decided(push(), **more)

    assert Said.ERROR == decision.said
    assert reason in decision.reason


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"who": 1}, "inputs: /who"),
        ({"whom": "x"}, "inputs: "),
        ({"count": "{{ event.ref }}"}, "inputs: /count"),
    ],
)
def test_inputs_that_do_not_fit(arguments: Json, reason: str):
    """
    Inputs that the plan does not take start nothing and are told with their pointer.
    """
    decision = decided(push(), arguments=arguments)

    assert Said.INVALID == decision.said
    assert decision.reason.startswith(reason)


def test_payload_schema():
    """
    A body that is not what the trigger declares starts nothing and says where.
    """
    settings = {"payload": {"type": "object", "required": ["n"]}}

    assert Said.STARTED == decided({"body": {"n": 1}}, settings, type="webhook").said
    decision = decided({"body": {}}, settings, type="webhook")
    assert Said.INVALID == decision.said
    assert decision.reason.startswith("payload: ")


def test_defaults_read_the_trigger():
    """
    A default may read the event; what was given is never evaluated, whatever is in it.
    """
    inputs = made().complete({"who": "{{ trigger.id }}"}, {"event": {"branch": "dev"}})

    assert {"who": "{{ trigger.id }}", "count": 1, "where": "dev"} == inputs


@pytest.mark.parametrize("given", [[], None, "x", 1])
def test_inputs_are_an_object(given: Json):
    """
    Inputs that are no object are refused.
    """
    with pytest.raises(InputsError, match="object"):
        made().complete(given, {})


def test_a_plan_may_take_nothing():
    """
    A plan without declared inputs takes an empty object.
    """
    assert {} == made({"type": "object"}).complete({}, {})
    assert {} == made(True).complete({}, {})


def test_the_end_of_a_run():
    """
    A run that has ended as was asked for starts what follows it, another says how it has ended.
    """
    settings = {"workflow": "load", "states": ["failed", "cancelled"]}
    who = {"arguments": {"who": "ann"}, "type": "workflow"}
    failed = decided({"state": "failed"}, settings, **who)
    well = decided({"state": "succeeded"}, settings, **who)
    nothing = decided({}, {"workflow": "load"}, **who)

    assert Said.STARTED == failed.said
    assert (Said.UNMATCHED, "the run has ended as succeeded") == (well.said, well.reason)
    assert Said.UNMATCHED == nothing.said


@pytest.mark.parametrize(
    ("settings", "chain", "reason"),
    [
        ({}, 16, ""),
        ({}, 17, "run 17 of a chain of runs that start each other; at most 16 may"),
        ({"max_chain": 2}, 2, ""),
        ({"max_chain": 2}, 3, "run 3 of a chain of runs that start each other; at most 2 may"),
    ],
)
def test_runs_that_start_each_other_have_an_end(settings: Json, chain: int, reason: str):
    """
    A chain of runs is as long as `max_chain` says, or 16, and no longer.
    """
    trigger = BoundTrigger(Trigger("after", "workflow", settings), made())

    assert trigger.overlong(chain).endswith(reason)
    assert bool(reason) == bool(trigger.overlong(chain))


def test_which_workflows_are_followed():
    """
    A plan follows those workflows that its triggers of type `workflow` name.
    """
    told = [
        Trigger("a", "workflow", {"workflow": "load"}),
        Trigger("b", "workflow", {"workflow": "load"}),
        Trigger("c", "event", {"event": "paid"}),
    ]

    assert {"load"} == followed(told)
    assert frozenset() == followed(())


def test_who_may_start_by_hand():
    """
    A workflow is started by hand or by a program under its own trigger for that, if it has one.
    """
    api, manual, other = (Trigger(t, t, {}) for t in ("api", "manual", "webhook"))

    assert api == by_hand((manual, other, api))
    assert manual == by_hand((other, manual))
    assert by_hand((other,)) is None


ALERTS = Trigger(
    "alert",
    "webhook",
    {"fan_out": "event.body.alerts"},
    filter="item.firing",
    arguments={"who": "{{ item.name }}", "count": "{{ event.body.n }}"},
)


def fanned(alerts: Json):
    return BoundTrigger(ALERTS, made()).decide({"body": {"alerts": alerts, "n": 2}})


def test_each_item_of_a_fan_out_is_decided_on_its_own():
    """
    Every item of the list goes through filter and `with` by itself: one that errs, or is not
    wanted, changes nothing for the others.
    """
    told = fanned(
        [{"firing": True, "name": "a"}, {"firing": False}, {"firing": "?"}, {"firing": True}]
    )

    assert [Said.STARTED, Said.FILTERED, Said.ERROR, Said.ERROR] == [each.said for each in told]
    assert [0, 1, 2, 3] == [each.item for each in told]
    assert {"who": "a", "count": 2, "where": "none"} == told[0].inputs


@pytest.mark.parametrize(
    ("alerts", "said", "reason"),
    [
        ([], Said.FILTERED, "fan_out gave an empty list"),
        ("abc", Said.ERROR, "fan_out must give a list; it gave a string"),
        ({"a": 1}, Said.ERROR, "fan_out must give a list; it gave an object"),
        (None, Said.ERROR, "fan_out must give a list; it gave null"),
        ([{"firing": True}] * 1_001, Said.ERROR, "fan_out gave 1,001 items; it may give 1,000"),
    ],
)
def test_what_a_fan_out_cannot_take(alerts: Json, said: Said, reason: str):
    """
    What is no list, or too long a one, starts nothing and says why; so does an empty one.
    """
    (decision,) = fanned(alerts)

    assert [said, reason] == [decision.said, decision.reason]


def test_a_fan_out_takes_a_thousand():
    """
    A list of a thousand items is a thousand decisions.
    """
    assert 1_000 == len(fanned([{"firing": True, "name": "a"}] * 1_000))


def test_the_payload_of_an_event_is_its_data():
    """
    The schema of an `event` trigger speaks of `event.data`, that of a webhook of `event.body`.
    """
    settings = {"payload": {"type": "object", "required": ["n"]}}

    assert Said.STARTED == decided({"data": {"n": 1}}, settings, type="event").said
    assert Said.INVALID == decided({"data": {}}, settings, type="event").said


def test_the_payload_of_an_event_of_github_is_all_of_it():
    """
    An event of GitHub has no `data`: what a schema speaks of is its payload.
    """
    payload: Json = {"type": "object", "required": ["ref"]}
    settings: dict[str, Json] = {"event": "github.create", "payload": payload}

    assert Said.STARTED == decided({"ref": "main"}, settings, type="event").said
    assert Said.INVALID == decided({"data": {"ref": "main"}}, settings, type="event").said


@pytest.mark.parametrize("kind", ["schedule", "absent"])
def test_the_clock_brings_times_and_no_event(kind: str) -> None:
    """
    What the clock sets off reads its times in `trigger`; `event` is empty.
    """
    told = {"interval": {"start": "2026-03-27T00:00:00Z", "end": "2026-03-28T00:00:00Z"}}
    arguments: Json = {"who": "{{ trigger.interval.start }} {{ trigger.kind }}"}
    trigger = BoundTrigger(Trigger("t", kind, {}, arguments=arguments), made())

    (decision,) = trigger.decide(told)

    assert f"2026-03-27T00:00:00Z {kind}" == (decision.inputs or {})["who"]
    assert {"id": "t", "type": kind, "kind": kind, "event": {}, **told} == trigger.about(told)
