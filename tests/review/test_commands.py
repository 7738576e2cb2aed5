"""What people say to a review in comments, and who may."""

from pathlib import Path

import pytest

from tests.git.repo import spec
from tests.review.stage import TEAM, Stage, stage

RULE = f"""\
rule("new-needs-owner", "A new workflow needs its owner.");
approval("new-needs-owner", change, "{TEAM}", ["it is new"]) if change.kind = "added";
"""


@pytest.fixture
def here(tmp_path: Path, database_url: str):
    with stage(tmp_path, database_url) as made:
        made.start({"a.yaml": spec("a"), "policies/a.polar": RULE})
        yield made


def opened(here: Stage) -> tuple[int, str]:
    """Open a pull request of dana's that waits for an approval; return it and its plan."""
    number = here.open({"c.yaml": spec("c")}, author="dana")
    check = here.concluded(here.fork.head)
    assert "action_required" == check["conclusion"]
    return number, plan(here)


def plan(here: Stage) -> str:
    return str(here.rows("SELECT digest FROM reviews")[0][0])[:8]


def said(here: Stage, number: int, body: str, login: str) -> str:
    """Say something, and return what the check says afterwards."""
    here.say(number, body, login)
    here.settled()
    return str(here.concluded(here.fork.head)["output"]["summary"])


def check_after(here: Stage, number: int, body: str) -> str:
    """Let ann say something; return how the check of the head ends."""
    here.say(number, body, "ann")
    here.settled()
    return str(here.concluded(here.fork.head)["conclusion"])


def test_an_approval_by_a_member_counts_while_the_plan_holds(here: Stage):
    """
    A member of the team approves; it survives a rebase that changes nothing, and is void once the
    plan is another.
    """
    number, known = opened(here)
    said(here, number, f"/sark approve new-needs-owner {known}", "ann")

    assert "success" == here.concluded(here.fork.head)["conclusion"]
    assert [(here.hub.comments[-1]["id"], "eyes")] == here.hub.reactions
    assert 1 == len(here.ours(number))

    here.fork.git("commit", "-q", "--amend", "-m", "Other words")
    here.push(number, {"../README.md": "and no workflow"})

    assert "success" == here.concluded(here.fork.head)["conclusion"]

    here.push(number, {"c.yaml": spec("c", "other")})

    assert "action_required" == here.concluded(here.fork.head)["conclusion"]
    assert known != plan(here)


@pytest.mark.parametrize(
    ("login", "words", "why"),
    [
        ("dana", "approve new-needs-owner PLAN", "nobody approves a change of his own"),
        ("bob", "approve new-needs-owner PLAN", f"only a member of `{TEAM}`"),
        ("eve", "approve new-needs-owner PLAN", "who may not write to the repository"),
        ("ann", "approve new-needs-owner 00000000", "the plan is `PLAN`"),
        ("ann", "approve others PLAN", "what does: `new-needs-owner`"),
        ("ann", "ok " + "0" * 40, "nothing was trusted"),
        ("ann", "deploy", "this is no command"),
    ],
)
def test_what_is_refused_is_said_in_the_check(here: Stage, login: str, words: str, why: str):
    """
    An approval of one's own, by a stranger, for another plan or rule: nothing is approved, no
    comment is added, and the check says why.
    """
    number, known = opened(here)
    here.hub.teams[TEAM].add("eve")
    told = said(here, number, f"/sark {words.replace('PLAN', known)}", login)

    assert why.replace("PLAN", known) in told
    assert 1 == len(here.ours(number))
    assert [] == here.hub.reactions
    assert [] == here.rows("SELECT * FROM review_approvals")


def test_an_approver_who_may_not_write_any_more_does_not_count(here: Stage):
    """
    What was approved waits again once the approver has lost the right to.
    """
    number, known = opened(here)
    said(here, number, f"/sark approve new-needs-owner {known}", "ann")
    assert "success" == here.concluded(here.fork.head)["conclusion"]
    here.hub.permissions["ann"] = "read"
    here.say(number, "/sark plan", "bob")
    here.settled()

    assert "action_required" == here.concluded(here.fork.head)["conclusion"]


def test_a_comment_that_was_edited_is_not_heard(here: Stage):
    """
    Whoever edits another's comment does not speak with his voice.
    """
    number, known = opened(here)
    id_ = here.hub.say(number, "/sark plan", "ann")
    payload = here.hub.issue_comment("created", id_)
    here.hub.comments[id_ - 1]["body"] = f"/sark approve new-needs-owner {known}"
    forged = {**payload, "comment": {**payload["comment"], "body": "/sark plan"}}
    here.deliver("issue_comment", forged)
    here.settled()

    assert "a comment that was edited is not heard" in here.checks()[-1]["output"]["summary"]
    assert [] == here.rows("SELECT * FROM review_approvals")


def test_policies_of_the_base_judge(here: Stage):
    """
    A pull request that takes the rule away is judged by it all the same.
    """
    here.open({"c.yaml": spec("c")}, gone=("policies/a.polar",))

    assert "action_required" == here.concluded(here.fork.head)["conclusion"]


def test_help_says_what_there_is(here: Stage):
    """
    Who asks is told every command, in the check.
    """
    number, _ = opened(here)

    assert "`/sark approve RULE PLAN`" in said(here, number, "/sark help", "bob")


