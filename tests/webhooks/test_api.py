"""The API as a program meets it."""

import threading
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from tests.webhooks.served import Answer, Served

HELLO = """\
apiVersion: sark/v1
kind: Workflow
name: hello
title: Say hello
inputs:
  name: {type: string, default: world}
  times: {type: integer, default: 1, maximum: 3}
steps:
  greet: {uses: echo.say@1, with: {message: "{{ inputs.name }}"}}
  again: {uses: echo.say@1, with: {message: "{{ steps.greet.outputs.message }}"}}
"""
SPECS = {"hello.yaml": HELLO}
START = "/workflows/shop/hello/runs"


@pytest.fixture
def hello(server: Served) -> Served:
    server.activate(SPECS)
    return server


@pytest.fixture(scope="module")
def there(shared: Served) -> Served:
    shared.activate(SPECS)
    return shared


def test_start(hello: Served):
    """
    A start is answered with 202 and its address once it is durable, defaults filled in.
    """
    answer = hello.api("POST", START, {"inputs": {"name": "Ann"}})

    assert 202 == answer.status
    assert f"/api/v1/runs/{answer.json['id']}" == answer.headers["location"]
    assert "queued" == answer.json["status"]
    ((inputs, status),) = hello.rows("SELECT inputs, status FROM runs")
    assert [{"name": "Ann", "times": 1}, "queued"] == [inputs, status]
    assert 7 == UUID(answer.json["id"]).version


@pytest.mark.parametrize("body", [None, {}, {"inputs": {}}])
def test_a_body_may_be_left_out(hello: Served, body: object):
    """
    A workflow whose inputs all have defaults starts without any.
    """
    told = {"Content-Type": "application/json", "Authorization": f"Bearer {hello.token}"}
    answer = (
        hello.send("POST", f"/api/v1{START}", None, told)
        if body is None
        else hello.api("POST", START, body)
    )

    assert 202 == answer.status


def test_a_run_as_json(hello: Served):
    """
    A run is told with every member that the API promises, its steps pending until it begins.
    """
    identity = hello.api("POST", START, {"inputs": {}}).json["id"]
    told = hello.api("GET", f"/runs/{identity}").json

    assert [
        "id", "namespace", "workflow", "status", "flags", "commit", "plan", "trigger", "inputs",
        "outputs", "error", "objectives", "created_at", "started_at", "ended_at", "paused",
        "steps",
    ] == list(told)  # fmt: skip
    assert ["greet", "again"] == [each["path"] for each in told["steps"]]
    assert {"pending"} == {each["status"] for each in told["steps"]}
    assert {"path", "status", "attempts", "started_at", "ended_at", "error", "outputs"} <= set(
        told["steps"][0]
    )
    by = {"id": "api", "type": "api", "kind": "api", "event": {}, "actor": "token:admin"}
    assert by == told["trigger"]


def test_a_run_tells_what_it_should_hold_to(hello: Served):
    """
    Each objective of the workflow is told with the instant by which the run should have ended.
    """
    promise = "objectives: [{id: quick, duration_below: 1h}]\n"
    hello.activate({"hello.yaml": HELLO + promise})
    identity = hello.api("POST", START, {"inputs": {}}).json["id"]
    told = hello.api("GET", f"/runs/{identity}").json

    (objective,) = told["objectives"]
    assert ("quick", False) == (objective["id"], objective["missed"])
    made, due = (datetime.fromisoformat(each) for each in (told["created_at"], objective["due"]))
    assert abs(due - made - timedelta(hours=1)) < timedelta(minutes=1)


def test_steps_are_replayed_from_the_journal(hello: Served):
    """
    What the journal says of a run is what its steps show, and the journal is told row by row.
    """
    identity = hello.api("POST", START, {"inputs": {}}).json["id"]
    with_rows = """
        WITH begun AS (UPDATE runs SET status = 'running', started_at = now() WHERE id = %s)
        INSERT INTO journal VALUES (%s, 1, now(), 'succeeded', 'greet', 1, '{"message": "hi"}')
        RETURNING 1
    """
    hello.rows(with_rows, identity, identity)
    told = hello.api("GET", f"/runs/{identity}").json
    journal = hello.api("GET", f"/runs/{identity}/journal").json

    assert ["succeeded", "running"] == [each["status"] for each in told["steps"]]
    assert [{"message": "hi"}, None] == [each["outputs"] for each in told["steps"]]
    assert [1, 1] == [each["attempts"] for each in told["steps"]]
    assert [(1, "succeeded", "greet")] == [
        (each["seq"], each["kind"], each["path"]) for each in journal["items"]
    ]
    assert [] == hello.api("GET", f"/runs/{identity}/journal?after=1").json["items"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"inputs": {"name": 1}}, "/inputs/name"),
        ({"inputs": {"times": 4}}, "/inputs/times"),
        ({"inputs": {"nmae": "x"}}, "/inputs/nmae"),
        ({"inputs": []}, "/inputs"),
        ({"input": {}}, "/input"),
        ({"inputs": {}, "tenant_id": 1}, "/tenant_id"),
        ({"inputs": {}, "role": "admin", "status": "succeeded"}, "/role"),
        ([], ""),
        ("text", ""),
    ],
)
def test_a_start_that_does_not_fit(there: Served, body: object, pointer: str):
    """
    Inputs that do not fit and members that there are not are 422, each with its pointer.
    """
    answer = there.api("POST", START, body)

    assert 422 == answer.status
    assert "application/problem+json" == answer.headers["content-type"]
    assert pointer in [each["pointer"] for each in answer.json["errors"]]
    assert [] == there.rows("SELECT 1 FROM runs")


