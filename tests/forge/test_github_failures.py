"""GitHub in bad days: limits, faults, lost answers, tokens that end."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.errors import Denied, Misconfigured, SarkError, Unavailable
from engine.forge.contract import Forge, State
from engine.forge.forges import Forges
from engine.telemetry import REGISTRY
from tests.forge.asking import asked, by_app, by_token, source
from tests.forge.github import FakeGitHub

SHA = "a" * 40
Work = Callable[[Forge], Coroutine[Any, Any, None]]


@pytest.fixture
def app(hub: FakeGitHub, tmp_path: Path) -> dict[str, Any]:
    return by_app(hub, tmp_path)


@pytest.fixture
def token(hub: FakeGitHub, tmp_path: Path) -> dict[str, Any]:
    return by_token(hub, tmp_path)


async def say(forge: Forge) -> None:
    await forge.status(SHA, "sark/production", State.SUCCESS, "active", "")


def refused(told: dict[str, Any]) -> SarkError:
    with pytest.raises(SarkError) as raised:
        asked(told, say)
    return raised.value


@pytest.mark.parametrize(
    ("status", "headers", "message", "least", "most"),
    [
        (429, {"Retry-After": "90"}, "", 90, 90),
        (403, {"Retry-After": "30"}, "You have exceeded a secondary rate limit", 30, 30),
        (403, {}, "You have exceeded a secondary rate limit", 60, 60),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "in 300"}, "limit", 200, 300),
        (429, {"RateLimit-Remaining": "0", "RateLimit-Reset": "in 300"}, "limit", 200, 300),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "soon"}, "limit", 60, 60),
        (429, {"Retry-After": "9" * 30}, "", 86_400, 86_400),
        (502, {}, "", 1, 60),
        (503, {"Retry-After": "7"}, "", 7, 7),
        (408, {}, "", 1, 60),
    ],
)
def test_when_to_come_again(
    hub: FakeGitHub, token: dict[str, Any], status: int, headers: dict[str, str], message: str,
    least: int, most: int,
):  # fmt: skip
    """
    What may be taken later says when: as GitHub asks, and not for longer than a day.
    """
    then = str(int(time.time()) + 300)
    told = {name: then if text == "in 300" else text for name, text in headers.items()}
    hub.fail(status, message, headers=told)

    error = refused(token)

    assert isinstance(error, Unavailable)
    assert least <= error.after.total_seconds() <= most


def test_nothing_is_sent_while_github_wants_none(hub: FakeGitHub, token: dict[str, Any]):
    """
    After a rate limit GitHub is left alone until its time is over.
    """
    hub.fail(429, "slow down", headers={"Retry-After": "600"})

    async def work(forge: Forge) -> None:
        for _ in range(3):
            with pytest.raises(Unavailable) as raised:
                await say(forge)
            assert raised.value.after > timedelta(seconds=500)

    asked(token, work)

    assert 1 == len(hub.seen)


def test_a_limit_that_is_over(hub: FakeGitHub, token: dict[str, Any]):
    """
    Once its time is over, what was put off goes through.
    """
    hub.fail(429, "slow down", headers={"Retry-After": "1"})

    async def work(forge: Forge) -> None:
        with pytest.raises(Unavailable) as raised:
            await say(forge)
        await asyncio.sleep(raised.value.after.total_seconds() + 0.1)
        await say(forge)

    asked(token, work)

    assert 1 == len(hub.statuses)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("path", ["POST .*", "GET .*"])
def test_a_repository_that_has_moved(
    hub: FakeGitHub, token: dict[str, Any], status: int, path: str
):
    """
    A redirect is not followed, for the token would go along: the new name must be written.
    """
    hub.fail(status, "Moved", headers={"Location": f"{hub.url}/user"}, on=path)

    async def read(forge: Forge) -> None:
        await forge.may_write("ann")

    with pytest.raises(Denied, match="write its new name"):
        asked(token, say if path.startswith("POST") else read)
    assert 1 == len(hub.seen)


@pytest.mark.parametrize("body", [b"<html>Welcome</html>", [], {}, {"permission": 7}, "text"])
def test_an_answer_that_is_none_of_githubs(hub: FakeGitHub, token: dict[str, Any], body: Any):
    """
    An answer that is not as GitHub documents it is told as such, and is no permission.
    """
    hub.fail(200, body=body)

    with pytest.raises(Unavailable, match="GitHub"):
        asked(token, lambda forge: forge.may_write("ann"))


def test_a_flood_of_an_answer(hub: FakeGitHub, token: dict[str, Any]):
    """
    No more than 16 MiB of an answer are read.
    """
    hub.fail(200, body=b"x" * (17 << 20))

    with pytest.raises(Unavailable, match="over"):
        asked(token, lambda forge: forge.may_write("ann"))


@pytest.mark.parametrize("done", [False, True])
def test_a_connection_that_is_cut(hub: FakeGitHub, token: dict[str, Any], done: bool):
    """
    A lost answer may be asked for again; nothing is sent twice by itself.
    """
    hub.drop(done=done)

    assert isinstance(refused(token), Unavailable)
    assert done == bool(hub.statuses)
    assert 1 == len(hub.seen)


def test_a_github_that_is_not_there(hub: FakeGitHub, token: dict[str, Any]):
    """
    Where nobody listens, trying later may help.
    """
    assert isinstance(refused({**token, "api": "http://127.0.0.1:9"}), Unavailable)


def test_a_token_is_not_shown(hub: FakeGitHub, tmp_path: Path):
    """
    A server that repeats the token is not believed to be talking sense: it stands in no message.
    """
    told = by_token(hub, tmp_path, "github_pat_very-secret")
    hub.fail(403, "what is github_pat_very-secret to you?")

    assert "very-secret" not in str(refused(told))


def test_a_wrong_token(hub: FakeGitHub, tmp_path: Path):
    """
    A token that GitHub does not know is told once, and not tried again and again.
    """
    error = refused(by_token(hub, tmp_path, "github_pat_unknown"))

    assert isinstance(error, Denied)
    assert "401" in str(error)
    assert 1 == len(hub.seen)


def test_a_new_token_counts_at_once(hub: FakeGitHub, token: dict[str, Any]):
    """
    The file of a token is read anew: a token that takes another's place needs no restart.
    """

    async def work(forge: Forge) -> None:
        await say(forge)
        hub.tokens = {"github_pat_newer": "ann"}
        Path(token["token"].removeprefix("file:")).write_text("github_pat_newer")
        await say(forge)

    asked(token, work)

    assert 2 == len(hub.statuses)


def test_an_apps_token_is_made_once(hub: FakeGitHub, app: dict[str, Any]):
    """
    An app asks for a token of its one repository, and uses it for whatever comes, side by side.
    """

    async def work(forge: Forge) -> None:
        await asyncio.gather(*(say(forge) for _ in range(20)))

    asked(app, work)

    (granted,) = hub.asked("POST /app/installations")
    assert {"repositories": ["shop"]} == granted.body
    assert 20 == len(hub.statuses)


def test_an_apps_token_ends(hub: FakeGitHub, app: dict[str, Any]):
    """
    Five minutes before its end a token is replaced, so that none ends under a request.
    """
    hub.life = timedelta(minutes=4)

    async def work(forge: Forge) -> None:
        for _ in range(3):
            await say(forge)

    asked(app, work)

    assert 3 == len(hub.asked("POST /app/installations"))


def test_an_apps_token_is_revoked(hub: FakeGitHub, app: dict[str, Any]):
    """
    A token that GitHub forgets before its time is made anew, and the request goes through.
    """

    async def work(forge: Forge) -> None:
        await say(forge)
        hub.revoke()
        await say(forge)

    asked(app, work)

    assert 2 == len(hub.statuses)


def test_an_app_that_was_taken_out(hub: FakeGitHub, app: dict[str, Any]):
    """
    An app that is not installed in the repository says so.
    """
    hub.is_installed = False

    with pytest.raises(Denied, match="not installed in acme/shop"):
        asked(app, say)


def test_a_key_of_another_app(hub: FakeGitHub, app: dict[str, Any]):
    """
    A key that is not the app's is refused by GitHub, and that is what is told.
    """
    with pytest.raises(Denied, match="JSON web token"):
        asked({**app, "app": {**app["app"], "id": "1"}}, say)


def test_git_may_fetch(hub: FakeGitHub, app: dict[str, Any], tmp_path: Path):
    """
    Git gets a header with the token of the app or of the person, as GitHub takes it over HTTPS.
    """
    by_person = asked(by_token(hub, tmp_path, "abc"), lambda forge: forge.authorization())
    by_program = asked(app, lambda forge: forge.authorization())

    assert "Basic eC1hY2Nlc3MtdG9rZW46YWJj" == by_person
    assert by_program.startswith("Basic ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"token": "env:SARK_TEST_NOT_SET"}, "SARK_TEST_NOT_SET is not set"),
        ({"token": "file:/nowhere"}, "forge.token: /nowhere: No such file"),
        ({"ca_file": "/nowhere"}, "forge.ca_file: /nowhere"),
        ({"token": None, "app": {"id": "1", "key": "KEY"}}, "forge.app.key: expected an RSA key"),
    ],
)
def test_what_cannot_work_is_told_at_the_start(
    hub: FakeGitHub, token: dict[str, Any], tmp_path: Path, change: dict[str, Any], message: str
):
    """
    A credential that is not there, or no key, is told before anything is begun.
    """
    (tmp_path / "key").write_text("-----BEGIN NONSENSE-----")
    told = {**token, **change}
    if told["token"] is None:
        told["app"] = {"id": "1", "key": f"file:{tmp_path / 'key'}"}

    with pytest.raises(Misconfigured, match=message):
        Forges([source(told)])


def test_requests_are_counted(hub: FakeGitHub, token: dict[str, Any]):
    """
    What comes of requests to forges is counted.
    """

    def count(result: str) -> float:
        labels = {"forge": "github", "result": result}
        return REGISTRY.get_sample_value("sark_forge_requests_total", labels) or 0.0

    before = count("ok"), count("unavailable")
    hub.fail(500)
    refused(token)
    asked(token, say)

    assert (before[0] + 1, before[1] + 1) == (count("ok"), count("unavailable"))
