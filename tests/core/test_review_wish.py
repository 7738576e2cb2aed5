"""What deliveries want, and what people say: words from outside, taken or left."""

from typing import Any

import pytest

from engine.core.review import Effect, Ruling, Rulings, gitlab
from engine.core.review.approval import Approval, approved
from engine.core.review.command import Command, Verb, parse
from engine.core.review.wish import Heard, Look, Rerun, head_ref, wish

SHA, OTHER = "a" * 40, "b" * 40
PULL: dict[str, Any] = {"action": "opened", "number": 7, "pull_request": {"base": {"ref": "main"}}}
REVIEWED: dict[str, Any] = {"pull_request": {"number": 7, "base": {"ref": "main"}}}
SEVEN = Look("refs/pull/7/head", 7, "refs/heads/main")
QUEUE = "refs/heads/gh-readonly-queue/main/pr-7-x"
GROUP: dict[str, Any] = {
    "head_ref": QUEUE, "head_sha": SHA, "base_ref": "refs/heads/main", "base_sha": OTHER,
}  # fmt: skip
SAID: dict[str, Any] = {
    "action": "created", "issue": {"number": 7, "pull_request": {"url": "x"}},
    "comment": {"id": 9, "body": "/sark plan", "user": {"login": "ann"}},
}  # fmt: skip


def comment(**parts: Any) -> dict[str, Any]:
    return {**SAID, "comment": {**SAID["comment"], **parts}}


@pytest.mark.parametrize(
    ("kind", "payload", "wanted"),
    [
        ("pull_request", PULL, SEVEN),
        ("pull_request", {**PULL, "action": "synchronize"}, SEVEN),
        ("pull_request", {**PULL, "action": "closed"}, SEVEN),
        ("pull_request", {**PULL, "action": "labeled"}, None),
        ("pull_request", {**PULL, "action": "edited", "changes": {"title": {}}}, None),
        ("pull_request", {**PULL, "action": "edited", "changes": {"base": {}}}, SEVEN),
        ("pull_request", {**PULL, "number": True}, None),
        ("pull_request", {**PULL, "number": -7}, None),
        ("pull_request", {**PULL, "number": 1 << 40}, None),
        ("pull_request", {**PULL, "number": "7"}, None),
        ("pull_request", {"action": "opened", "number": 7}, Look("refs/pull/7/head", 7)),
        ("merge_group", {"action": "checks_requested", "merge_group": GROUP},
         Look(QUEUE, 0, "refs/heads/main", SHA, OTHER)),
        ("merge_group", {"action": "destroyed", "merge_group": GROUP},
         Look(QUEUE, 0, "refs/heads/main", is_over=True)),
        ("merge_group", {"action": "other", "merge_group": GROUP}, None),
        ("merge_group", {"action": "checks_requested", "merge_group": {**GROUP, "head_sha": "x"}},
         None),
        ("merge_group", {"action": "checks_requested", "merge_group": {**GROUP, "head_ref":
         "refs/heads/main"}}, None),
        ("check_run", {"action": "rerequested", "check_run": {"id": 5}}, Rerun(5)),
        ("check_run", {"action": "rerequested", "check_run": {}}, None),
        ("check_run", {"action": "completed", "check_run": {"id": 5}}, None),
        ("issue_comment", SAID, Heard(7, 9, "ann", "/sark plan", "refs/pull/7/head")),
        ("issue_comment", {**SAID, "action": "edited"}, None),
        ("issue_comment", {**SAID, "issue": {"number": 7}}, None),
        ("issue_comment", comment(body="hello /sark plan"), None),
        ("issue_comment", comment(body="/sark plan" + "x" * 1000), None),
        ("issue_comment", comment(body="/sark \0"), None),
        ("issue_comment", comment(user={"login": "a b"}), None),
        ("issue_comment", comment(user=None, id=0), None),
        ("push", {"ref": "refs/heads/main"}, None),
        ("pull_request_review", {**REVIEWED, "action": "submitted"}, SEVEN),
        ("pull_request_review", {**REVIEWED, "action": "dismissed"}, SEVEN),
        ("pull_request_review", {**REVIEWED, "action": "edited"}, None),
        ("pull_request_review", {"action": "submitted"}, None),
    ],
)  # fmt: skip
def test_what_a_delivery_wants(kind: str, payload: dict[str, Any], wanted: object):
    """
    A delivery names a pull request, a merge group, a check or a command; whatever else it says,
    and whatever is not as it should be, wants nothing.
    """
    assert wanted == wish(f"github.{kind}", payload)