def test_a_template_in_an_input_is_text(hello: Served):
    """
    What a client gives is data: a template in it is not evaluated.
    """
    identity = hello.api("POST", START, {"inputs": {"name": "{{ trigger.id }}"}}).json["id"]

    assert "{{ trigger.id }}" == hello.api("GET", f"/runs/{identity}").json["inputs"]["name"]


def test_a_plan_of_another_version_is_put_off(hello: Served):
    """
    While versions are mixed, a server that does not know a plan answers 503 for it, says why and
    when to ask again; it tells of other runs, and another server may know the plan.
    """
    before = hello.api("POST", START, {}).json["id"]
    hello.rows("UPDATE plans SET body = jsonb_set(body::jsonb, '{format}', '99')::json RETURNING 1")
    with Served(hello.settings) as other:
        told = [other.api("POST", START, {}), other.api("GET", f"/runs/{before}")]

    assert [(503, "5"), (503, "5")] == [(e.status, e.headers["retry-after"]) for e in told]
    assert all("format 99; this program reads" in each.json["detail"] for each in told)


def test_the_same_key_gives_the_same_run(hello: Served):
    """
    The same Idempotency-Key with the same body starts once, even at the same time.
    """
    answers: list[Answer] = []

    def send() -> None:
        answers.append(hello.api("POST", START, {"inputs": {"name": "A"}}, Idempotency_Key="k-1"))

    threads = [threading.Thread(target=send) for _ in range(30)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert {202} == {each.status for each in answers}
    assert 1 == len({each.body for each in answers})
    assert 1 == len({each.headers["location"] for each in answers})
    assert 1 == len(hello.rows("SELECT 1 FROM runs"))


def test_the_same_key_with_another_body_is_refused(hello: Served):
    """
    A key stands for one body: another one is 422. Another workflow has keys of its own.
    """
    hello.activate({**SPECS, "other.yaml": HELLO.replace("name: hello", "name: other")})
    first = hello.api("POST", START, {"inputs": {}}, Idempotency_Key="k-1")
    other = hello.api("POST", "/workflows/shop/other/runs", {"inputs": {}}, Idempotency_Key="k-1")

    assert 422 == hello.api("POST", START, {"inputs": {"name": "B"}}, Idempotency_Key="k-1").status
    assert 202 == hello.api("POST", START, {"inputs": {}}, Idempotency_Key='"k-1"').status
    assert first.json["id"] != other.json["id"]


def test_a_key_outlives_the_plan(hello: Served):
    """
    A start that is told again after the workflow has gone gives the first answer.
    """
    first = hello.api("POST", START, {"inputs": {}}, Idempotency_Key="k-1")
    hello.activate({"other.yaml": HELLO.replace("name: hello", "name: other")})

    assert first.body == hello.api("POST", START, {"inputs": {}}, Idempotency_Key="k-1").body
    assert 404 == hello.api("POST", START, {"inputs": {}}, Idempotency_Key="k-2").status


def test_a_refused_start_does_not_use_up_its_key(hello: Served):
    """
    A start that was refused leaves its key free.
    """
    assert 422 == hello.api("POST", START, {"inputs": {"name": 1}}, Idempotency_Key="k").status
    assert 202 == hello.api("POST", START, {"inputs": {}}, Idempotency_Key="k").status


@pytest.mark.parametrize("key", ["", '"', "x" * 256, "é", "a\tb"])
def test_a_key_is_a_plain_text(there: Served, key: str):
    """
    A key that is empty, too long or not printable is 422.
    """
    assert 422 == there.api("POST", START, {"inputs": {}}, Idempotency_Key=key).status


def test_a_workflow_that_only_events_start(hello: Served):
    """
    A workflow without a trigger for it is not started by hand: 409 says what to add.
    """
    events = HELLO.replace("inputs:\n", "triggers:\n  pushed: {type: github.push}\ninputs:\n", 1)
    hello.activate({"hello.yaml": events})
    answer = hello.api("POST", START, {"inputs": {}})

    assert 409 == answer.status
    assert "manual" in answer.json["detail"]


def test_runs_are_listed_by_page(hello: Served):
    """
    Pages are newest first, hold what was asked for and end; nothing is there twice.
    """
    ids = [hello.api("POST", START, {"inputs": {}}).json["id"] for _ in range(7)]
    seen, cursor, sizes = [], "", []
    while cursor is not None:
        page = hello.api("GET", f"/runs?limit=3&workflow=hello&cursor={cursor}").json
        seen += [each["id"] for each in page["items"]]
        sizes.append(len(page["items"]))
        cursor = page["next"]

    assert ids[::-1] == seen
    assert [3, 3, 1] == sizes


def test_runs_are_filtered(hello: Served):
    """
    Status, workflow and namespace choose; a namespace that has none gives an empty page.
    """
    hello.activate({"hello.yaml": HELLO}, "bank", "quiet")
    first = hello.api("POST", START, {"inputs": {}}).json["id"]
    second = hello.api("POST", "/workflows/bank/hello/runs", {"inputs": {}}).json["id"]
    hello.api("POST", f"/runs/{first}/cancel")
    hello.rows("UPDATE runs SET status = 'cancelled', ended_at = now() WHERE id = %s", first)

    def found(query: str) -> list[str]:
        return [each["id"] for each in hello.api("GET", f"/runs?{query}").json["items"]]

    assert [first] == found("status=cancelled")
    assert [second] == found("status=queued")
    assert [second, first] == found("workflow=hello")
    assert [second] == found("workflow=hello&namespace=bank")
    assert [first] == found("namespace=shop")
    assert [] == found("namespace=elsewhere")
    assert [] == found("workflow=nothing")


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=x", "limit=%C2%B2", "status=done", "cursor=!!", "cursor=YWJj",
     "staus=failed", "limit=1&limit=2"],
)  # fmt: skip
def test_a_list_is_asked_for_in_known_words(there: Served, query: str):
    """
    An unknown parameter, value or cursor is 422 and names what was meant.
    """
    answer = there.api("GET", f"/runs?{query}")

    assert 422 == answer.status
    assert answer.json["errors"]


