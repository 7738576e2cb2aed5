"""Deliveries of GitLab and Gitea, as their documentation shows them: they start nothing."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.core.review import note
from engine.settings import Settings
from tests.webhooks.served import OLD_SECRET, SECRET, Answer, Served, settings, sign

PROJECT = {
    "id": 1, "name": "Shop", "path_with_namespace": "acme/shop", "default_branch": "main",
    "web_url": "https://gitlab.example/acme/shop", "visibility_level": 20,
}  # fmt: skip
DANA = {"id": 71, "name": "Dana", "username": "dana", "email": "[REDACTED]"}
PUSH: dict[str, Any] = {
    "object_kind": "push", "event_name": "push", "before": "9" * 40, "after": "d" * 40,
    "ref": "refs/heads/main", "checkout_sha": "d" * 40, "user_username": "dana", "project_id": 1,
    "project": PROJECT, "commits": [], "total_commits_count": 1,
}  # fmt: skip
MERGE: dict[str, Any] = {
    "object_kind": "merge_request", "event_type": "merge_request", "user": DANA,
    "project": PROJECT, "labels": [], "changes": {},
    "object_attributes": {
        "id": 99, "iid": 7, "target_branch": "main", "source_branch": "change", "draft": False,
        "source_project_id": 1, "target_project_id": 1, "title": "Tune", "state": "opened",
        "action": "open", "last_commit": {"id": "d" * 40},
    },
}  # fmt: skip
NOTE: dict[str, Any] = {
    "object_kind": "note", "event_type": "note", "user": DANA, "project": PROJECT,
    "object_attributes": {
        "id": 1244, "note": "/sark plan", "noteable_type": "MergeRequest", "noteable_id": 99,
        "system": False, "action": "create",
    },
    "merge_request": {"id": 99, "iid": 7, "target_branch": "main", "state": "opened"},
}  # fmt: skip
REPOSITORY = {"id": 140, "full_name": "acme/shop", "default_branch": "main"}
PUSHED: dict[str, Any] = {
    "ref": "refs/heads/main", "before": "9" * 40, "after": "d" * 40, "commits": [],
    "total_commits": 1, "repository": REPOSITORY, "pusher": {"login": "dana"},
}  # fmt: skip
PULL: dict[str, Any] = {
    "action": "synchronized", "number": 7, "repository": REPOSITORY, "commit_id": "",
    "pull_request": {"number": 7, "title": "Tune", "base": {"ref": "main"}, "state": "open"},
}  # fmt: skip
SAID: dict[str, Any] = {
    "action": "created", "is_pull": True, "repository": REPOSITORY,
    "issue": {"number": 7, "pull_request": {"merged": False, "merged_at": None}},
    "comment": {"id": 1244, "body": "/sark plan", "user": {"login": "dana.k"}},
}  # fmt: skip
GITLAB = {"kind": "gitlab", "repository": "acme/shop", "token": "env:PATH"}
GITEA = {**GITLAB, "kind": "gitea", "api": "https://gitea.example/api/v1"}
LOST = "refs/heads/else"


def at(told: Settings, forge: dict[str, str]) -> Settings:
    """Return settings whose sources have this forge: one follows main, one another branch."""
    shop, quiet = (each.model_dump() for each in told.sources)
    sources = [{**shop, "forge": forge}, {**quiet, "forge": forge, "ref": LOST}]
    return Settings.model_validate({**told.model_dump(), "sources": sources})


@pytest.fixture
def lab(tmp_path: Path, database_url: str) -> Iterator[Served]:
    with Served(at(settings(tmp_path, database_url, None), GITLAB)) as served:
        yield served


@pytest.fixture
def tea(tmp_path: Path, database_url: str) -> Iterator[Served]:
    with Served(at(settings(tmp_path, database_url, None), GITEA)) as served:
        yield served


def gitlab(server: Served, told: object, secret: str = SECRET, source: str = "shop") -> Answer:
    """Post a delivery as GitLab does."""
    headers = {
        "Content-Type": "application/json", "X-Gitlab-Token": secret, "X-Gitlab-Event": "Hook",
        "Idempotency-Key": "k-1",
    }  # fmt: skip
    return server.send("POST", f"/hooks/gitlab/{source}", json.dumps(told).encode(), headers)


def gitea(server: Served, event: str, told: object, secret: str = SECRET) -> Answer:
    """Post a delivery as Gitea does."""
    raw = json.dumps(told).encode()
    headers = {
        "Content-Type": "application/json", "X-Gitea-Signature": sign(raw, secret),
        "X-Gitea-Event": event, "X-Gitea-Delivery": "f6266f16", "X-GitHub-Event": event,
    }  # fmt: skip
    return server.send("POST", "/hooks/gitea/shop", raw, headers)


def wanted(server: Served) -> list[tuple[Any, ...]]:
    """Return the reviews that are to be looked at: source, ref, number and how often."""
    told = "SELECT source, ref, number, wanted FROM reviews ORDER BY source, ref"
    return server.rows(told)


def heard(server: Served) -> list[tuple[Any, ...]]:
    return server.rows("SELECT source, comment, number, author, body FROM review_commands "
                       "ORDER BY source")  # fmt: skip


def known(server: Served) -> int:
    """Let the source be known, as whoever leads does; return how often it was asked for."""
    server.activate({"a.yaml": "apiVersion: sark/v1\nkind: Workflow\nname: a\nsteps:\n"
                     "  say: {uses: echo.say@1, with: {message: hi}}\n"})  # fmt: skip
    return count(server)


def count(server: Served) -> int:
    return int(server.rows("SELECT sum(wanted) FROM sources")[0][0])


def wait_asked(server: Served, before: int) -> None:
    """Wait until the source was asked for once more, which is not before the answer."""
    for _ in range(600):
        if count(server) != before:
            break
        threading.Event().wait(0.1)

    assert before + 1 == count(server)


@pytest.mark.parametrize("secret", [SECRET, OLD_SECRET])
def test_a_push_wakes_the_reconciler(lab: Served, secret: str):
    """
    A push that GitLab tells of by either secret asks for a look at the source.
    """
    before = known(lab)
    answer = gitlab(lab, PUSH, secret)

    assert (202, {"delivery": "k-1", "woke": "reconciler"}) == (answer.status, answer.json)
    wait_asked(lab, before)
    assert ("webhook k-1",) in lab.rows("SELECT asked_by FROM sources")
    assert [] == wanted(lab)


def test_a_push_at_gitea_wakes_the_reconciler(tea: Served):
    """
    A push that Gitea has signed asks for a look at the source, and starts nothing.
    """
    before = known(tea)
    answer = gitea(tea, "push", PUSHED)

    assert (202, {"delivery": "f6266f16", "woke": "reconciler"}) == (answer.status, answer.json)
    wait_asked(tea, before)
    assert [] == tea.rows("SELECT 1 FROM deliveries")


def test_a_merge_request_is_looked_at(lab: Served):
    """
    A merge request wakes the review of the source whose branch it goes into; the same one twice is
    one review, and a comment that is a command is heard once.
    """
    answers = [gitlab(lab, each) for each in (MERGE, MERGE, NOTE, NOTE)]
    ref, id_ = "refs/merge-requests/7/head", note.joined(7, 1244)

    assert [(202, "reviews")] * 4 == [(each.status, each.json["woke"]) for each in answers]
    assert [("shop", ref, 7)] == [row[:3] for row in wanted(lab)]
    told = [(id_, 7, "dana", "/sark plan")]
    assert told * 2 == [row[1:] for row in heard(lab)]


def test_a_pull_request_of_gitea_is_looked_at(tea: Served):
    """
    A pull request that has moved wakes its review, and so does a command in a comment.
    """
    answers = [gitea(tea, *each) for each in (("pull_request", PULL), ("issue_comment", SAID))]

    assert [(202, "reviews")] * 2 == [(each.status, each.json["woke"]) for each in answers]
    assert [("shop", "refs/pull/7/head", 7)] == [row[:3] for row in wanted(tea)]
    assert [(1244, 7, "dana.k", "/sark plan")] * 2 == [row[1:] for row in heard(tea)]


@pytest.mark.parametrize(
    "told",
    [
        {"object_kind": "pipeline"},
        {"object_kind": "note"},
        {**MERGE, "object_attributes": {**MERGE["object_attributes"], "action": "approved"}},
        {**NOTE, "merge_request": None},
    ],
)
def test_what_matters_to_nobody_wakes_nobody(lab: Served, told: dict[str, Any]):
    """
    Other events, and what lacks what it should have, are taken and change nothing.
    """
    answer = gitlab(lab, told)

    assert (202, "nobody") == (answer.status, answer.json["woke"])
    assert [] == wanted(lab) + heard(lab)


@pytest.mark.parametrize(
    ("secret", "source"),
    [("", "shop"), (SECRET[:-1], "shop"), (f"{SECRET} ", "else"), (SECRET, "quiet"), ("é", "shop")],
)
def test_who_does_not_prove_himself_is_refused(lab: Served, secret: str, source: str):
    """
    Without the secret, for a source that has none, and for one that is not there: the same 401.
    """
    answer = gitlab(lab, MERGE, secret, source)

    assert (401, "webhook.unsigned") == (answer.status, answer.json["code"])
    assert [] == wanted(lab)


def test_a_body_that_gitea_has_not_signed_is_refused(tea: Served):
    """
    A signature of another secret is 401, and nobody is woken.
    """
    answer = gitea(tea, "pull_request", PULL, "another secret of theirs")

    assert (401, "webhook.unsigned") == (answer.status, answer.json["code"])
    assert [] == wanted(tea)


def test_nonsense_is_told_what_it_lacks(lab: Served):
    """
    A delivery that proved itself and is none is 400, and says what was expected.
    """
    nonsense: list[Any] = [[], {}, {"object_kind": 7}]
    for told in nonsense:
        answer = gitlab(lab, told)

        assert (400, "forge.payload") == (answer.status, answer.json["code"])
    assert "object_kind" in answer.json["detail"]


def test_gitea_must_say_what_it_delivers(tea: Served):
    """
    Without the name of the event, or at the address of another forge, the answer says so.
    """
    answer = gitea(tea, "", PULL)
    other = gitlab(tea, MERGE)

    assert "X-Gitea-Event" in answer.json["detail"]
    assert "source shop is at Gitea: deliver to /hooks/gitea/shop" == other.json["detail"]
    assert (400, 400) == (answer.status, other.status)
