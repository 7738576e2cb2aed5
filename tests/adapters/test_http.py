"""`http.request@1` against servers that are real, and sometimes rude."""

import asyncio
import gzip
import time
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from adapters.contract import ErrorClass, Failed, Json
from adapters.http import Http, HttpSettings, create
from adapters.http.failures import retry_after
from tests.adapters.servers import Handler, Seen, answer, json_answer, serve
from tests.adapters.speaking import call, failed, opened, outputs

OK = json_answer(b"{}")


def ask(handler: Handler, timeout: float = 5, **arguments: Json) -> tuple[object, list[Seen]]:
    """Return what a request to a server leads to, and what the server has seen."""

    async def story() -> tuple[object, list[Seen]]:
        async with serve(handler) as server:
            adapter = create({"allow_hosts": [server.host]})
            given = {"url": f"{server.url}/", **arguments}
            if str(given["url"]).startswith("/"):
                given["url"] = f"{server.url}{given['url']}"
            async with opened(adapter) as operation:
                return await operation.invoke(call(timeout, **given)), server.seen

    return asyncio.run(story())


def refusal(handler: Handler, timeout: float = 5, **arguments: Json) -> Failed:
    """Return the failure that a request must lead to."""
    outcome, _ = ask(handler, timeout, **arguments)
    assert isinstance(outcome, Failed), outcome
    return outcome


def seen_by(handler: Handler, **arguments: Json) -> Seen:
    """Return the one request that the server has seen."""
    outcome, seen = ask(handler, **arguments)
    assert not isinstance(outcome, Failed), outcome
    (only,) = seen
    return only


def test_a_request_arrives_as_it_was_asked_for() -> None:
    """
    Method, path, query, headers, body, idempotency key and fence reach the server.
    """
    seen = seen_by(
        lambda _: OK,
        method="PUT",
        url="/a%20b/c?x=1",
        query={"y": ["2", 3], "z": True, "n": None, "t": "å &"},
        headers={"X-Count": 7, "Accept": "application/json"},
        json={"a": [1, None, "å"]},
    )

    assert (seen.method, seen.target) == ("PUT", "/a%20b/c?x=1&y=2&y=3&z=true&t=%C3%A5+%26")
    assert {"a": [1, None, "å"]} == orjson.loads(seen.body)
    wanted = {
        "x-count": "7",
        "accept": "application/json",
        "content-type": "application/json",
        "idempotency-key": "key-1",
        "sark-fence": "1",
        "user-agent": "sark",
    }
    assert wanted == {name: seen.headers[name] for name in wanted}


@pytest.mark.parametrize(
    ("arguments", "media_type", "body"),
    [
        ({"form": {"a": "1 2", "b": ["x", "y"]}}, "application/x-www-form-urlencoded", b"a=1+2&b=x&b=y"),
        ({"text": "grå"}, "text/plain; charset=utf-8", "grå".encode()),
        ({"json": None}, "application/json", b"null"),
    ],
)
def test_bodies(arguments: dict[str, Json], media_type: str, body: bytes) -> None:
    """
    A form, a text and a JSON null are each sent as what they are.
    """
    seen = seen_by(lambda _: OK, method="POST", **arguments)

    assert (media_type, body) == (seen.headers["content-type"], seen.body)


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        ({"bearer": "t0ken"}, "Bearer t0ken"),
        ({"basic": {"username": "ann", "password": "a:b"}}, "Basic YW5uOmE6Yg=="),
    ],
)
def test_authorization(auth: Json, expected: str) -> None:
    """
    A token and a password are sent in the Authorization header.
    """
    assert expected == seen_by(lambda _: OK, auth=auth).headers["authorization"]


def test_a_key_of_any_text_is_sent_as_one_line() -> None:
    """
    A key may hold line breaks and letters of any script; the header holds neither.
    """

    async def story() -> str:
        async with serve(lambda _: OK) as server:
            async with opened(create({"allow_hosts": [server.host]})) as operation:
                await operation.invoke(call(key="å\r\nX-Evil: 1", url=server.url, attempt=3))
            assert "3" == server.seen[0].headers["sark-fence"]
            assert "x-evil" not in server.seen[0].headers
            return server.seen[0].headers["idempotency-key"]

    assert "%C3%A5%0D%0AX-Evil: 1" == asyncio.run(story())


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (json_answer(b'{"a": 1}'), {"body": {"a": 1}}),
        (answer(200, b'{"a":1}', ("Content-Type: application/problem+json",)), {"body": {"a": 1}}),
        (json_answer(b""), {"body": None}),
        (answer(204), {"body": ""}),
        (answer(200, b"plain", ("Content-Type: text/plain",)), {"body": "plain"}),
        (answer(200, b"\xe5", ("Content-Type: text/plain; charset=iso-8859-1",)), {"body": "å"}),
        (answer(200, b"\xff\xfe"), {"body": None, "body_base64": "//4="}),
        (answer(200, b"a\x00b"), {"body": None, "body_base64": "YQBi"}),
        (answer(200, gzip.compress(b"zipped"), ("Content-Encoding: gzip",)), {"body": "zipped"}),
    ],
)
def test_what_an_answer_becomes(data: bytes, expected: dict[str, Json]) -> None:
    """
    JSON is parsed, text is text in its charset, and all else is base64.
    """
    outcome, _ = ask(lambda _: data)
    found = outputs(outcome)  # type: ignore[arg-type]

    assert expected == {name: found[name] for name in found if name.startswith("body")}


