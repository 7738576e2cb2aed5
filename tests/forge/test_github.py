"""GitHub through an app or a token: what is said, what is read, and what is cut."""

from pathlib import Path
from typing import Any

import pytest

from engine.core.review import Conclusion
from engine.errors import Denied, Invalid, NotFound
from engine.forge.contract import Annotation, Check, Comment, Forge, Pull, State
from engine.forge.github import MOST_COMMENTS
from tests.forge.asking import asked, by_app, by_token
from tests.forge.github import SLUG, FakeGitHub

HEAD, BASE = "a" * 40, "b" * 40


@pytest.fixture
def app(hub: FakeGitHub, tmp_path: Path) -> dict[str, Any]:
    return by_app(hub, tmp_path)


def check(**told: Any) -> Check:
    return Check(**{"name": "sark / plan", "sha": HEAD, "title": "1 added", "summary": "…", **told})


def words(count: int, level: str = "notice") -> list[Annotation]:
    return [Annotation("a.yaml", at + 1, level, f"{level} {at}", "why") for at in range(count)]


def test_a_pull_request_is_read(hub: FakeGitHub, app: dict[str, Any]):
    """
    What is known of a pull request is what GitHub tells now: its ends, its author, its state.
    """
    hub.pull(HEAD, BASE, number=482, fork=True, draft=True)
    hub.pull(HEAD, BASE, number=483)
    hub.close(483, merged="c" * 40)

    first = asked(app, lambda forge: forge.pull(482))
    second = asked(app, lambda forge: forge.pull(483))

    expected = Pull(482, "Tune invoice export", "dana", "main", BASE, HEAD, True, True, True)
    assert expected == first
    assert (False, False, "c" * 40) == (second.is_fork, second.is_open, second.merged_sha)
    with pytest.raises(NotFound, match="404"):
        asked(app, lambda forge: forge.pull(1))


def test_a_pull_request_whose_fork_is_gone(hub: FakeGitHub, app: dict[str, Any]):
    """
    A pull request from a fork that was deleted is one from a fork still.
    """
    number = hub.pull(HEAD, BASE, fork=True)
    hub.pulls[number]["head"] |= {"repo": None, "user": None}
    hub.pulls[number]["user"] = None

    found = asked(app, lambda forge: forge.pull(number))

    assert (True, "ghost") == (found.is_fork, found.author)


def test_open_pull_requests_of_a_branch(hub: FakeGitHub, app: dict[str, Any]):
    """
    All open pull requests into a branch are found, the newest first, over many pages.
    """
    for number in range(1, 231):
        hub.pull(HEAD, BASE, number=number, base="main" if number % 2 else "other")
    hub.close(9)

    found = [each.number for each in asked(app, lambda forge: forge.open_pulls("main"))]

    assert [each for each in range(229, 0, -2) if each != 9] == found


def test_more_pull_requests_than_are_read(hub: FakeGitHub, app: dict[str, Any]):
    """
    Of a crowd the newest 300 are read.
    """
    for number in range(1, 321):
        hub.pull(HEAD, BASE, number=number)

    assert 300 == len(asked(app, lambda forge: forge.open_pulls("main")))


def test_the_files_of_a_pull_request(hub: FakeGitHub, app: dict[str, Any]):
    """
    The files of a pull request are known; one that moved by both of its names.
    """
    hub.changed[7] = [{"filename": "b", "previous_filename": "a"}, {"filename": "c"}]

    assert ["b", "c", "a"] == asked(app, lambda forge: forge.files(7))


def test_a_status_is_said(hub: FakeGitHub, app: dict[str, Any]):
    """
    A commit's status has its context, state and link; of a long text, the beginning.
    """

    async def say(forge: Forge) -> None:
        await forge.status(HEAD, "sark/production", State.PENDING, "x" * 200, "https://sark/a")
        await forge.status(HEAD, "sark/production", State.SUCCESS, "active since 14:02:13", "")

    asked(app, say)

    assert [
        (HEAD, "pending", "x" * 139 + "…"),
        (HEAD, "success", "active since 14:02:13"),
    ] == hub.told("sark/production")
    assert ["https://sark/a", None] == [each["target_url"] for each in hub.statuses]


def test_a_status_of_a_commit_that_is_not_there(app: dict[str, Any]):
    """
    GitHub's own words say what it does not take.
    """
    with pytest.raises(Invalid, match="No commit found for SHA"):
        asked(app, lambda forge: forge.status("0" * 40, "sark/x", State.SUCCESS, "", ""))