VIA = RULE + 'via_review("new-needs-owner");\n'


def reviewed(
    here: Stage, number: int, login: str, state: str = "APPROVED", action: str = "submitted",
    sha: str = "",
) -> str:  # fmt: skip
    """Review the head as somebody; return how the check ends then."""
    here.hub.review(number, login, state, sha)
    here.deliver("pull_request_review", here.hub.pull_request_review(action, number))
    here.settled()
    return str(here.concluded(here.fork.head)["conclusion"])


def test_a_review_at_the_forge_approves_where_the_rule_says_so(here: Stage):
    """
    A member's review of the head counts, and is void with a newer head or once it is dismissed;
    strangers', the author's own, and those of other heads, never count.
    """
    here.fork.commit({"flows/policies/a.polar": VIA})
    here.repo.git("pull", "-q", here.fork.url, "main")
    number, _ = opened(here)
    assert "a member of **`acme/payments`** approves this head or comments" in here.ours(number)[0]

    waits = "action_required"
    assert [waits, waits, waits, waits, "success"] == [
        reviewed(here, number, "bob"), reviewed(here, number, "eve"),
        reviewed(here, number, "dana"),
        reviewed(here, number, "ann", sha="c" * 40), reviewed(here, number, "ann"),
    ]  # fmt: skip
    assert "by `ann`" in here.ours(number)[0]
    assert waits == reviewed(here, number, "ann", "DISMISSED", "dismissed")
    assert "success" == reviewed(here, number, "ann")

    here.push(number, {"c.yaml": spec("c", "other")})

    assert waits == here.concluded(here.fork.head)["conclusion"]


def test_strangers_who_approve_crowd_out_nobody(here: Stage):
    """
    A member's review counts however many others have reviewed before.
    """
    here.fork.commit({"flows/policies/a.polar": VIA})
    here.repo.git("pull", "-q", here.fork.url, "main")
    number, _ = opened(here)
    for n in range(25):
        here.hub.review(number, f"stranger{n}")

    assert "success" == reviewed(here, number, "ann")


def queue(here: Stage, number: int, before: str) -> str:
    """Let the head of the fork be a group of the merge queue; return how its check ends."""
    group, ref = here.fork.head, f"refs/heads/gh-readonly-queue/main/pr-{number}-{before}"
    here.repo.git("fetch", "-q", here.fork.url, f"+main:{ref}")
    told = {"head_sha": group, "head_ref": ref, "base_sha": before, "base_ref": "refs/heads/main"}
    known = here.hub.pull_request("opened", number)
    asked = {"action": "checks_requested", "merge_group": told, "repository": known["repository"]}
    here.deliver("merge_group", asked)
    return str(here.concluded(group)["conclusion"])


def test_a_group_of_a_merge_queue_has_the_reviews_of_its_pull_request(here: Stage):
    """
    What a review has approved is approved in the queue; there, too, nothing of it is written down.
    """
    here.fork.commit({"flows/policies/a.polar": VIA})
    here.repo.git("pull", "-q", here.fork.url, "main")
    number, _ = opened(here)
    assert "success" == reviewed(here, number, "ann")
    here.fork.git("commit", "-q", "--allow-empty", "-m", "merge group")

    assert "success" == queue(here, number, here.repo.head)
    assert [] == here.rows("SELECT * FROM review_approvals")


def test_a_group_that_stands_on_another_is_told_by_what_it_adds(here: Stage):
    """
    Two pull requests are approved and queued: the group of the second stands on that of the first,
    and is the plan that was approved.
    """
    first, known = opened(here)
    said(here, first, f"/sark approve new-needs-owner {known}", "ann")
    here.fork.git("reset", "-q", "--hard", "HEAD~1")
    second = here.open({"d.yaml": spec("d")}, author="dana")
    here.settled()
    told = here.rows(f"SELECT digest FROM reviews WHERE number = {second}")[0][0][:8]
    assert "success" == check_after(here, second, f"/sark approve new-needs-owner {told}")
    here.fork.git("fetch", "-q", here.repo.url, f"refs/pull/{first}/head:one")
    own = here.fork.head
    here.fork.git("reset", "-q", "--hard", "one")
    assert "success" == queue(here, first, here.repo.head)
    group = here.fork.head
    here.fork.git("merge", "-q", "-m", "merge group", own)

    assert "success" == queue(here, second, group)
    here.fork.git("commit", "-q", "--allow-empty", "-m", "one that stands on what nobody has")
    assert "action_required" == queue(here, second, "1" * 40)


def test_a_group_answers_for_one_below_it_that_has_not_passed(here: Stage):
    """
    A group that changes nothing of any workflow stands on one that waits for approval: it waits,
    too, for a queue may take both along where the upper one has passed.
    """
    first, _ = opened(here)
    assert "action_required" == queue(here, first, here.repo.head)
    below = here.fork.head
    here.fork.git("commit", "-q", "--allow-empty", "-m", "harmless")

    assert "action_required" == queue(here, first, below)


def test_a_review_is_no_approval_unless_the_rule_says_so(here: Stage):
    """
    Without a word of the rule only what is said to the plan counts.
    """
    number, _ = opened(here)

    assert "action_required" == reviewed(here, number, "ann")
