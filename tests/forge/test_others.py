"""GitLab and Gitea: what GitHub is told, told there in their own words."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.core.review import Conclusion
from engine.errors import Denied, NotFound
from engine.forge.contract import Check, Comment, Forge, State
from tests.forge import gitea, gitlab
from tests.forge.asking import asked
from tests.forge.gitea import FakeGitea
from tests.forge.gitlab import FakeGitLab

HEAD, BASE = "a" * 40, "b" * 40
Hub = FakeGitLab | FakeGitea


@pytest.fixture(params=["gitlab", "gitea"])
def hub(request: pytest.FixtureRequest) -> Iterator[Hub]:
    made: Hub = FakeGitLab() if request.param == "gitlab" else FakeGitea()
    with made as fake:
        yield fake


@pytest.fixture
def told(hub: Hub, tmp_path: Path) -> dict[str, Any]:
    kind = "gitlab" if isinstance(hub, FakeGitLab) else "gitea"
    (tmp_path / "token").write_text(gitlab.TOKEN if kind == "gitlab" else gitea.TOKEN)
    token = f"file:{tmp_path / 'token'}"
    return {"kind": kind, "repository": hub.repository, "api": hub.api, "token": token}


def failed(hub: Hub) -> str:
    return "failed" if isinstance(hub, FakeGitLab) else "failure"


def test_a_request_is_read(hub: Hub, told: dict[str, Any]):
    """
    What is to be merged is known by its ends, its author and its state.
    """
    number = hub.pull(HEAD, fork=True, draft=True)

    found = asked(told, lambda forge: forge.pull(number))

    assert (number, "dana", "main", BASE, HEAD) == (
        found.number, found.author, found.base, found.base_sha, found.head_sha,
    )  # fmt: skip
    assert (True, True, True, "") == (
        found.is_fork, found.is_draft, found.is_open, found.merged_sha,
    )  # fmt: skip
    with pytest.raises(NotFound):
        asked(told, lambda forge: forge.pull(99))


def test_what_was_merged(hub: Hub, told: dict[str, Any]):
    """
    What was merged says as which commit.
    """
    state = "merged" if isinstance(hub, FakeGitLab) else "closed"
    when = "2026-11-28T12:00:00Z"
    number = hub.pull(HEAD, state=state, merge_commit_sha="c" * 40, merged_at=when)

    found = asked(told, lambda forge: forge.pull(number))

    assert (False, "c" * 40) == (found.is_open, found.merged_sha)


def test_open_requests(hub: Hub, told: dict[str, Any]):
    """
    All open ones into a branch are found, the newest first, over many pages.
    """
    for n in range(120):
        hub.pull(HEAD, branch=f"change-{n}")
    hub.pull(HEAD, state="closed")

    found = asked(told, lambda forge: forge.open_pulls("main"))

    assert list(range(120, 0, -1)) == [each.number for each in found]
    assert {BASE} == {each.base_sha for each in found}


def test_files(hub: Hub, told: dict[str, Any]):
    """
    The files that it touches are known, a moved one by both names.
    """
    hub.changed[1] = [
        {"filename": "b", "previous_filename": "a", "new_path": "b", "old_path": "a"},
        {"filename": "c", "new_path": "c", "old_path": "c"},
    ]

    assert {"a", "b", "c"} == set(asked(told, lambda forge: forge.files(1)))


def test_statuses(hub: Hub, told: dict[str, Any]):
    """
    What is said of a commit stands there; saying again what stands there is no fault.
    """

    async def say(forge: Forge) -> None:
        for state in (State.PENDING, State.PENDING, State.FAILURE):
            await forge.status(HEAD, "sark/production", state, "words", "https://sark.example")

    asked(told, say)

    heard = hub.told("sark/production")
    assert ["pending", failed(hub)] == list(dict.fromkeys(state for _, state, _ in heard))
    assert {(HEAD, "words")} == {(sha, words) for sha, _, words in heard}


def test_checks_are_statuses(hub: Hub, told: dict[str, Any]):
    """
    A check is a status of its name.
    """
    check = Check("sark / plan", HEAD, "2 errors", "…", Conclusion.FAILURE)

    assert 0 == asked(told, lambda forge: forge.check(check))
    assert [(HEAD, failed(hub), "2 errors")] == hub.told("sark / plan")


def test_comments(hub: Hub, told: dict[str, Any]):
    """
    Our comment is made, found among others over many pages, edited, and answered by an emoji.
    """
    number = hub.pull(HEAD)
    for n in range(120):
        hub.say(number, f"word {n}")

    async def talk(forge: Forge) -> list[Comment]:
        id_ = await forge.comment(number, "old")
        assert id_ == await forge.comment(number, "new", id_)
        for _ in range(2):
            await forge.react(id_, "eyes")
        return [each for each in await forge.comments(number) if each.is_ours]

    (ours,) = asked(told, talk)

    assert ("ann", "new") == (ours.author, ours.body)
    assert "new" == hub.texts(number)[-1]
    assert ["eyes"] == [word for _, word in hub.reactions]


def test_what_gitlab_says_itself_is_no_comment(tmp_path: Path):
    """
    Notes that GitLab writes, of a new label for example, are nobody's words.
    """
    (tmp_path / "token").write_text(gitlab.TOKEN)
    with FakeGitLab() as hub:
        number = hub.pull(HEAD)
        hub.say(number, "added label", system=True)
        told = {"kind": "gitlab", "repository": hub.repository, "api": hub.api}
        told["token"] = f"file:{tmp_path / 'token'}"

        assert [] == asked(told, lambda forge: forge.comments(number))


@pytest.mark.parametrize(
    ("login", "expected"), [("ann", True), ("dana", True), ("eve", False), ("nobody", False)]
)
def test_who_may_write(told: dict[str, Any], login: str, expected: bool):
    """
    Whoever may push may write; readers and strangers may not.
    """
    assert expected == asked(told, lambda forge: forge.may_write(login))


@pytest.mark.parametrize(
    ("login", "team", "expected"),
    [
        ("dana", "acme/payments", True),
        ("eve", "acme/payments", False),
        ("nobody", "acme/payments", False),
        ("dana", "acme/pay", False),
        ("dana", "acme/none", False),
    ],
)
def test_who_is_of_a_team(hub: Hub, told: dict[str, Any], login: str, team: str, expected: bool):
    """
    Members of the very team count.
    """
    (hub.groups if isinstance(hub, FakeGitLab) else hub.teams)["acme/payments"] = {"dana"}

    assert expected == asked(told, lambda forge: forge.is_member(login, team))


def test_who_approves_a_head(hub: Hub, told: dict[str, Any]):
    """
    Gitea tells of which commit a review is, and whether it was dismissed; GitLab does not, and then
    nobody approves.
    """
    number = hub.pull(HEAD)
    if isinstance(hub, FakeGitea):
        hub.review(number, "ann")
        hub.review(number, "ann", "COMMENT")
        hub.review(number, "bob", dismissed=True)
        hub.review(number, "carl", sha="c" * 40)
        hub.review(number, "dana", "REQUEST_CHANGES")
    expected = ["ann"] if isinstance(hub, FakeGitea) else []

    assert expected == list(asked(told, lambda forge: forge.approvers(number, HEAD)))


def test_strangers_stand_behind_those_who_may_push(tmp_path: Path):
    """
    However many strangers approve before a maintainer does, he is told of first.
    """
    (tmp_path / "token").write_text(gitea.TOKEN)
    with FakeGitea() as hub:
        number, many = hub.pull(HEAD), [f"stranger{n}" for n in range(20)]
        for login in (*many, "dana"):
            hub.review(number, login)
        told = {"kind": "gitea", "repository": hub.repository, "api": hub.api}
        told["token"] = f"file:{tmp_path / 'token'}"

        assert ["dana", *many] == asked(told, lambda forge: forge.approvers(number, HEAD))


def test_a_request_is_opened_once(hub: Hub, told: dict[str, Any]):
    """
    A branch is asked to be merged once: a second time finds the first.
    """

    async def twice(forge: Forge) -> list[int]:
        return [await forge.open_pull("revert", "main", "Revert", "why") for _ in range(2)]

    assert [1, 1] == asked(told, twice)


def test_a_wrong_token(hub: Hub, told: dict[str, Any], tmp_path: Path):
    """
    A token that is not known is told in the forge's words.
    """
    (tmp_path / "token").write_text("wrong")

    with pytest.raises(Denied, match="401"):
        asked(told, lambda forge: forge.may_write("ann"))


def test_git_may_fetch(told: dict[str, Any]):
    """
    Git gets a header as the forge takes it over HTTPS.
    """
    assert asked(told, lambda forge: forge.authorization()).startswith("Basic ")
