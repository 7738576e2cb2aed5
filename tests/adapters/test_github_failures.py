"""The operations on GitHub, where GitHub refuses, limits, moves or is not GitHub."""

import time
from datetime import timedelta

import pytest

from adapters.contract import ErrorClass, SettingError
from adapters.github import create
from tests.adapters.commenting import LINE, STATUS, ask, refused
from tests.adapters.forge import TOKEN, GitHub, bad_gateway, refusal
from tests.adapters.servers import Seen, answer, json_answer
from tests.adapters.speaking import failed


def test_what_github_says_is_told() -> None:
    """
    A refusal has GitHub's own words and the status, and is not tried again.
    """
    found = refused(GitHub(), number=404)
    assert (
        "GitHub answered 404 Not Found to POST /repos/acme/web/issues/404/comments: Not Found"
        == found.message
    )
    assert ("github.status", ErrorClass.PERMANENT) == (found.type, found.error_class)
    assert {"status": 404} == found.details

    assert "Bad credentials" in refused(GitHub(), auth="ghp_other").message
    missing = failed(ask(GitHub(), "github.status@1", STATUS, sha="0" * 40)[0])
    assert "Validation Failed; No commit found for SHA" in missing.message


def test_a_token_that_is_repeated_is_covered() -> None:
    """
    An error shows no token, whoever puts it there.
    """
    found = refused(lambda _: refusal(403, f"no rights for {TOKEN}"))

    assert found.message.endswith("no rights for ***")


@pytest.mark.parametrize(
    ("status", "headers", "message", "pause"),
    [
        (429, ["Retry-After: 30"], "Too many requests", 30),
        (403, ["Retry-After: 12"], "You have exceeded a secondary rate limit", 12),
        (403, [], "You have exceeded a secondary rate limit. Please wait a few minutes", 60),
        (403, ["X-RateLimit-Remaining: 0", "X-RateLimit-Reset: {soon}"], "API rate limit", 100),
        (403, ["X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 1"], "API rate limit exceeded", 0),
        (403, ["X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 9999999999999"], "API", 86400),
        (429, ["X-RateLimit-Remaining: 0", "X-RateLimit-Reset: soon"], "API rate limit", 60),
    ],
)
def test_rate_limits(status: int, headers: list[str], message: str, pause: int) -> None:
    """
    A limit is waited for as long as GitHub asks: by header, by reset, a minute without either.
    """
    soon = str(int(time.time()) + 100)
    told = refusal(status, message, *(each.replace("{soon}", soon) for each in headers))

    found = refused(GitHub(next=[told]))

    assert ("github.rate_limit", ErrorClass.TRANSIENT) == (found.type, found.error_class)
    assert found.retry_after is not None
    assert timedelta(seconds=pause - 5) < found.retry_after <= timedelta(seconds=pause)


def test_a_limit_while_editing_is_no_refusal() -> None:
    """
    A rate limit is not taken for a comment that is not ours: no second one is made.
    """
    github = GitHub(next=[None, refusal(403, "secondary rate limit")])
    github.add(f"{LINE}\nold")

    assert refused(github).type == "github.rate_limit"
    assert [f"{LINE}\nold"] == github.texts()


def test_a_right_that_is_missing_is_no_limit() -> None:
    """
    A 403 with calls left says that the token may not, and waiting would not help.
    """
    told = refusal(403, "Resource not accessible by integration", "X-RateLimit-Remaining: 4999")

    found = refused(GitHub(next=[told]))

    assert ("github.status", ErrorClass.PERMANENT) == (found.type, found.error_class)


@pytest.mark.parametrize("before", [[], [None]])
def test_a_github_that_is_down_is_transient(before: list[bytes | None]) -> None:
    """
    A 502, to the list or to the comment itself, may be tried again: one comment is the most.
    """
    found = refused(GitHub(next=[*before, bad_gateway()]))

    assert ("github.status", ErrorClass.TRANSIENT) == (found.type, found.error_class)


def test_a_repository_that_has_moved() -> None:
    """
    A list is read where GitHub redirects to; a write says that the name is an old one.
    """
    moved = answer(307, b"", ("Location: /repositories/1/issues/7/comments",))

    def renamed(seen: Seen) -> bytes:
        if seen.target.startswith("/repositories/1"):
            return json_answer(b"[]")
        return moved

    found = refused(renamed)

    assert ("github.redirect", ErrorClass.PERMANENT) == (found.type, found.error_class)


def test_a_link_elsewhere_is_not_followed() -> None:
    """
    A token goes to api_url's host and to no other, whatever the answer says.
    """
    link = 'Link: <http://127.0.0.1:9/x>; rel="next"'

    found = refused(lambda _: json_answer(b"[]", 200, link))

    assert ("github.blocked", ErrorClass.PERMANENT) == (found.type, found.error_class)
    assert "allow_hosts in" not in found.message


@pytest.mark.parametrize("body", [b"{}", b"[1]", b'"x"', b"[", b'[{"body": 1}, 2]'])
def test_an_answer_that_is_not_githubs(body: bytes) -> None:
    """
    Some other server at api_url is told as such.
    """
    found = refused(lambda _: json_answer(body))

    assert ("github.protocol", ErrorClass.PERMANENT) == (found.type, found.error_class)


def test_a_made_comment_without_an_address() -> None:
    """
    An answer that lacks what the documentation promises is no success.
    """
    found = refused(GitHub(next=[None, json_answer(b'{"id": 1}', 201)]))

    assert found.type == "github.protocol"


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://github.acme.example", "over http"),
        ("http://10.0.0.1", "over http"),
        ("github.acme.example", "https URL"),
        ("https://user:word@github.acme.example", "no more"),
        ("https://github.acme.example/api?x=1", "no more"),
        ("https://github.acme.example:x", "api_url"),
    ],
)
def test_a_place_that_gets_no_token(url: str, sentence: str) -> None:
    """
    An api_url that would show the token to the network is refused at the start.
    """
    with pytest.raises(SettingError, match=sentence):
        create({"api_url": url})