def test_a_check_goes_its_way(hub: FakeGitHub, app: dict[str, Any]):
    """
    A check is made while the work is under way, and written again as it ended.
    """

    async def work(forge: Forge) -> tuple[int, int]:
        id_ = await forge.check(check(url="https://sark/plans/7"))
        under_way.append((hub.checks[id_]["status"], hub.checks[id_]["conclusion"]))
        told = check(title="2 errors", conclusion=Conclusion.FAILURE, summary="s" * 70_000)
        return id_, await forge.check(told, id_)

    under_way: list[tuple[str, str | None]] = []
    first, second = asked(app, work)

    (found,) = hub.checks.values()
    assert [("in_progress", None)] == under_way
    assert first == second == found["id"]
    assert ("completed", "failure") == (found["status"], found["conclusion"])
    assert ("2 errors", 65_535) == (found["output"]["title"], len(found["output"]["summary"]))
    assert (HEAD, "sark / plan") == (found["head_sha"], found["name"])


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"conclusion": Conclusion.SUCCESS}, "success"),
        ({"conclusion": Conclusion.ACTION_REQUIRED}, "action_required"),
        ({"conclusion": Conclusion.NEUTRAL}, "neutral"),
        ({"cancelled": True}, "cancelled"),
    ],
)
def test_how_a_check_ends(
    hub: FakeGitHub, app: dict[str, Any], told: dict[str, Any], expected: str
):
    """
    Each way to end has GitHub's word.
    """
    asked(app, lambda forge: forge.check(check(**told)))

    assert [expected] == [each["conclusion"] for each in hub.checks.values()]


def test_many_annotations(hub: FakeGitHub, app: dict[str, Any]):
    """
    The worst 200 annotations are shown, 50 a request; the conclusion comes with the last of them.
    """
    told = [*words(130), *words(60, "warning"), *words(70, "failure")]
    done = check(annotations=told, conclusion=Conclusion.FAILURE)

    id_ = asked(app, lambda forge: forge.check(done))

    levels = [each["annotation_level"] for each in hub.annotations[id_]]
    assert ["failure"] * 70 + ["warning"] * 60 + ["notice"] * 70 == levels
    sent = [each.body for each in hub.asked(".*check-runs")]
    assert [50, 50, 50, 50] == [len(each["output"]["annotations"]) for each in sent]
    assert [None, None, None, "failure"] == [each.get("conclusion") for each in sent]


def test_a_check_by_a_token(hub: FakeGitHub, tmp_path: Path):
    """
    Without an app a check is a status of its name: what waits for a person holds a merge up.
    """
    told = check(title="1 approval needed", conclusion=Conclusion.ACTION_REQUIRED)

    id_ = asked(by_token(hub, tmp_path), lambda forge: forge.check(told))

    assert 0 == id_
    assert [(HEAD, "pending", "1 approval needed")] == hub.told("sark / plan")
    assert {} == hub.checks


def test_our_comments_are_known(hub: FakeGitHub, app: dict[str, Any], tmp_path: Path):
    """
    Comments are read over all pages, and ours are told from others that look the same.
    """
    number = hub.pull(HEAD, BASE)
    for at in range(150):
        hub.say(number, f"word {at}")

    async def talk(forge: Forge) -> list[Comment]:
        id_ = await forge.comment(number, "<!-- sark:plan -->\nold")
        assert id_ == await forge.comment(number, "<!-- sark:plan -->\nnew", id_)
        return list(await forge.comments(number))

    found = asked(app, talk)

    assert [151] == [each.id for each in found if each.is_ours]
    assert Comment(151, f"{SLUG}[bot]", "<!-- sark:plan -->\nnew", True) == found[-1]
    by_ann = asked(by_token(hub, tmp_path), lambda forge: forge.comments(number))
    assert [] == [each.id for each in by_ann if each.is_ours]


def test_a_comment_of_any_length(hub: FakeGitHub, app: dict[str, Any]):
    """
    A comment that is longer than GitHub takes is cut, and does not fail.
    """
    number = hub.pull(HEAD, BASE)

    asked(app, lambda forge: forge.comment(number, "é" * 70_000))

    assert ["é" * 65_534 + "…"] == hub.texts(number)


def test_a_comment_is_answered(hub: FakeGitHub, app: dict[str, Any]):
    """
    A command is answered by an emoji, once however often that is said.
    """

    async def react(forge: Forge) -> None:
        for _ in range(2):
            await forge.react(1, "eyes")

    asked(app, react)

    assert [(1, "eyes")] == hub.reactions


