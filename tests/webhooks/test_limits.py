"""What a server must survive: floods, half-sent requests, and addresses that are none."""

import http.client
import os
import re
import socket
import time
from pathlib import Path

import pytest

from tests.webhooks.served import Served, payload, sign
from webhooks import protocol

BRANCH = payload("push-branch-created")


def memory() -> int:
    """Return the resident memory of this process, which holds the server, in bytes."""
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


def connect(server: Served) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=10)


def head(path: str, *lines: str) -> bytes:
    told = ["Host: x", "Content-Type: application/json", *lines]
    return f"POST {path} HTTP/1.1\r\n".encode() + "\r\n".join([*told, "", ""]).encode()


def answer(link: socket.socket) -> bytes:
    """Return one whole answer: its head, and as much of a body as the head says."""
    told = b""
    while b"\r\n\r\n" not in told:
        told += link.recv(4096)
    start, _, body = told.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", start)
    while length is not None and len(body) < int(length[1]):
        body += link.recv(4096)
    return start + b"\r\n\r\n" + body


@pytest.mark.parametrize("path", ["/hooks/github/shop", "/hooks/shop/x", "/hooks/github/nothing"])
def test_a_body_that_is_too_large_is_refused_by_its_length(shared: Served, path: str):
    """
    A declared length over the limit is 413 before a byte of the body has come.
    """
    with connect(shared) as link:
        link.sendall(head(path, "Content-Length: 200000000"))
        assert answer(link).startswith(b"HTTP/1.1 413")


def test_a_flood_without_a_length_is_refused(shared: Served):
    """
    200 MB in chunks, with no length told, are 413, and memory does not grow with them.
    """
    chunk = b"%x\r\n%s\r\n" % (1 << 20, b"x" * (1 << 20))
    before, most = memory(), 0
    with connect(shared) as link:
        link.sendall(head("/hooks/github/shop", "Transfer-Encoding: chunked"))
        try:
            for _ in range(200):
                link.sendall(chunk)
                most = max(most, memory())
        except OSError:
            pass  # the server has had enough of it
        told = answer(link)

    assert told.startswith(b"HTTP/1.1 413")
    assert most - before < 20_000_000


def test_a_large_body_is_drained(shared: Served):
    """
    A client that sends all of a body that is too large still hears 413.
    """
    answer = shared.push(b"x" * 30_000_000)

    assert 413 == answer.status
    assert "http.too_large" == answer.json["code"]


def test_the_api_takes_less(shared: Served):
    """
    A start's body is bounded more tightly than a webhook's.
    """
    told = {"inputs": {"name": "x" * (1 << 20)}}

    assert 413 == shared.api("POST", "/workflows/shop/hello/runs", told).status


