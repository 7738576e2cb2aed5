"""What waits for clients that do not read: how much of it there is, and for how long."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.stories.parts import until
from tests.webhooks.served import Served, are_open
from webhooks import outflow, protocol

_SIZE = 1 << 20
_LARGE = "/api/v1/events?type=large"
_INSERT = """
    INSERT INTO events (id, namespace, type, subject, source, data, identity, at)
    VALUES (gen_random_uuid(), 'shop', 'large', '', 'far', to_json(repeat('x', %s)), '1', now())
"""
_SHOP = """\
apiVersion: sark/v1
kind: Workflow
name: hello
steps:
  say: {uses: echo.say@1, with: {message: hello}}
"""


@pytest.fixture(scope="module")
def large(shared: Served) -> Served:
    """A server that has one answer of a megabyte to give."""
    shared.activate({"hello.yaml": _SHOP})
    shared.rows(_INSERT, _SIZE)
    return shared


def request(server: Served, path: str, *more: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {server.token}", *more]
    return "\r\n".join([*lines, "", ""]).encode()


def asked(server: Served, data: bytes) -> socket.socket:
    """Send something on a connection whose client takes little by itself."""
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    link.settimeout(60)
    link.connect(("127.0.0.1", server.port))
    link.sendall(data)
    return link


def read(link: socket.socket) -> bytes:
    """Read until the server closes."""
    told = b""
    while chunk := link.recv(1 << 16):
        told += chunk
    return told


@pytest.fixture
def idle(large: Served) -> Iterator[socket.socket]:
    """A client that has begun to get the large answer and reads no further."""
    with asked(large, request(large, _LARGE)) as link:
        assert link.recv(12) == b"HTTP/1.1 200"
        yield link


def test_what_is_too_much_is_put_off(
    large: Served, idle: socket.socket, monkeypatch: pytest.MonkeyPatch
):
    """
    While as much as there may be waits for readers, another large answer is 503 and says when to
    ask again; small ones are given. Once the reader has gone, large ones are given too.
    """
    monkeypatch.setattr(outflow, "_MOST", _SIZE)

    refused = large.api("GET", "/events?type=large")

    assert (503, "sark.unavailable", "1") == (
        refused.status, refused.json["code"], refused.headers["retry-after"],
    )  # fmt: skip
    assert 200 == large.api("GET", "/runs").status
    idle.close()
    until(lambda: large.api("GET", "/events?type=large").status == 200)


def test_one_answer_alone_may_be_any_size(large: Served, monkeypatch: pytest.MonkeyPatch):
    """
    An answer that is larger than all that may wait is given where nothing else waits.
    """
    monkeypatch.setattr(outflow, "_MOST", 1000)

    answer = large.api("GET", "/events?type=large")

    assert (200, "x" * _SIZE) == (answer.status, answer.json["items"][0]["data"])


@pytest.mark.parametrize("size", [0, 1, outflow.PIECE, outflow.PIECE + 1, 3 * outflow.PIECE])
def test_an_answer_is_whole_whatever_its_size(large: Served, size: int):
    """
    Answers of a piece, of none and of several come as they are.
    """
    large.rows("DELETE FROM events WHERE type = 'sized'")
    large.rows(_INSERT.replace("large", "sized"), size)

    answer = large.api("GET", "/events?type=sized")

    assert "x" * size == answer.json["items"][0]["data"]
    assert str(len(answer.body)) == answer.headers["content-length"]
    assert b"" == large.send("HEAD", "/livez").body


@pytest.mark.parametrize("lines", [(), ("Connection: close",)], ids=["kept", "to be closed"])
def test_who_reads_nothing_is_cut_off(
    large: Served, monkeypatch: pytest.MonkeyPatch, lines: tuple[str, ...]
):
    """
    Clients that take nothing of what they have asked for, one answer or a hundred on the same
    connection, are cut off, in the middle of a large answer as at the end of many small ones.
    """
    monkeypatch.setattr(protocol, "_UNREAD_SECONDS", 0.5)
    many = request(large, "/api/openapi.json") * 100 + request(large, "/livez", *lines)
    with ExitStack() as stack:
        links = [
            stack.enter_context(asked(large, each))
            for each in (request(large, _LARGE, *lines), many)
        ]
        until(lambda: not are_open(large.port, links))
        one, other = (read(link) for link in links)

    assert 0 < len(one) < _SIZE
    assert 0 < other.count(b"HTTP/1.1 200") < 101


def test_who_reads_slowly_has_it_whole(large: Served, monkeypatch: pytest.MonkeyPatch):
    """
    A client that takes a little now and then is waited for, however long all of it takes.
    """
    monkeypatch.setattr(protocol, "_UNREAD_SECONDS", 5.0)
    told = b""
    with asked(large, request(large, _LARGE, "Connection: close")) as link:
        for _ in range(8):
            time.sleep(1)
            for _ in range(16):
                told += link.recv(4096)
        told += read(link)

    assert _SIZE < len(told)
    assert told.startswith(b"HTTP/1.1 200")
