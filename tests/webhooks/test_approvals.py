"""Approvals as people meet them over the API."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from engine.errors import Misconfigured
from engine.settings import Settings
from tests.webhooks.served import Answer, Served, settings
from tests.webhooks.waits import ASKED, ENVIRONMENT, SECRETS, as_, asks, heard, run, tokens
from webhooks.auth.token import bearers

FORM = {
    "type": "object",
    "properties": {
        "ticket": {"type": "string", "pattern": "^OPS-"},
        "urgent": {"type": "boolean", "default": False},
    },
    "required": ["ticket"],
    "additionalProperties": False,
}


@pytest.fixture
def there(
    tmp_path: Path, database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Served]:
    for name, variable in ENVIRONMENT.items():
        monkeypatch.setenv(variable, SECRETS[name])
    with Served(settings(tmp_path, database_url, redis_url, tokens=tokens())) as served:
        yield served


def decide(
    served: Served, name: str, run: str, path: str = "ok", decision: str = "approved", **more: Any
) -> Answer:
    told = {"decision": decision, "asked": ASKED, **more}
    return as_(served, name, "POST", f"/runs/{run}/approvals/{path}", told)


def test_who_is_asked_sees_it_and_decides(there: Served):
    """
    A person of a group that is asked sees all that is asked, approves it once, and it is durable
    with a line in the audit log; saying so again changes nothing.
    """
    one = run(there)
    asks(there, one, binds={"image": "sha256:1"})
    (listed,) = as_(there, "ann", "GET", "/approvals").json["items"]
    answers = [decide(there, "ann", one, note="ship it") for _ in range(2)]

    assert ["deploy?", {"image": "sha256:1"}, ASKED] == [
        listed["show"], listed["binds"], listed["asked"],
    ]  # fmt: skip
    assert [(202, False), (202, True)] == [(a.status, a.json["repeated"]) for a in answers]
    told = {"by": "ann", "approved": True, "asked": ASKED, "form": {}, "note": "ship it"}
    assert [("decided", "ok", told)] == heard(there, one)
    assert [(1,)] == there.rows("SELECT unheard FROM runs")
    audited = there.rows("SELECT actor, resource, allowed, reason FROM audit")
    assert [
        ("token:ann", f"approval:shop/deploy/{one}/ok", True, f"approved {ASKED[:12]} ship it")
    ] == audited
    assert {"ann": "approved"} == as_(there, "bob", "GET", f"/runs/{one}/approvals").json["items"][
        0
    ]["decided"]


def test_nobody_decides_twice(there: Served):
    """
    Who has approved cannot reject afterwards: what was said first stands.
    """
    one = run(there)
    asks(there, one, min=2)
    decide(there, "ann", one)
    answer = decide(there, "ann", one, decision="rejected")

    assert (409, "ann has decided before: approved") == (answer.status, answer.json["detail"])
    assert 202 == decide(there, "bob", one).status
    assert ["ann", "bob"] == [data["by"] for _, _, data in heard(there, one)]


def test_many_at_once_are_one_each(there: Served):
    """
    Two people who decide at the same instant, each on two connections, are two decisions.
    """
    one = run(there)
    asks(there, one, min=2)
    answers: list[Answer] = []
    threads = [
        threading.Thread(target=lambda name=name: answers.append(decide(there, name, one)))
        for name in ("ann", "bob") * 2
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert [202] * 4 == [each.status for each in answers]
    assert [False, False, True, True] == sorted(each.json["repeated"] for each in answers)
    assert ["ann", "bob"] == sorted(data["by"] for _, _, data in heard(there, one))


@pytest.mark.parametrize(
    ("name", "more", "actor", "reason"),
    [
        ("eve", {}, None, "no policy allows token 'eve' to approval.decide"),
        ("root", {}, None, "root is not asked: this is for group:sre"),
        ("ann", {}, "token:ann", "ann has started the run, and so may not decide"),
        ("ann", {"exclude": ["user:ann"]}, None, "ann is excluded: user:ann may not decide"),
        ("bob", {"exclude": ["group:dev"]}, None, "bob is excluded: group:dev may not decide"),
        ("ann", {"exclude": ["someone"]}, None,
         "nobody may decide: it is not known whom 'someone' excludes"),
        ("ann", {}, "run/0190f6f0-0000-7000-8000-000000000000",
         "who started the run is not known, and may not decide"),
    ],
)  # fmt: skip
def test_who_may_not_decide(
    there: Served, name: str, more: dict[str, Any], actor: str | None, reason: str
):
    """
    Whoever is not asked, is excluded or has started the run is refused with the reason, which the
    audit log keeps; nothing is told to the run.
    """
    one = run(there, actor)
    asks(there, one, **more)
    answer = decide(there, name, one)

    assert (403, reason) == (answer.status, answer.json["detail"])
    assert [] == heard(there, one)
    assert [(f"token:{name}", False, reason)] == there.rows(
        "SELECT actor, allowed, reason FROM audit"
    )


def test_who_starts_a_run_by_a_run_has_started_it(there: Served):
    """
    A person cannot pass by `initiator` by starting a run that starts the one that asks.
    """
    one = run(there, "token:ann")
    two = run(there, f"run/{one}")
    three = run(there, f"run/{two}")
    asks(there, three)

    assert 403 == decide(there, "ann", three).status
    assert 202 == decide(there, "bob", three).status


def test_the_first_token_approves_only_where_it_is_named(there: Served):
    """
    The administrator's token is nobody's friend: it approves where `by` says `user:admin`.
    """
    one = run(there, None)
    asks(there, one)
    asks(there, one, "mine", by=["user:admin"])
    told = {"decision": "approved", "asked": ASKED}

    assert 403 == there.api("POST", f"/runs/{one}/approvals/ok", told).status
    assert 202 == there.api("POST", f"/runs/{one}/approvals/mine", told).status


def test_a_decision_on_something_else_is_void(there: Served):
    """
    A decision on what was shown before is 409, and the answer has what is asked now.
    """
    one = run(there)
    asks(there, one)
    decide(there, "ann", one)
    asks(there, one, asked="b" * 64)
    answer = decide(there, "bob", one)

    assert 409 == answer.status
    assert "b" * 64 in answer.json["detail"]
    assert 202 == decide(there, "ann", one, asked="b" * 64, decision="rejected").status


def test_too_late_is_too_late(there: Served):
    """
    An approval that has expired is 409 and in no list; one that nobody asks for is 404, and so is
    that of a run that has ended.
    """
    one = run(there)
    asks(there, one, expires=timedelta(seconds=-1))

    assert [] == as_(there, "ann", "GET", "/approvals").json["items"]
    assert 409 == decide(there, "ann", one).status
    assert 404 == decide(there, "ann", one, "other").status
    assert 404 == decide(there, "ann", str(uuid4())).status
    asks(there, one, "late")
    there.rows("UPDATE runs SET status = 'failed', ended_at = now()")
    assert 404 == decide(there, "ann", one, "late").status
    assert [] == heard(there, one)


@pytest.mark.parametrize(
    ("form", "more", "status", "pointer"),
    [
        (FORM, {"form": {"ticket": "OPS-1"}}, 202, None),
        (FORM, {"form": {"ticket": "7"}}, 422, "/form/ticket"),
        (FORM, {"form": {"ticket": "OPS-1", "x": 1}}, 422, "/form/x"),
        (FORM, {}, 422, "/form"),
        (FORM, {"decision": "rejected"}, 202, None),
        (FORM, {"decision": "rejected", "form": {"ticket": "OPS-1"}}, 422, "/form"),
        (None, {"form": {"ticket": "OPS-1"}}, 422, "/form"),
        (None, {"decision": "maybe"}, 422, "/decision"),
        (None, {"asked": "short"}, 422, "/asked"),
        (None, {"form": []}, 422, "/form"),
        (None, {"why": "x"}, 422, "/why"),
        (None, {"note": "x" * 1001}, 422, "/note"),
    ],
)
def test_what_a_decision_brings(
    there: Served, form: Any, more: dict[str, Any], status: int, pointer: str | None
):
    """
    An approval brings what its form declares and nothing else, a rejection brings no form; each
    fault is told with its place.
    """
    one = run(there)
    asks(there, one, form=form)
    answer = decide(there, "ann", one, **more)

    assert status == answer.status, answer.json
    assert pointer is None or pointer in [each["pointer"] for each in answer.json["errors"]]
    assert (status == 202) is bool(heard(there, one))
    if status == 202 and "form" in more:
        assert {"ticket": "OPS-1", "urgent": False} == heard(there, one)[0][2]["form"]


def test_pages_of_approvals(there: Served):
    """
    The oldest comes first, page after page, of every namespace or of one; paths of nested steps
    stand in an address as they are.
    """
    one, two = run(there), run(there)
    for path in ("load[fr].ok", "load[a/b c].ok", "z"):
        asks(there, one, path)
    asks(there, two)
    seen, cursor = [], ""
    while True:
        page = as_(there, "ann", "GET", f"/approvals?limit=1&cursor={cursor}").json
        seen += [(each["run"], each["path"]) for each in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break

    assert [(one, "load[fr].ok"), (one, "load[a/b c].ok"), (one, "z"), (two, "ok")] == seen
    assert [] == as_(there, "ann", "GET", "/approvals?namespace=bank").json["items"]
    assert 422 == as_(there, "ann", "GET", "/approvals?cursor=bm90aGluZw==").status
    assert 202 == decide(there, "ann", one, "load%5Ba%2Fb%20c%5D.ok").status


def test_people_are_who_their_tokens_say(there: Served):
    """
    A viewer's token reads and starts nothing; a token that nobody has is 401.
    """
    there.activate({"hello.yaml": "apiVersion: sark/v1\nkind: Workflow\nname: hello\n"
                    "steps: [{id: a, uses: echo.say@1, with: {message: 1}}]\n"})  # fmt: skip
    start = "/workflows/shop/hello/runs"

    assert 403 == as_(there, "ann", "POST", start, {}).status
    assert 202 == as_(there, "root", "POST", start, {}).status
    assert [("token:root",)] == there.rows("SELECT trigger->>'actor' FROM runs")
    assert 401 == there.api("GET", "/runs", Authorization="Bearer nobody").status


def test_a_weak_or_missing_token_keeps_the_server_from_starting(monkeypatch: pytest.MonkeyPatch):
    """
    A token that is not there, or that could be guessed, is named; it is never shown.
    """
    told = Settings.model_validate({"tokens": [tokens()[0]]})
    monkeypatch.delenv(ENVIRONMENT["ann"], raising=False)
    with pytest.raises(Misconfigured, match="the token of 'ann': the variable EDGE_ANN is not set"):
        bearers(b"", told)
    monkeypatch.setenv(ENVIRONMENT["ann"], "hunter2")
    with pytest.raises(Misconfigured, match="has 7 characters; expected 20 to 512") as caught:
        bearers(b"", told)

    assert "hunter2" not in str(caught.value)
