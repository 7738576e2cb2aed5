"""What GitHub reports: its own examples, and what triggers and waits make of them."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from engine.core import forge
from engine.core.values import Json

PAYLOADS = Path(__file__).parents[1] / "webhooks" / "payloads"
SHA = "ec26c3e57ca3a959ca5aad62de7213c562f8c821"


def payload(name: str = "pull-request-opened") -> dict[str, Json]:
    """Return one of GitHub's examples."""
    told: dict[str, Json] = json.loads((PAYLOADS / f"{name}.json").read_bytes())
    return told


def pull(**changes: Json) -> Mapping[str, Json]:
    """Return a pull request as runs read it, changed."""
    return {**forge.told(forge.PULL, payload()), **changes}


def changed(**parts: Json) -> dict[str, Json]:
    """Return GitHub's example with parts of its `pull_request` changed."""
    told = payload()
    inner = told["pull_request"]
    assert isinstance(inner, Mapping)
    return {**told, "pull_request": {**inner, **parts}}


def side(repo: Json, **more: Json) -> Json:
    return {"ref": "patch", "sha": SHA, "repo": repo, **more}


def test_a_pull_request_is_read_at_its_top():
    """
    What is asked of a pull request stands at the top of its event, beside all that GitHub sent.
    """
    told = forge.told(forge.PULL, payload())

    expected = {
        "action": "opened", "number": 2, "author": "Codertocat", "draft": False, "merged": False,
        "labels": ["bug"], "title": "Update the README with new information.",
        "url": "https://github.com/Codertocat/Hello-World/pull/2",
        "head": {"ref": "changes", "sha": SHA, "repo": "Codertocat/Hello-World", "is_fork": False},
        "base": {"ref": "master", "sha": "f95f852bd8fca8fcc58a9a2d6c842781e32a215e",
                 "repo": "Codertocat/Hello-World"},
    }  # fmt: skip
    assert expected == {name: told[name] for name in expected}
    assert payload().items() <= told.items()


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"labels": [{"name": "bug"}, {"name": "preview"}]}, {"labels": ["bug", "preview"]}),
        ({"labels": [{}, 3, None]}, {"labels": ["", "", ""]}),
        ({"labels": None}, {"labels": []}),
        ({"user": None}, {"author": "ghost"}),
        ({"draft": True, "merged": True}, {"draft": True, "merged": True}),
        ({"draft": None, "merged": None}, {"draft": False, "merged": False}),
        ({"title": None}, {"title": ""}),
    ],
)
def test_a_pull_request_that_lacks_something(parts: dict[str, Json], expected: dict[str, Json]):
    """
    A part that may be missing at GitHub has a plain value of its kind.
    """
    told = forge.told(forge.PULL, changed(**parts))

    assert expected == {name: told[name] for name in expected}


@pytest.mark.parametrize(
    ("repo", "is_fork"),
    [
        ({"full_name": "Codertocat/Hello-World"}, False),
        ({"full_name": "eve/Hello-World"}, True),
        ({"full_name": "eve/Hello-World", "fork": False}, True),
        (None, True),
        ({}, True),
        ({"full_name": 3}, True),
    ],
)
def test_whoever_is_not_of_this_repository_is_a_fork(repo: Json, is_fork: bool):
    """
    A head in another repository, or in one that is gone, is a fork's, whatever it says of itself.
    """
    told = forge.told(forge.PULL, changed(head=side(repo)))

    assert isinstance(told["head"], Mapping)
    assert is_fork is told["head"]["is_fork"]


NO_PULLS: list[tuple[Json, str]] = [
    ({}, "`pull_request` and the integer `number`"),
    ({**payload(), "number": "2"}, "the integer `number`"),
    ({**payload(), "number": True}, "the integer `number`"),
    ({**payload(), "pull_request": []}, "the object `pull_request`"),
    ({**payload(), "repository": None}, "the object `repository`"),
    (changed(head=None), "`ref` and `sha` in its `head`"),
    (changed(base={"ref": "main"}), "`ref` and `sha` in its `base`"),
    (changed(head=side({}, ref=3)), "`ref` and `sha` in its `head`"),
]


@pytest.mark.parametrize(("told", "reason"), NO_PULLS)
def test_what_is_no_pull_request_is_said_to_be_none(told: dict[str, Json], reason: str):
    """
    A payload without what makes a pull request is refused, and the message says what it lacks.
    """
    with pytest.raises(ValueError, match=reason):
        forge.told(forge.PULL, told)


def test_other_reports_are_read_as_they_came():
    """
    Nothing is added to any other payload.
    """
    assert payload("release-published") == forge.told(
        "github.release", payload("release-published")
    )