def test_half_sent_heads_are_closed(shared: Served, monkeypatch: pytest.MonkeyPatch):
    """
    Two hundred connections that never finish their request are closed in time, and others are
    served meanwhile.
    """
    monkeypatch.setattr(protocol, "_HEAD_SECONDS", 1.0)
    links = [connect(shared) for _ in range(200)]
    try:
        for number, link in enumerate(links):
            if number % 2:
                link.sendall(b"POST /hooks/github/shop HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        began = time.monotonic()
        assert 200 == shared.send("GET", "/livez").status
        assert time.monotonic() - began < 10
        for link in links:
            assert b"" == link.recv(100)
        assert time.monotonic() - began < 30
    finally:
        for link in links:
            link.close()


def test_a_head_that_trickles_is_closed(shared: Served, monkeypatch: pytest.MonkeyPatch):
    """
    A byte now and then does not keep a connection open: the deadline is for the whole head.
    """
    monkeypatch.setattr(protocol, "_HEAD_SECONDS", 0.5)
    with connect(shared) as link:
        link.sendall(b"GET /livez HTTP/1.1\r\nX: ")
        link.settimeout(0.1)
        for _ in range(30):
            try:
                link.sendall(b"x")
                if link.recv(10) == b"":
                    return
            except TimeoutError:
                continue
            except OSError:
                return
    raise AssertionError("it is still open")


def test_a_second_request_is_bounded_too(shared: Served, monkeypatch: pytest.MonkeyPatch):
    """
    On a connection that was used before, the next half-sent request is closed as well.
    """
    monkeypatch.setattr(protocol, "_HEAD_SECONDS", 0.5)
    with connect(shared) as link:
        link.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer(link).startswith(b"HTTP/1.1 200")
        link.sendall(b"GET /livez HTT")
        assert b"" == link.recv(100)


def test_a_body_that_nobody_reads_is_bounded(shared: Served, monkeypatch: pytest.MonkeyPatch):
    """
    After an answer that came before the body was read, the rest of the body has a deadline.
    """
    monkeypatch.setattr(protocol, "_HEAD_SECONDS", 0.5)
    with connect(shared) as link:
        link.sendall(head("/livez", "Content-Length: 1000"))
        assert answer(link).startswith(b"HTTP/1.1 405")
        link.sendall(b"x")
        assert b"" == link.recv(100)


def test_a_connection_is_kept(shared: Served):
    """
    Requests follow each other on one connection, bodies and refusals between them.
    """
    link = http.client.HTTPConnection("127.0.0.1", shared.port, timeout=10)
    link.connect()
    before = link.sock
    for _ in range(3):
        for method, path, status in (("POST", "/livez", 405), ("GET", "/livez", 200)):
            link.request(method, path, b"12345")
            answer = link.getresponse()
            answer.read()
            assert status == answer.status
            assert before is link.sock
    link.close()


def test_pipelined_requests_are_answered_in_order(shared: Served):
    """
    Two requests sent at once get two answers, in order.
    """
    with connect(shared) as link:
        link.sendall(
            b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
            b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        told = b""
        while chunk := link.recv(4096):
            told += chunk

    assert [b"200", b"404"] == [part[:3] for part in told.split(b"HTTP/1.1 ")[1:]]


@pytest.mark.parametrize(
    "data",
    [
        b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(1000)) + b"\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"x" * 40_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01",
    ],
)
def test_a_head_beyond_measure_is_refused(shared: Served, data: bytes):
    """
    A head that is too long, has too many headers, or is ambiguous or no HTTP at all is 400.
    """
    began = time.monotonic()

    assert shared.raw(data).startswith(b"HTTP/1.1 400")
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("length", ["-1", "x", "1_0", "0x10", "1e3", "+5"])
def test_a_length_is_a_plain_number(shared: Served, length: str):
    """
    A length that is no plain number is refused before anything is read.
    """
    answer = shared.raw(head("/hooks/github/shop", f"Content-Length: {length}") + b"{}")

    assert answer[9:12] in (b"400", b"413")


@pytest.mark.parametrize(
    "path",
    [
        "/static/..%2f..%2fetc/passwd",
        "/static/../../etc/passwd",
        "/static/sark.css/",
        "//api/v1/runs",
        "/api/v1/runs/",
        "/api//v1/runs",
        "/API/v1/runs",
        "/livez;x=1",
        "/livez%00",
        "/hooks",
        "/hooks/",
        "/docs",
        "/openapi.json",
        "/.git/config",
    ],
)
def test_what_is_no_address_is_404(shared: Served, path: str):
    """
    Nothing near an address is taken for it, and nothing redirects to where the client says.
    """
    told = {"Host": "evil.example", "Authorization": f"Bearer {shared.token}"}
    answer = shared.send("GET", path, None, told)

    assert answer.status in (404, 405)
    assert "location" not in answer.headers
    assert b"root:" not in answer.body


@pytest.mark.parametrize("method", ["TRACE", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"])
def test_other_methods_are_405(shared: Served, method: str):
    """
    A method that an address does not take is a problem, and no cross-origin leave is given.
    """
    told = {"Origin": "https://evil.example", "Authorization": f"Bearer {shared.token}"}
    answer = shared.send(method, "/api/v1/runs", None, told)

    assert 405 == answer.status
    assert {"GET", "HEAD"} == set(answer.headers["allow"].split(", "))
    assert "application/problem+json" == answer.headers["content-type"]
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_headers_that_browsers_heed(shared: Served):
    """
    Every answer forbids framing, sniffing, scripts and keeping; none tells what serves it.
    """
    for answer in (shared.send("GET", "/"), shared.send("GET", "/nothing"), shared.push(b"{}")):
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "nosniff" == answer.headers["x-content-type-options"]
        assert "no-store" == answer.headers["cache-control"]
        assert "server" not in answer.headers


def test_the_request_id_is_echoed(shared: Served):
    """
    A plain X-Request-Id comes back; another is replaced.
    """
    good = shared.send("GET", "/livez", None, {"X-Request-Id": "abc-1"})
    bad = shared.send("GET", "/livez", None, {"X-Request-Id": "x" * 65})

    assert "abc-1" == good.headers["x-request-id"]
    assert 36 == len(bad.headers["x-request-id"])


def test_who_the_client_says_it_is_changes_nothing(shared: Served):
    """
    Host and X-Forwarded-* appear in no answer.
    """
    told = {
        "Host": "evil.example",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-For": "1.2.3.4",
        "Authorization": f"Bearer {shared.token}",
    }
    for path in ("/", "/api/v1/runs", "/api/v1/nothing", "/login"):
        answer = shared.send("GET", path, None, told)
        assert b"evil" not in answer.body
        assert "evil" not in str(answer.headers)


def test_a_defect_tells_nothing(server: Served):
    """
    An error of ours is 500 with an id and no trace, no statement and no path.
    """
    server.rows("ALTER TABLE commits RENAME COLUMN sha TO hash")
    answer = server.api("GET", "/commits/c0ffee")

    assert 500 == answer.status
    assert ["sark.defect", answer.headers["x-request-id"]] == [
        answer.json["code"], answer.json["request_id"],
    ]  # fmt: skip
    for word in (b"Traceback", b"SELECT", b'commits"', b"psycopg", b"/work", b"postgres"):
        assert word not in answer.body


def test_a_slow_body_is_408(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch):
    """
    A body that does not come within its time is 408.
    """
    monkeypatch.setattr("webhooks.doors.BODY_SECONDS", 0.3)
    with connect(request.getfixturevalue("server")) as link:
        link.sendall(head("/hooks/github/shop", "Content-Length: 10") + b"{")
        assert answer(link).startswith(b"HTTP/1.1 408")


def test_a_client_that_goes_away_harms_nobody(shared: Served):
    """
    A body that ends in the middle, with the connection, leaves nothing behind.
    """
    for _ in range(20):
        with connect(shared) as link:
            link.sendall(head("/hooks/github/shop", "Content-Length: 1000") + b"{")

    assert 200 == shared.send("GET", "/livez").status
    assert 401 == shared.push(BRANCH, secret="not the secret of it").status
    assert sign(BRANCH)