def test_headers_of_the_answer_without_its_cookies() -> None:
    """
    Header names are lower case, repeated ones joined; a session cookie is not kept.
    """
    outcome, _ = ask(lambda _: json_answer(b"1", 200, "X-A: 1", "x-a: 2", "Set-Cookie: s=secret"))

    headers = outputs(outcome)["headers"]  # type: ignore[arg-type]
    assert {"content-type": "application/json", "x-a": "1, 2", "content-length": "1"} == headers


@pytest.mark.parametrize(
    ("status", "method", "kind", "error_class"),
    [
        (400, "GET", "http.status", ErrorClass.PERMANENT),
        (402, "POST", "http.declined", ErrorClass.PERMANENT),
        (404, "GET", "http.status", ErrorClass.PERMANENT),
        (408, "POST", "http.status", ErrorClass.TRANSIENT),
        (409, "POST", "http.status", ErrorClass.PERMANENT),
        (425, "POST", "http.status", ErrorClass.TRANSIENT),
        (429, "POST", "http.status", ErrorClass.TRANSIENT),
        (500, "GET", "http.status", ErrorClass.TRANSIENT),
        (500, "PUT", "http.status", ErrorClass.TRANSIENT),
        (500, "POST", "http.status", ErrorClass.UNKNOWN),
        (502, "PATCH", "http.status", ErrorClass.UNKNOWN),
        (503, "POST", "http.status", ErrorClass.TRANSIENT),
        (302, "POST", "http.status", ErrorClass.PERMANENT),
    ],
)
def test_classes_of_statuses(
    status: int, method: str, kind: str, error_class: ErrorClass
) -> None:
    """
    What may be tried again, what may not, and what may already have been done.
    """
    found = refusal(lambda _: json_answer(b'{"code": 7}', status, "Location: /x"), method=method)

    assert (kind, error_class) == (found.type, found.error_class)
    assert {"status": status, "body": {"code": 7}} == found.details


def test_expected_statuses() -> None:
    """
    A status in ok_status is a success, and one outside is not, 200 included.
    """
    outcome, _ = ask(lambda _: answer(404, b"no"), ok_status=[404, "2xx"])
    assert 404 == outputs(outcome)["status"]  # type: ignore[arg-type]

    assert "http.status" == refusal(lambda _: OK, ok_status=["300-399"]).type


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("3", timedelta(seconds=3)),
        ("0", timedelta(0)),
        ("99999999999999999999", timedelta(days=1)),
        ("Tue, 24 Nov 2026 12:00:30 GMT", timedelta(seconds=30)),
        ("Tue, 24 Nov 2020 12:00:30 GMT", timedelta(0)),
        ("Tuesday, 24-Nov-26 12:00:30 GMT", timedelta(seconds=30)),
        ("-1", None),
        ("soon", None),
        ("Tue, 99 Nov 2026 12:00:30 GMT", None),
    ],
)
def test_pauses_that_the_far_side_asks_for(header: str | None, expected: timedelta | None) -> None:
    """
    Retry-After is understood in seconds and as a date, and bounded by a day.
    """
    assert expected == retry_after(header, datetime(2026, 11, 24, 12, tzinfo=UTC))


def test_retry_after_reaches_the_outcome() -> None:
    """
    An answer 429 with Retry-After hands the pause on.
    """
    found = refusal(lambda _: answer(429, b"", ("Retry-After: 7",)))

    assert timedelta(seconds=7) == found.retry_after