def test_the_journal_is_paged(hello: Served):
    """
    A long journal comes page by page, in its order.
    """
    identity = hello.api("POST", START, {"inputs": {}}).json["id"]
    hello.rows(
        "INSERT INTO journal SELECT %s, n, now(), 'lost', '', 0, 'null'"
        " FROM generate_series(1, 5) n",
        identity,
    )
    page = hello.api("GET", f"/runs/{identity}/journal?limit=2").json
    rest = hello.api("GET", f"/runs/{identity}/journal?limit=200&cursor={page['next']}").json

    assert [1, 2] == [each["seq"] for each in page["items"]]
    assert [3, 4, 5] == [each["seq"] for each in rest["items"]]
    assert rest["next"] is None
    assert 422 == hello.api("GET", f"/runs/{identity}/journal?after=x").status


def test_cancel(hello: Served):
    """
    A run is asked to end, once; asking again is no error, and one that has ended is 409.
    """
    identity = hello.api("POST", START, {"inputs": {}}).json["id"]
    answers = [hello.api("POST", f"/runs/{identity}/cancel", {"reason": "why not"}) for _ in "ab"]

    assert [202, 202] == [each.status for each in answers]
    ((cancel,),) = hello.rows("SELECT cancel FROM runs")
    assert ["token:admin", "why not"] == [cancel["by"], cancel["reason"]]
    hello.rows("UPDATE runs SET status = 'cancelled', ended_at = now()")
    assert 409 == hello.api("POST", f"/runs/{identity}/cancel").status
    assert ("token:admin", "run.cancel", True) == hello.rows(
        "SELECT actor, action, allowed FROM audit"
    )[0]
    assert 422 == hello.api("POST", f"/runs/{identity}/cancel", {"why": 1}).status


def test_workflows(hello: Served):
    """
    What is active is listed and shown, with what it takes and what starts it.
    """
    (one,) = hello.api("GET", "/workflows").json["items"]
    shown = hello.api("GET", "/workflows/shop/hello").json

    assert ["shop", "hello", "Say hello", "hello.yaml", "shop"] == [
        one[each] for each in ("namespace", "name", "title", "file", "source")
    ]
    assert one.items() <= shown.items()
    assert {"name", "times"} == set(shown["inputs"]["properties"])
    assert {"manual", "api"} == {each["type"] for each in shown["triggers"]}
    assert [] == hello.api("GET", "/workflows?namespace=elsewhere").json["items"]


def test_sources_tell_no_credentials(hello: Served):
    """
    A source is told with its conditions, and without the password in its address.
    """
    (one,) = hello.api("GET", "/sources").json["items"]

    assert one == hello.api("GET", "/sources/shop").json
    assert "hidden" not in str(one)
    assert {"observed", "attempted", "active", "conditions", "generation"} <= one.keys()


def test_commits(hello: Served):
    """
    What became of a commit is found by the beginning of its hash.
    """
    hello.rows(
        "INSERT INTO commits (source, sha, state, reason) VALUES ('shop', %s, 'Rejected', 'no')",
        "c0ffee" + "0" * 34,
    )

    assert "Rejected" == hello.api("GET", "/commits/C0FFEE").json["items"][0]["state"]
    assert 404 == hello.api("GET", "/commits/dead").status
    assert 422 == hello.api("GET", "/commits/x%25").status
