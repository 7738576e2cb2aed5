"""Pull requests and other reports of GitHub, signed as it signs them."""

import json
import threading
from typing import Any

import pytest

from tests.webhooks.served import Answer, Served, payload, sign

OPENED = payload("pull-request-opened")
CLOSED = payload("pull-request-closed")
RELEASED = payload("release-published")
HEAD = "ec26c3e57ca3a959ca5aad62de7213c562f8c821"
PREVIEW = """\
apiVersion: sark/v1
kind: Workflow
name: preview
triggers:
  opened:
    type: github.pull_request
    branches: [master]
    filter: "'bug' in event.labels and not event.draft"
    with:
      number: "{{ event.number }}"
      sha: "{{ event.head.sha }}"
      fork: "{{ event.head.is_fork }}"
      author: "{{ event.author }}"
inputs:
  number: {type: integer}
  sha: {type: string}
  fork: {type: boolean}
  author: {type: string}
steps:
  say: {uses: echo.say@1, with: {message: "{{ inputs.number }}"}}
"""
NOTES = """\
apiVersion: sark/v1
kind: Workflow
name: notes
triggers:
  out:
    type: github.release
    actions: [published]
    with: {tag: "{{ event.release.tag_name }}", who: "{{ event.sender.login }}"}
inputs:
  tag: {type: string}
  who: {type: string}
steps:
  say: {uses: echo.say@1, with: {message: "{{ inputs.tag }}"}}
"""


def post(server: Served, kind: str, body: bytes, delivery: str = "d-1", **more: str) -> Answer:
    return server.push(body, delivery, X_GitHub_Event=kind, **more)


def changed(body: bytes, **parts: Any) -> bytes:
    """Return a payload with parts of its `pull_request` changed."""
    told = json.loads(body)
    return json.dumps({**told, "pull_request": {**told["pull_request"], **parts}}).encode()


def started(server: Served, answer: Answer) -> Any:
    """Return the one run that a delivery has started."""
    (run,) = answer.json["runs"]
    return server.api("GET", f"/runs/{run}").json


def decided(server: Served) -> list[tuple[Any, ...]]:
    return server.rows("SELECT workflow, said, reason FROM decisions ORDER BY 1")


def emitted(server: Served) -> list[Any]:
    return [row[0] for row in server.rows("SELECT data FROM outbox ORDER BY id")]


def test_a_pull_request_starts_what_waits_for_it(server: Served):
    """
    GitHub's own example, signed, starts the active plan with values from the pull request.
    """
    commit = server.activate({"preview.yaml": PREVIEW})
    told = started(server, post(server, "pull_request", OPENED))

    assert {"number": 2, "sha": HEAD, "fork": False, "author": "Codertocat"} == told["inputs"]
    assert ["github.pull_request", "opened"] == [told["trigger"][k] for k in ("type", "id")]
    assert ["preview", commit] == [told["workflow"], told["commit"]]


def test_a_pull_request_of_a_stranger_runs_the_spec_of_the_base(server: Served):
    """
    A fork's pull request starts the plan that is active, says that it is a fork's, and whatever
    it claims about specs changes nothing.
    """
    commit = server.activate({"preview.yaml": PREVIEW})
    theirs = json.loads(OPENED)["pull_request"]["head"]
    repo = {**theirs["repo"], "full_name": "eve/Hello-World", "fork": True}
    body = changed(OPENED, head={**theirs, "repo": repo, "sha": "e" * 40}, spec_from="head")
    told = started(server, post(server, "pull_request", body))

    assert [True, "e" * 40] == [told["inputs"]["fork"], told["inputs"]["sha"]]
    assert commit == told["commit"]


def test_another_report_starts_what_waits_for_it(server: Served):
    """
    A release that is published starts the workflow of that event and action, and no other.
    """
    server.activate({"notes.yaml": NOTES, "preview.yaml": PREVIEW})
    told = started(server, post(server, "release", RELEASED))

    assert "notes" == told["workflow"]
    assert {"tag": "0.0.1", "who": "Codertocat"} == told["inputs"]
    assert [("notes", "started", "")] == decided(server)