MERGE: dict[str, Any] = {"iid": 7, "target_branch": "main"}
NOTE: dict[str, Any] = {
    "object_kind": "note", "user": {"username": "ann.b"}, "merge_request": {"iid": 7},
    "object_attributes": {"id": 9, "note": "/sark plan", "action": "create",
                          "noteable_type": "MergeRequest"},
}  # fmt: skip
AT_GITLAB = Look("refs/merge-requests/7/head", 7, "refs/heads/main")


def merge(action: str, changes: Any = None, **more: Any) -> dict[str, Any]:
    told = {**MERGE, "action": action, **more}
    return {"object_kind": "merge_request", "object_attributes": told, "changes": changes or {}}


def noted(**parts: Any) -> dict[str, Any]:
    return {**NOTE, "object_attributes": {**NOTE["object_attributes"], **parts}}


@pytest.mark.parametrize(
    ("payload", "wanted"),
    [
        (merge("open"), AT_GITLAB),
        (merge("close"), AT_GITLAB),
        (merge("reopen"), AT_GITLAB),
        (merge("merge"), AT_GITLAB),
        (merge("update"), None),
        (merge("update", {"labels": {}}), None),
        (merge("update", oldrev="a" * 40), AT_GITLAB),
        (merge("update", {"target_branch": {"previous": "x", "current": "main"}}), AT_GITLAB),
        (merge("update", {"draft": {"previous": True, "current": False}}), AT_GITLAB),
        (merge("update", ["draft"]), None),
        (merge("approved"), None),
        (merge("open", iid=0), None),
        (merge("open", iid=1 << 23), None),
        (merge("open", target_branch="a b"), Look("refs/merge-requests/7/head", 7)),
        (NOTE, Heard(7, 7 << 40 | 9, "ann.b", "/sark plan", "refs/merge-requests/7/head")),
        (noted(action="update"), None),
        (noted(noteable_type="Issue"), None),
        (noted(note="hello"), None),
        (noted(id=1 << 40), None),
        ({**NOTE, "user": {"username": "a b"}}, None),
        ({**NOTE, "merge_request": None}, None),
        ({"object_kind": "push"}, None),
        ({}, None),
    ],
)
def test_what_a_delivery_of_gitlab_wants(payload: dict[str, Any], wanted: object):
    """
    A merge request that has moved, and a new command, are heard of GitLab in its own words.
    """
    assert wanted == gitlab.wish(payload)


@pytest.mark.parametrize(
    ("kind", "payload", "wanted"),
    [
        ("pull_request", {**PULL, "action": "synchronized"}, SEVEN),
        ("pull_request", {**PULL, "action": "label_updated"}, None),
        ("pull_request", {**PULL, "action": "edited", "changes": {"ref": {"from": "x"}}}, SEVEN),
        ("pull_request", {**PULL, "action": "edited", "changes": {"title": {}}}, SEVEN),
        ("pull_request", {**PULL, "action": "edited", "changes": {"body": {}}}, None),
        ("issue_comment", SAID, Heard(7, 9, "ann", "/sark plan", "refs/pull/7/head")),
        ("pull_request_comment", SAID, None),
        ("pull_request_approved", {**REVIEWED, "action": "reviewed"}, SEVEN),
        ("pull_request_rejected", {**REVIEWED, "action": "reviewed"}, SEVEN),
        ("check_run", {"action": "rerequested", "check_run": {"id": 5}}, None),
    ],
)
def test_what_a_delivery_of_gitea_wants(kind: str, payload: dict[str, Any], wanted: object):
    """
    Gitea speaks GitHub's words; a title may make a draft there, and a branch is changed by `ref`.
    """
    assert wanted == wish(f"gitea.{kind}", payload)


