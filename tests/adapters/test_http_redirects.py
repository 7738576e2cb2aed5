"""Where `http.request@1` follows, and what it takes along."""

import asyncio

import pytest

from adapters.contract import ErrorClass, Json
from adapters.http import create
from tests.adapters.asking import OK, ask, refusal
from tests.adapters.servers import Seen, answer, json_answer, serve
from tests.adapters.speaking import call, failed, opened, outputs


def redirect(status: int, location: str) -> bytes:
    return answer(status, b"", (f"Location: {location}",))


def test_redirects_are_followed_for_get() -> None:
    """
    A chain of relative and absolute redirects on one host ends at its last answer.
    """

    def handler(seen: Seen) -> bytes:
        step = int(seen.target[1:] or 0)
        return json_answer(b"true") if step == 5 else redirect(302, f"/{step + 1}")

    outcome, seen = ask(handler, auth={"bearer": "t"})

    assert outputs(outcome)["body"] is True
    assert [each.headers["authorization"] for each in seen] == ["Bearer t"] * 6


@pytest.mark.parametrize(
    "location", ["/", "ftp://x/", "file:///etc/passwd", "gopher://x/", "http://["]
)
def test_redirects_that_are_not_followed(location: str) -> None:
    """
    A loop ends, and a redirect to anything but http and https is refused.
    """
    found = refusal(lambda _: redirect(302, location))

    assert (found.type, found.error_class) == ("http.redirect", ErrorClass.PERMANENT)


@pytest.mark.parametrize(
    ("status", "method", "expected"),
    [
        (301, "POST", ("GET", b"")),
        (302, "POST", ("GET", b"")),
        (303, "PUT", ("GET", b"")),
        (307, "POST", ("POST", b"x")),
        (308, "PUT", ("PUT", b"x")),
        (301, "PUT", ("PUT", b"x")),
    ],
)
def test_methods_over_redirects(status: int, method: str, expected: tuple[str, bytes]) -> None:
    """
    307 and 308 keep method and body; 303, and 301 or 302 of a POST, become GET.
    """
    _, seen = ask(
        lambda seen: OK if seen.target == "/to" else redirect(status, "/to"),
        method=method,
        text="x",
        max_redirects=1,
    )

    assert expected == (seen[1].method, seen[1].body)
    assert ("content-type" in seen[1].headers) == (expected[0] != "GET")


def test_a_post_is_not_redirected_unless_asked() -> None:
    """
    The default for methods with an effect is to follow nothing.
    """
    outcome, seen = ask(lambda _: redirect(307, "/to"), method="POST", text="x")

    assert failed(outcome).type == "http.status"
    assert len(seen) == 1


def test_credentials_stay_with_their_host() -> None:
    """
    A redirect to another port sees no Authorization, no cookie and no header of the author's.
    """

    async def story() -> dict[str, str]:
        async with serve(lambda _: OK) as other:
            async with serve(lambda _: redirect(302, f"{other.url}/x")) as first:
                settings: dict[str, Json] = {"allow_hosts": [first.host, other.host]}
                async with opened(create(settings)) as operation:
                    headers = {"Cookie": "s=1", "X-Api-Key": "k", "Accept": "text/html"}
                    outcome = await operation.invoke(
                        call(url=first.url, headers=headers, auth={"bearer": "t"})
                    )
                    outputs(outcome)
                assert first.seen[0].headers["x-api-key"] == "k"
            return other.seen[0].headers

    headers = asyncio.run(story())
    assert not {"authorization", "cookie", "x-api-key"} & set(headers)
    assert (headers["accept"], headers["idempotency-key"]) == ("text/html", "key-1")


def test_a_redirect_is_checked_like_a_first_request() -> None:
    """
    A host that is allowed cannot lead to one that is not.
    """
    for place in (
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:1/",
        "http://[::1]/",
    ):
        found = refusal(lambda _, place=place: redirect(302, place))  # type: ignore[misc]

        assert (found.type, found.error_class) == ("http.blocked", ErrorClass.PERMANENT)


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("/404", "http.status"),
        ("/503", "http.status"),
        ("/", "http.redirect"),
        ("ftp://x/", "http.redirect"),
        ("http://169.254.169.254/", "http.blocked"),
        ("/large", "http.too_large"),
    ],
)
def test_what_a_redirect_of_a_post_leads_to_is_unknown(place: str, kind: str) -> None:
    """
    A POST that was answered by a redirect may have been done, so nothing after it says try again.
    """

    def handler(seen: Seen) -> bytes:
        if seen.target == "/large":
            return answer(200, b"x" * 99)
        return answer(int(seen.target[1:])) if len(seen.target) > 1 else redirect(303, place)

    found = refusal(handler, method="POST", max_redirects=2, max_bytes=9)

    assert (kind, ErrorClass.UNKNOWN) == (found.type, found.error_class)