@pytest.mark.parametrize(
    ("old", "new", "said", "reason"),
    [
        ("branches: [master]", "branches: [main]", "unmatched", "base branch master is not"),
        ("branches: [master]", "repo: acme/web", "unmatched", "repo is Codertocat/Hello-World"),
        ("branches: [master]", "actions: [closed]", "unmatched", "action opened is not wanted"),
        ("not event.draft", "event.draft", "filtered", "filter is false"),
        ("branches: [master]", "paths: ['**']", "error", "files of the pull request are not"),
    ],
)
def test_what_a_pull_request_does_not_start(
    server: Served, old: str, new: str, said: str, reason: str
):
    """
    A pull request that is not meant leaves a decision that names the key; files that nobody
    knows are an error.
    """
    server.activate({"preview.yaml": PREVIEW.replace(old, new)})
    answer = post(server, "pull_request", OPENED)

    assert [202, []] == [answer.status, answer.json["runs"]]
    ((_, told, why),) = decided(server)
    assert said == told
    assert reason in why


def test_the_same_report_twice_starts_one_run(server: Served):
    """
    A report that comes twenty times at once starts one run and is told to waiting runs once.
    """
    server.activate({"preview.yaml": PREVIEW})
    answers: list[Answer] = []
    threads = [
        threading.Thread(target=lambda: answers.append(post(server, "pull_request", OPENED)))
        for _ in range(20)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert {202} == {each.status for each in answers}
    assert 19 == sum(each.json["duplicate"] for each in answers)
    assert 1 == len({tuple(each.json["runs"]) for each in answers})
    assert 1 == len(emitted(server))


def test_waiting_runs_are_told(server: Served):
    """
    Every report is an event of its type and action, whether or not it starts anything.
    """
    post(server, "pull_request", CLOSED, "d-1")
    post(server, "release", RELEASED, "d-2")
    post(server, "status", b'{"state": "success"}', "d-3")
    post(server, "ping", payload("ping"), "d-4")
    told = emitted(server)

    types = ["github.pull_request.closed", "github.release.published", "github.status"]
    assert types == [each["type"] for each in told]
    assert ["d-1", "github/shop"] == [told[0]["identity"], told[0]["source"]]
    assert [2, "closed"] == [told[0]["data"][key] for key in ("number", "action")]


@pytest.mark.parametrize("secret", ["", "another secret of theirs"])
def test_a_report_that_is_not_signed_is_refused(server: Served, secret: str):
    """
    Without the source's secret a pull request is 401, and nothing is written, told or started.
    """
    server.activate({"preview.yaml": PREVIEW})
    wrong = f"sha256={sign(OPENED, secret)}" if secret else ""
    answer = post(server, "pull_request", OPENED, X_Hub_Signature_256=wrong)

    assert [401, "webhook.unsigned"] == [answer.status, answer.json["code"]]
    assert [] == server.rows("SELECT 1 FROM deliveries") + server.rows("SELECT 1 FROM outbox")


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"number": 1}',
        b'{"number": "1", "pull_request": {}, "repository": {}}',
        changed(OPENED, head=None),
        changed(OPENED, base={"ref": "main", "sha": None}),
    ],
)
def test_a_pull_request_that_lacks_keys_is_nonsense(server: Served, body: bytes):
    """
    A signed body that is no pull request is 400, is not kept, and the next good one is taken.
    """
    server.activate({"preview.yaml": PREVIEW})
    answer = post(server, "pull_request", body)

    assert [400, "github.payload"] == [answer.status, answer.json["code"]]
    assert b"Traceback" not in answer.body
    assert 1 == len(post(server, "pull_request", OPENED).json["runs"])


def test_a_pull_request_that_is_too_large_is_refused(server: Served):
    """
    A body over `server.max_body` is 413, however well it is signed.
    """
    body = changed(OPENED, text="x" * server.settings.server.max_body)

    assert 413 == post(server, "pull_request", body).status


@pytest.mark.parametrize("kind", ["", "Pull_Request", "pull request", "a.b", "x" * 51, "push2"])
def test_a_report_without_a_plain_name_starts_nothing(server: Served, kind: str):
    """
    An event's name that is none of GitHub's form is recorded, and neither starts nor tells.
    """
    server.activate({"preview.yaml": PREVIEW})
    answer = post(server, kind, OPENED)

    assert [202, []] == [answer.status, answer.json["runs"]]
    assert [] == emitted(server)


def test_a_workflow_hears_of_its_own_source(server: Served):
    """
    A pull request that another source reports starts nothing, unless the trigger names its repo.
    """
    named = PREVIEW.replace("name: preview", "name: named").replace(
        "branches: [master]", "repo: codertocat/hello-world"
    )
    server.activate({"preview.yaml": PREVIEW, "named.yaml": named}, source="quiet")
    answer = post(server, "pull_request", OPENED)

    assert ["named"] == [row[0] for row in decided(server)]
    assert 1 == len(answer.json["runs"])