def test_heads_are_where_their_forge_has_them():
    """
    A merge request of GitLab's is fetched from where GitLab has it.
    """
    assert "refs/pull/7/head" == head_ref(7)
    assert "refs/merge-requests/7/head" == head_ref(7, "gitlab")


@pytest.mark.parametrize(
    ("body", "command"),
    [
        ("/sark plan", Command(Verb.PLAN)),
        ("/sark retest\r\nand more", Command(Verb.RETEST)),
        ("/sark help  ", Command(Verb.HELP)),
        ("/sark approve a-rule 7c1e0b52", Command(Verb.APPROVE, "a-rule", "7c1e0b52")),
        (f"/sark ok {SHA}", Command(Verb.OK, plan=SHA)),
        ("/sark ok", Command(Verb.HELP, is_known=False)),
        ("/sark preview deploy", Command(Verb.PREVIEW, workflow="deploy")),
        (
            '/sark preview deploy day=2026-01-01 l=["a"] e=',
            Command(
                Verb.PREVIEW,
                workflow="deploy",
                inputs=(("day", "2026-01-01"), ("l", '["a"]'), ("e", "")),
            ),
        ),
        ("/sark preview", Command(Verb.HELP, is_known=False)),
        ("/sark preview Deploy", Command(Verb.HELP, is_known=False)),
        ("/sark preview a/b", Command(Verb.HELP, is_known=False)),
        ("/sark preview deploy  a=1", Command(Verb.HELP, is_known=False)),
        ("/sark preview deploy a=1 a=2", Command(Verb.HELP, is_known=False)),
        ("/sark preview deploy a=\u00e9", Command(Verb.HELP, is_known=False)),
        ("/sark preview deploy a=" + "x" * 201, Command(Verb.HELP, is_known=False)),
        ("/sark preview deploy <img>", Command(Verb.HELP, is_known=False)),
        ("/sark approve a-rule 7C1E0B52", Command(Verb.HELP, is_known=False)),
        ("/sark approve a-rule 7c1e0b52 please", Command(Verb.HELP, is_known=False)),
        ("/sark  plan", Command(Verb.HELP, is_known=False)),
        ("/sark", Command(Verb.HELP, is_known=False)),
        ("/sarkasm plan", None),
        ("well\n/sark plan", None),
        ("", None),
    ],
)
def test_commands_have_one_grammar(body: str, command: Command | None):
    """
    A command is the first line, letter by letter; what is nearly one gets help, not a guess.
    """
    assert command == parse(body)


ASKED = Ruling("r", Effect.APPROVAL, "it is new", "w", team="acme/pay")


@pytest.mark.parametrize(
    ("approval", "by"),
    [
        (Approval("r", "acme/pay", "d", "ann"), "ann"),
        (Approval("r", "acme/pay", "d", "Dana"), ""),
        (Approval("r", "acme/pay", "other", "ann"), ""),
        (Approval("r", "acme/ops", "d", "ann"), ""),
        (Approval("other", "acme/pay", "d", "ann"), ""),
    ],
)
def test_approvals_count_for_their_rule_team_and_plan(approval: Approval, by: str):
    """
    An approval counts for one rule, one team and one plan, and never for one's own change.
    """
    warned = Ruling("r", Effect.WARN, "look", "w", team="acme/pay")
    told = approved(Rulings((ASKED, warned)), [approval], "d", "dana")

    assert [by, ""] == [each.approved_by for each in told.rulings]