RELEASE = payload("release-published")
MATCHED: list[tuple[str, Json, Mapping[str, Json]]] = [
    (forge.PULL, {}, pull()),
    (forge.PULL, {"repo": "codertocat/hello-world"}, pull()),
    (forge.PULL, {"actions": ["opened", "closed"]}, pull()),
    (forge.PULL, {"branches": ["mas*"]}, pull()),
    (forge.PULL, {"paths": ["app/**", "!**/*.md"]}, pull(files=["app/a.md", "app/b/c.py"])),
    (forge.PULL, {"paths": ["app/**"]}, pull(files=["docs/a.md"] * 3000)),
    ("github.release", {}, RELEASE),
    ("github.release", {"actions": ["published"], "repo": "Codertocat/Hello-World"}, RELEASE),
    ("github.release", {"branches": ["x"], "paths": ["x"]}, RELEASE),
    ("github.status", {}, {}),
]
UNMATCHED: list[tuple[str, str, Json, Mapping[str, Json]]] = [
    ("repo is Codertocat/Hello-World, not a/b", forge.PULL, {"repo": "a/b"}, pull()),
    ("action opened is not wanted", forge.PULL, {"actions": ["closed"]}, pull()),
    ("base branch master is not wanted", forge.PULL, {"branches": ["main", "changes"]}, pull()),
    ("no changed path is wanted", forge.PULL, {"paths": ["app/**"]}, pull(files=["docs/a.md"])),
    ("no changed path is wanted", forge.PULL, {"paths": ["**"]}, pull(files=[])),
    ("action published is not wanted", "github.release", {"actions": ["created"]}, RELEASE),
    ("action None is not wanted", "github.status", {"actions": ["created"]}, {}),
    ("repo is None, not a/b", "github.member", {"repo": "a/b"}, {}),
]


@pytest.mark.parametrize(("kind", "settings", "event"), MATCHED)
def test_what_a_report_starts(kind: str, settings: dict[str, Json], event: Mapping[str, Json]):
    """
    A report is for whoever asked for its repository, action, base branch and files.
    """
    assert "" == forge.mismatch(kind, settings, event)


@pytest.mark.parametrize(("reason", "kind", "settings", "event"), UNMATCHED)
def test_what_a_report_does_not_start(
    reason: str, kind: str, settings: dict[str, Json], event: Mapping[str, Json]
):
    """
    A report that was not asked for says which key was against it.
    """
    assert reason == forge.mismatch(kind, settings, event)


@pytest.mark.parametrize("more", [{}, {"files": None}, {"files": "app/a"}])
def test_files_that_nobody_knows_are_an_error(more: dict[str, Json]):
    """
    `paths` over files that are not known is an error that names the cure, never a plain no.
    """
    with pytest.raises(ValueError, match=r"files of the pull .* not known; .* `api_token`"):
        forge.mismatch(forge.PULL, {"paths": ["app/**"]}, pull(**more))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, False),
        ({"paths": ["app/**"]}, True),
        ({"paths": ["app/**"], "repo": "a/b"}, False),
        ({"paths": ["app/**"], "actions": ["closed"]}, False),
        ({"paths": ["app/**"], "branches": ["main"]}, False),
        ({"paths": ["app/**"], "branches": ["[z-a]"]}, False),
    ],
)
def test_files_are_asked_for_only_where_they_decide(settings: dict[str, Json], expected: bool):
    """
    Nobody asks for the files of a pull request that another key has turned away.
    """
    assert expected is forge.asks_files(settings, pull())


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (payload(), "github.x.opened"),
        ({}, "github.x"),
        ({"action": None}, "github.x"),
        ({"action": "two words"}, "github.x"),
        ({"action": "a.b"}, "github.x"),
        ({"action": ""}, "github.x"),
        ({"action": "a" * 101}, "github.x"),
    ],
)
def test_a_report_is_an_event_of_its_action(told: Mapping[str, Json], expected: str):
    """
    A run waits for `github.x.opened`; an action that is no word leaves `github.x`.
    """
    assert expected == forge.occurrence("github.x", told)


@pytest.mark.parametrize(
    ("occurred", "expected"),
    [
        ("github.push", ("github.push",)),
        ("github.pull_request.closed", ("github.pull_request.closed", "github.pull_request")),
        ("acme.orders.paid", ("acme.orders.paid",)),
        ("", ("",)),
    ],
)
def test_an_event_answers_to_its_type_without_the_action(occurred: str, expected: tuple[str, ...]):
    """
    Who waits for `github.pull_request` hears of every action; other types mean themselves alone.
    """
    assert expected == forge.names(occurred)


def test_which_types_stand_for_all_actions():
    """
    Only a type of GitHub's without an action does.
    """
    told = ["github.pull_request", "github.pull_request.closed", "acme.orders"]

    assert [True, False, False] == [forge.has_actions(each) for each in told]
