"""Pausing and cancelling a run over the API: who is told what, and what is refused."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.webhooks.served import Served
from tests.webhooks.test_api import HELLO, START
from tests.webhooks.test_pages import cookie, login


@pytest.fixture
def hello(server: Served) -> Served:
    server.activate({"hello.yaml": HELLO})
    return server


def begun(server: Served) -> str:
    """Return the id of a run that a worker has begun."""
    identity: str = server.api("POST", START, {"inputs": {}}).json["id"]
    server.rows("UPDATE runs SET status = 'running', started_at = now()")
    return identity


def test_what_is_asked_is_durable_and_audited(hello: Served):
    """
    A pause has an end, a day from now unless the request says otherwise; who asked is on record.
    """
    run = begun(hello)
    before = datetime.now(UTC)
    pause = hello.api("POST", f"/runs/{run}/pause", {"reason": "late", "for": "2h"})
    default = hello.api("POST", f"/runs/{run}/pause")
    resume = hello.api("POST", f"/runs/{run}/resume", {"reason": "now"})

    assert [202, 202, 202] == [pause.status, default.status, resume.status]
    for answer, span in ((pause, timedelta(hours=2)), (default, timedelta(days=1))):
        until = datetime.fromisoformat(answer.json["until"])
        assert span <= until - before < span + timedelta(minutes=1)
    told = hello.rows("SELECT kind, data::text FROM inbox ORDER BY id")
    assert ["pause", "pause", "resume"] == [kind for kind, _ in told]
    assert {"by": "token:admin", "reason": "now"} == json.loads(told[-1][1])
    assert [(3,)] == hello.rows("SELECT unheard FROM runs")
    audit = hello.rows("SELECT actor, action, resource, reason FROM audit ORDER BY id")
    assert 3 == len(audit)
    assert ("token:admin", "run.pause", "run:shop/hello", "resumed now") == audit[-1]
    assert audit[0][3].startswith("paused until ")


def test_a_run_that_has_not_begun_is_not_paused(hello: Served):
    """
    One that waits in the line can be cancelled, and one that has ended is over: 409 tells which.
    """
    run = hello.api("POST", START, {"inputs": {}}).json["id"]
    queued = hello.api("POST", f"/runs/{run}/pause")
    hello.rows("UPDATE runs SET status = 'failed', started_at = now(), ended_at = now()")
    ended = hello.api("POST", f"/runs/{run}/resume")

    assert (409, 409) == (queued.status, ended.status)
    assert "has not begun" in queued.json["detail"]
    assert f"run {run} has ended: failed" == ended.json["detail"]


@pytest.mark.parametrize(
    ("verb", "told", "pointer"),
    [
        ("pause", {"for": "31d"}, "/for"),
        ("pause", {"for": 5}, "/for"),
        ("pause", {"until": "noon"}, "/until"),
        ("pause", {"reason": 1}, "/reason"),
        ("pause", [], ""),
        ("resume", {"for": "1h"}, "/for"),
        ("cancel", {"why": "late"}, "/why"),
        ("cancel", {"reason": 1}, "/reason"),
        ("cancel", "late", ""),
    ],
)
def test_what_does_not_belong_there_is_named(hello: Served, verb: str, told: object, pointer: str):
    """
    A wrong body is 422 with its place.
    """
    answer = hello.api("POST", f"/runs/{begun(hello)}/{verb}", told)

    assert 422 == answer.status
    assert [pointer] == [each["pointer"] for each in answer.json["errors"]]
    assert [] == hello.rows("SELECT kind FROM inbox")


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel"])
def test_why_may_come_in_pieces(hello: Served, verb: str):
    """
    A body whose length nobody knows beforehand is read like any other.
    """
    told = {"Authorization": f"Bearer {hello.token}", "Content-Type": "application/json"}
    pieces = iter([b'{"reason": "in', b' pieces"}'])

    answer = hello.send("POST", f"/api/v1/runs/{begun(hello)}/{verb}", pieces, told)

    assert 202 == answer.status
    assert "in pieces" in hello.rows("SELECT reason FROM audit")[0][0]


def test_a_paused_run_says_so_on_its_page(hello: Served):
    """
    The API and the page of a run tell who has paused it, why, and until when.
    """
    run = begun(hello)
    hello.rows(
        "INSERT INTO journal SELECT %s, 1, now(), 'pause', '', 0, %s", run,
        json.dumps({"by": "token:ann", "reason": "<late>", "until": "2099-01-02T03:04:05+00:00"}),
    )  # fmt: skip
    told = hello.api("GET", f"/runs/{run}").json["paused"]

    assert ("token:ann", "<late>") == (told["by"], told["reason"])
    session = {"Cookie": cookie(login(hello, hello.token))}
    page = hello.send("GET", f"/runs/{run}", None, session).body.decode()
    assert "Paused by token:ann" in page
    assert "&lt;late&gt;" in page
    assert "2099-01-02 03:04:05 UTC" in page