@pytest.mark.parametrize(
    "arguments",
    [
        {"url": "ftp://a.example/"},
        {"url": "unix:///var/run/docker.sock"},
        {"url": "dict://a.example:11211/stat"},
        {"url": "gopher://a.example/"},
        {"url": "file:///etc/passwd"},
        {"url": "//a.example/"},
        {"url": "a.example/x"},
        {"url": "http://"},
        {"url": "http://u:p@a.example/"},
        {"url": "http://a.example:99999/"},
        {"url": "http://a.example:0/"},
        {"url": "http://a.example/\r\nX-Evil: 1"},
        {"url": "http://a.example/ x"},
        {"url": "http://a.example\\@b.example/"},
        {"url": "http://[fe80::1%25eth0]/"},
        {"url": 7},
        {"url": "http://a.example/", "method": "BREW"},
        {"url": "http://a.example/", "headers": {"X-A": "1\r\nX-Evil: 1"}},
        {"url": "http://a.example/", "headers": {"X A": "1"}},
        {"url": "http://a.example/", "headers": {"Host": "b.example"}},
        {"url": "http://a.example/", "headers": {"Content-Length": "1"}},
        {"url": "http://a.example/", "headers": {"Transfer-Encoding": "chunked"}},
        {"url": "http://a.example/", "headers": {"X-A": True}},
        {"url": "http://a.example/", "headers": {"X-A": "x" * 9000}},
        {"url": "http://a.example/", "headers": {f"X-{n}": "x" for n in range(101)}},
        {"url": "http://a.example/", "auth": {"bearer": "a b"}},
        {"url": "http://a.example/", "auth": {"bearer": "å"}},
        {"url": "http://a.example/", "auth": {"basic": {"username": "a:b", "password": "c"}}},
        {"url": "http://a.example/", "auth": {"bearer": "x", "basic": {}}},
        {"url": "http://a.example/", "auth": {"bearer": "x"}, "headers": {"authorization": "y"}},
        {"url": "http://a.example/", "json": 1, "text": "x"},
        {"url": "http://a.example/", "method": "HEAD", "text": "x"},
        {"url": "http://a.example/", "query": {"a": {"b": 1}}},
        {"url": "http://a.example/", "query": [1]},
        {"url": "http://a.example/", "ok_status": []},
        {"url": "http://a.example/", "ok_status": ["6xx"]},
        {"url": "http://a.example/", "ok_status": [True]},
        {"url": "http://a.example/", "max_redirects": 11},
        {"url": "http://a.example/", "max_bytes": 0},
        {"url": "http://a.example/", "text": "\ud800"},
        {"url": "http://a.example/", "json": {"a": "\ud800"}},
    ],
)
def test_arguments_that_make_no_request(arguments: dict[str, Json]) -> None:
    """
    Nothing is resolved, connected or sent for a request that cannot be right.
    """

    def look_up(host: str, port: int) -> list[str]:
        raise AssertionError(f"{host}:{port} was looked up")

    async def story() -> Failed:
        async with opened(Http(HttpSettings(), look_up)) as operation:
            return failed(await operation.invoke(call(**arguments)))

    found = asyncio.run(story())
    assert ("http.invalid", ErrorClass.PERMANENT) == (found.type, found.error_class)


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

    assert outputs(outcome)["body"] is True  # type: ignore[arg-type]
    assert ["Bearer t"] * 6 == [each.headers["authorization"] for each in seen]


@pytest.mark.parametrize("location", ["/", "ftp://x/", "file:///etc/passwd", "gopher://x/", "http://["])
def test_redirects_that_are_not_followed(location: str) -> None:
    """
    A loop ends, and a redirect to anything but http and https is refused.
    """
    found = refusal(lambda _: redirect(302, location))

    assert ("http.redirect", ErrorClass.PERMANENT) == (found.type, found.error_class)


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

    assert "http.status" == failed(outcome).type  # type: ignore[arg-type]
    assert 1 == len(seen)


def test_credentials_stay_with_their_host() -> None:
    """
    A redirect to another port sees no Authorization, no cookie and no header of the author's.
    """

    async def story() -> dict[str, str]:
        async with serve(lambda _: OK) as other:
            async with serve(lambda _: redirect(302, f"{other.url}/x")) as first:
                settings: Json = {"allow_hosts": [first.host, other.host]}
                async with opened(create(settings)) as operation:  # type: ignore[arg-type]
                    headers = {"Cookie": "s=1", "X-Api-Key": "k", "Accept": "text/html"}
                    outcome = await operation.invoke(
                        call(url=first.url, headers=headers, auth={"bearer": "t"})
                    )
                    outputs(outcome)
                assert "k" == first.seen[0].headers["x-api-key"]
            return other.seen[0].headers

    headers = asyncio.run(story())
    assert not {"authorization", "cookie", "x-api-key"} & set(headers)
    assert ("text/html", "key-1") == (headers["accept"], headers["idempotency-key"])


