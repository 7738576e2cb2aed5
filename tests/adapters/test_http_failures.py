"""What `http.request@1` says when a server is rude, slow or gone."""

import asyncio
import gzip
import time
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from adapters.contract import ErrorClass, Failed
from adapters.http import Http, HttpSettings, create
from adapters.http.failures import retry_after
from tests.adapters.asking import OK, ask, refusal, seen_by
from tests.adapters.servers import Seen, answer, json_answer, serve
from tests.adapters.speaking import call, failed, opened, outputs


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
def test_classes_of_statuses(status: int, method: str, kind: str, error_class: ErrorClass) -> None:
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
    assert outputs(outcome)["status"] == 404

    assert refusal(lambda _: OK, ok_status=["300-399"]).type == "http.status"


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
    ("data", "kind"),
    [
        (answer(200, b"x" * 2000), "http.too_large"),
        (answer(200, b"x" * 2000, length=False), "http.too_large"),
        (
            answer(200, gzip.compress(b"x" * 10_000_000, mtime=0), ("Content-Encoding: gzip",)),
            "http.too_large",
        ),
        (answer(200, b"", tuple(f"X-{n}: 1" for n in range(10_000))), "http.protocol"),
        (answer(200, b"", (f"X-A: {'x' * 1_000_000}",)), "http.protocol"),
        (answer(200, b"", tuple(f"X-{n}: {'x' * 8000}" for n in range(150))), "http.protocol"),
        (json_answer(b"{"), "http.protocol"),
        (json_answer(b'{"a": NaN}'), "http.protocol"),
        (json_answer(b"[" * 900), "http.protocol"),
        (json_answer(b"[" * 300 + b"]" * 300), "http.protocol"),
        (json_answer(b"[" * 900 + b"]" * 900, 400), "http.status"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "http.protocol"),
        (answer(200, b"xx", ("Content-Encoding: gzip",)), "http.protocol"),
        (answer(200, b"xx", ("Content-Encoding: br",)), "http.protocol"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", "http.timeout"),
    ],
)
def test_answers_that_are_too_much(data: bytes, kind: str) -> None:
    """
    Size, decompressed size, headers and syntax are bounded, and the error says which.
    """
    found = refusal(lambda _: data, 1, max_bytes=1000)

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
        found = refusal(handler, 0.3, method=method)

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
        port = listening.sockets[0].getsockname()[1]
        host = f"127.0.0.1:{port}"
        async with opened(create({"allow_hosts": [host]})) as operation:
            began = time.monotonic()
            outcome = await operation.invoke(call(0.5, url=f"http://{host}/"))
            took = time.monotonic() - began
        listening.close()
        return failed(outcome), took

    found, took = asyncio.run(story())
    assert found.type == "http.timeout"
    assert took < 20


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
    assert (found.type, found.error_class) == ("http.connect", ErrorClass.TRANSIENT)


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


@pytest.mark.parametrize("max_bytes", [10, 1_000_000])
def test_no_part_of_a_secret_is_left_where_an_error_is_cut(max_bytes: int) -> None:
    """
    What a server said is covered before it is shortened, so no half of a secret stands at the end.
    """
    body = b"x" * 1992 + b"s3cr3t-header" * 2

    for said in (body, body[1990:]):
        found = refusal(
            lambda _, said=said: answer(500, said),  # type: ignore[misc]
            headers={"X-Api-Key": "s3cr3t-header"},
            max_bytes=max_bytes,
        )

        assert "s3c" not in str(found.details)