@pytest.mark.parametrize(
    ("login", "expected"), [("ann", True), ("dana", True), ("eve", False), ("nobody", False)]
)
def test_who_may_write(app: dict[str, Any], login: str, expected: bool):
    """
    Whoever may push may write; readers and strangers may not.
    """
    assert expected == asked(app, lambda forge: forge.may_write(login))


@pytest.mark.parametrize(
    ("login", "team", "expected"),
    [
        ("dana", "acme/payments", True),
        ("dana", "payments", True),
        ("carl", "acme/payments", False),
        ("eve", "acme/payments", False),
        ("dana", "acme/../../user", False),
        ("dana", "acme/none", False),
    ],
)
def test_who_is_of_a_team(
    hub: FakeGitHub, app: dict[str, Any], login: str, team: str, expected: bool
):
    """
    Members count; whoever is only invited, or of no such team, does not.
    """
    hub.teams["acme/payments"] = {"dana", "invited:carl"}

    assert expected == asked(app, lambda forge: forge.is_member(login, team))


def test_who_approves_a_head(hub: FakeGitHub, app: dict[str, Any]):
    """
    The newest yes or no of each counts, if it is said of the head; comments take nothing back.
    """
    number = hub.pull(HEAD, BASE)
    for login, state, sha in (
        ("ann", "CHANGES_REQUESTED", ""), ("ann", "APPROVED", ""), ("ann", "COMMENTED", ""),
        ("bob", "APPROVED", ""), ("bob", "CHANGES_REQUESTED", ""), ("carl", "DISMISSED", ""),
        ("dana", "APPROVED", "c" * 40), ("eve", "COMMENTED", ""), ("finn", "APPROVED", ""),
    ):  # fmt: skip
        hub.review(number, login, state, sha)

    assert ["ann", "finn"] == asked(app, lambda forge: forge.approvers(number, HEAD))
    assert [] == asked(app, lambda forge: forge.approvers(number + 1, HEAD))


def test_of_too_many_reviews_none_counts(hub: FakeGitHub, app: dict[str, Any]):
    """
    Whoever floods a pull request with comments hides no word that takes an approval back.
    """
    number = hub.pull(HEAD, BASE)
    hub.review(number, "ann", "APPROVED", "")
    hub.review(number, "eve", "COMMENTED", "")
    hub.reviews[number] += hub.reviews[number][-1:] * (MOST_COMMENTS - 2)
    hub.review(number, "ann", "CHANGES_REQUESTED", "")

    assert () == asked(app, lambda forge: forge.approvers(number, HEAD))


def test_strangers_stand_behind_those_who_may_push(hub: FakeGitHub, app: dict[str, Any]):
    """
    However many strangers approve before a maintainer does, he is told of first; of a few who
    approve nobody is sought.
    """
    number, strangers = hub.pull(HEAD, BASE), [f"stranger{n}" for n in range(20)]
    for login in (*strangers[1:], "eve"):
        hub.review(number, login)
    assert [*strangers[1:], "eve"] == asked(app, lambda forge: forge.approvers(number, HEAD))
    assert [] == hub.asked(f"GET /repos/{hub.repository}/collaborators")

    hub.review(number, "dana")
    told = asked(app, lambda forge: forge.approvers(number, HEAD))

    assert ["dana", *strangers[1:], "eve"] == told


def test_who_may_not_ask_who_may_push_is_told_of_approvals(hub: FakeGitHub, app: dict[str, Any]):
    """
    A credential that is not told who may push loses no approval by that.
    """
    number, many = hub.pull(HEAD, BASE), [f"stranger{n}" for n in range(30)]
    for login in many:
        hub.review(number, login)
    hub.fail(403, "Resource not accessible by integration", on=".*/collaborators", times=9)

    assert many == asked(app, lambda forge: forge.approvers(number, HEAD))


def test_a_pull_request_is_opened_once(hub: FakeGitHub, app: dict[str, Any]):
    """
    A branch is asked to be merged once: a second time finds the first.
    """

    async def twice(forge: Forge) -> list[int]:
        return [await forge.open_pull("revert", "main", "Revert", "why") for _ in range(2)]

    assert [482, 482] == asked(app, twice)
    assert ["why"] == [each["body"] for each in hub.pulls.values()]


def test_what_the_credential_may_not(hub: FakeGitHub, app: dict[str, Any]):
    """
    A permission that the app lacks is told as such.
    """
    hub.fail(403, "Resource not accessible by integration")

    with pytest.raises(Denied, match="not accessible by integration"):
        asked(app, lambda forge: forge.may_write("ann"))