def test_a_redirect_is_checked_like_a_first_request() -> None:
    """
    A host that is allowed cannot lead to one that is not.
    """
    for place in ("http://169.254.169.254/latest/meta-data", "http://127.0.0.1:1/", "http://[::1]/"):
        found = refusal(lambda _, place=place: redirect(302, place))  # type: ignore[misc]

        assert ("http.blocked", ErrorClass.PERMANENT) == (found.type, found.error_class)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (answer(200, b"x" * 2000), "http.too_large"),
        (answer(200, b"x" * 2000, length=False), "http.too_large"),
        (answer(200, gzip.compress(b"x" * 10_000_000), ("Content-Encoding: gzip",)), "http.too_large"),
        (answer(200, b"", tuple(f"X-{n}: 1" for n in range(10_000))), "http.protocol"),
        (answer(200, b"", (f"X-A: {'x' * 1_000_000}",)), "http.protocol"),
        (answer(200, b"", tuple(f"X-{n}: {'x' * 8000}" for n in range(150))), "http.protocol"),
        (json_answer(b"{"), "http.protocol"),
        (json_answer(b'{"a": NaN}'), "http.protocol"),
        (json_answer(b"[" * 900), "http.protocol"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "http.protocol"),
        (answer(200, b"xx", ("Content-Encoding: gzip",)), "http.protocol"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", "http.timeout"),
    ],
)
def test_answers_that_are_too_much(data: bytes, kind: str) -> None:
    """
    Size, decompressed size, headers and syntax are bounded, and the error says which.
    """
    found = refusal(lambda _: data, timeout=1, max_bytes=1000)

    assert kind == found.type


@pytest.mark.parametrize(
    ("method", "error_class"), [("GET", ErrorClass.TRANSIENT), ("POST", ErrorClass.UNKNOWN)]
)
def test_a_lost_reply(method: str, error_class: ErrorClass) -> None:
    """
    When the connection breaks or nothing comes, a POST may have been done and a GET does not care.
    """

    async def silence(_: Seen) -> bytes:
        await asyncio.sleep(30)
        return b""

    for handler, kind in ((lambda _: b"", "http.disconnected"), (silence, "http.timeout")):
        found = refusal(handler, timeout=0.3, method=method)  # type: ignore[arg-type]

        assert (kind, error_class) == (found.type, found.error_class)


def test_a_reply_that_drips_is_ended_by_the_timeout() -> None:
    """
    A byte a moment never counts as progress: the attempt's time bounds the whole call.
    """

    async def story() -> tuple[Failed, float]:
        async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            try:
                while True:
                    writer.write(b"x")
                    await writer.drain()
                    await asyncio.sleep(0.05)
            except ConnectionError:
                writer.close()

        listening = await asyncio.start_server(drip, "127.0.0.1", 0)
        host = "127.0.0.1:{}".format(listening.sockets[0].getsockname()[1])
        async with opened(create({"allow_hosts": [host]})) as operation:
            began = time.monotonic()
            outcome = await operation.invoke(call(0.5, url=f"http://{host}/"))
            took = time.monotonic() - began
        listening.close()
        return failed(outcome), took

    found, took = asyncio.run(story())
    assert "http.timeout" == found.type
    assert took < 1


def test_a_port_where_nobody_listens() -> None:
    """
    A refused connection is transient whatever the method: nothing was sent.
    """

    async def story() -> Failed:
        async with serve(lambda _: OK) as server:
            host = server.host
        async with opened(create({"allow_hosts": [host]})) as operation:
            return failed(await operation.invoke(call(method="POST", url=f"http://{host}/")))

    found = asyncio.run(story())
    assert ("http.connect", ErrorClass.TRANSIENT) == (found.type, found.error_class)


def test_a_name_that_does_not_exist() -> None:
    """
    A look-up that fails is transient, and a look-up that hangs is ended by the timeout.
    """

    def look_up(host: str, port: int) -> list[str]:
        if host == "slow.example":
            time.sleep(0.5)
        raise OSError(f"{host}:{port}")

    async def story(host: str) -> Failed:
        async with opened(Http(HttpSettings(), look_up)) as operation:
            return failed(await operation.invoke(call(0.2, method="POST", url=f"http://{host}/")))

    for host, kind in (("no.example", "http.connect"), ("slow.example", "http.timeout")):
        found = asyncio.run(story(host))
        assert (kind, ErrorClass.TRANSIENT) == (found.type, found.error_class)


def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    HTTP_PROXY, ALL_PROXY and .netrc of a worker change nothing.
    """
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert "authorization" not in seen_by(lambda _: OK).headers


def test_an_error_repeats_no_secret() -> None:
    """
    A server that echoes URL, headers and credentials makes no error show them.
    """

    def echo(seen: Seen) -> bytes:
        said = {"path": seen.target, "headers": seen.headers}
        return json_answer(orjson.dumps(said), 500)

    found = refusal(
        echo,
        url="/services/T00/s3cr3t-path?token=s3cr3t-query",
        headers={"X-Api-Key": "s3cr3t-header"},
        auth={"basic": {"username": "s3cr3t-user", "password": "s3cr3t-word"}},
    )

    assert "s3cr3t" not in found.message + str(found.details)
    assert "***" in str(found.details)
