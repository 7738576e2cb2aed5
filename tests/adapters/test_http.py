"""What `http.request@1` sends, and what an answer becomes."""

import asyncio
import gzip
from dataclasses import replace

import orjson
import pytest

from adapters.contract import ErrorClass, Failed, Json
from adapters.http import Http, HttpSettings, create
from tests.adapters.asking import OK, ask, seen_by
from tests.adapters.servers import answer, json_answer, serve
from tests.adapters.speaking import call, failed, opened, outputs


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
    assert orjson.loads(seen.body) == {"a": [1, None, "å"]}
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
        (
            {"form": {"a": "1 2", "b": ["x", "y"]}},
            "application/x-www-form-urlencoded",
            b"a=1+2&b=x&b=y",
        ),
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
                await operation.invoke(
                    replace(call(url=server.url), key="å\r\nX-Evil: 1", attempt=3)
                )
            assert server.seen[0].headers["sark-fence"] == "3"
            assert "x-evil" not in server.seen[0].headers
            return server.seen[0].headers["idempotency-key"]

    assert asyncio.run(story()) == "%C3%A5%0D%0AX-Evil: 1"


ZIPPED = gzip.compress(b"zipped", mtime=0)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (json_answer(b'{"a": 1}'), {"body": {"a": 1}}),
        (answer(200, b'{"a":1}', ("Content-Type: application/problem+json",)), {"body": {"a": 1}}),
        (json_answer(b""), {"body": None}),
        (json_answer(b'\xef\xbb\xbf{"a": 1}'), {"body": {"a": 1}}),
        (answer(204), {"body": ""}),
        (answer(200, b"plain", ("Content-Type: text/plain",)), {"body": "plain"}),
        (answer(200, b"\xe5", ("Content-Type: text/plain; charset=iso-8859-1",)), {"body": "å"}),
        (answer(200, b"\xff\xfe"), {"body": None, "body_base64": "//4="}),
        (answer(200, b"a\x00b"), {"body": None, "body_base64": "YQBi"}),
        (
            answer(200, ZIPPED, ("Content-Encoding: gzip",)),
            {"body": "zipped"},
        ),
    ],
)
def test_what_an_answer_becomes(data: bytes, expected: dict[str, Json]) -> None:
    """
    JSON is parsed, text is text in its charset, and all else is base64.
    """
    outcome, _ = ask(lambda _: data)
    found = outputs(outcome)

    assert expected == {name: found[name] for name in found if name.startswith("body")}


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 304)])
def test_an_answer_that_only_tells_its_length(method: str, status: int) -> None:
    """
    A length without a body, as HEAD and 304 have it, is a header like others and no answer's size.
    """
    told = answer(status, b"", ("Content-Length: 5000000",), length=False)
    outcome, _ = ask(lambda _: told, method=method, ok_status=[status])

    found = outputs(outcome)
    assert (found["body"], found["headers"]) == ("", {"content-length": "5000000"})


def test_headers_of_the_answer_without_its_cookies() -> None:
    """
    Header names are lower case, repeated ones joined; a session cookie is not kept.
    """
    outcome, _ = ask(lambda _: json_answer(b"1", 200, "X-A: 1", "x-a: 2", "Set-Cookie: s=secret"))

    headers = outputs(outcome)["headers"]
    assert headers == {"content-type": "application/json", "x-a": "1, 2", "content-length": "1"}


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
        {"url": "http://a..example/"},
        {"url": f"http://{'a' * 64}.example/"},
        {"url": "http://a.example/\ud800"},
        {"url": "http://a.example/users/../admin"},
        {"url": "http://a.example/users/%2E%2e/admin"},
        {"url": "http://a.example/users/."},
        {"url": "http://a.example/..?x"},
        {"url": 7},
        {"url": "http://a.example/", "method": "BREW"},
        {"url": "http://a.example/", "headers": {"X-A": "1\r\nX-Evil: 1"}},
        {"url": "http://a.example/", "headers": {"X A": "1"}},
        {"url": "http://a.example/", "headers": {"X-A": "1", "x-a": "2"}},
        {"url": "http://a.example/", "headers": {"X-A": "\ud800"}},
        {"url": "http://a.example/", "headers": {"Host": "b.example"}},
        {"url": "http://a.example/", "headers": {"Content-Length": "1"}},
        {"url": "http://a.example/", "headers": {"Transfer-Encoding": "chunked"}},
        {"url": "http://a.example/", "headers": {"X-A": True}},
        {"url": "http://a.example/", "headers": {"X-A": "x" * 9000}},
        {"url": "http://a.example/", "headers": {f"X-{n}": "x" for n in range(101)}},
        {"url": "http://a.example/", "auth": {"bearer": "a b"}},
        {"url": "http://a.example/", "auth": {"bearer": "å"}},
        {"url": "http://a.example/", "auth": {"basic": {"username": "a:b", "password": "c"}}},
        {"url": "http://a.example/", "auth": {"basic": {"username": "a", "password": "\ud800"}}},
        {"url": "http://a.example/", "auth": {"bearer": "x", "basic": {}}},
        {"url": "http://a.example/", "auth": {"bearer": "x"}, "headers": {"authorization": "y"}},
        {"url": "http://a.example/", "json": 1, "text": "x"},
        {"url": "http://a.example/", "method": "HEAD", "text": "x"},
        {"url": "http://a.example/", "query": {"a": {"b": 1}}},
        {"url": "http://a.example/", "query": [1]},
        {"url": "http://a.example/", "query": {"a": "\ud800"}},
        {"url": "http://a.example/", "form": {"\ud800": "a"}},
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
    assert (found.type, found.error_class) == ("http.invalid", ErrorClass.PERMANENT)
