"""Clients that ask for large answers and never read them: what a server keeps for them."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.stories.parts import until
from tests.stories.stack import Stack
from tests.stories.test_large_values import BODY, CONFIG, SPEC, serving
from tests.webhooks.served import are_open

_CLIENTS = 60
_SLACK = 48 << 20


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with serving() as far:
        files = {"large.yaml": SPEC.replace("SINK", far.url)}
        with Stack(files, CONFIG.replace("PORT", str(far.server_port))) as running:
            yield running


def memory(stack: Stack) -> int:
    """Return how many bytes the server has in memory."""
    (pid,) = stack.pids("sark-server")
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(each.split()[1]) for each in lines if each.startswith("VmRSS")) << 10


def asked(stack: Stack, path: str) -> socket.socket:
    """Ask for something, read that there is an answer, and no more of it."""
    token = (stack.state / "token").read_text().strip()
    link = socket.create_connection(("127.0.0.1", stack.port), timeout=120)
    link.sendall(
        f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    )
    assert b"HTTP/1.1 200 OK" == link.recv(15)
    return link


def rest(link: socket.socket) -> int:
    """Read all that still comes, and return how many bytes that was."""
    size = 0
    while chunk := link.recv(1 << 20):
        size += len(chunk)
    return size


def test_clients_that_never_read(stack: Stack):
    """
    Sixty clients ask for 5 MB each and read none of it: the server does not grow by what they do
    not read, it serves others all the while, and it cuts them off. Who reads has it whole.
    """
    run = stack.wait_ended(stack.link().start("large"))
    reference = run["outputs"]["body"]
    path = f"/api/v1/runs/{run['id']}/values/{reference['artifact']}"
    with asked(stack, path):
        before = memory(stack)
    with ExitStack() as links:
        idle = [links.enter_context(asked(stack, path)) for _ in range(_CLIENTS)]
        assert memory(stack) - before < _SLACK
        assert "succeeded" == stack.wait_ended(stack.link().start("large"))["status"]
        assert BODY == json.loads(stack.sark("show", run["id"], "--value", "fetch.body").stdout)
        until(lambda: not are_open(stack.port, idle), 300)
        assert memory(stack) - before < _SLACK
        assert all(rest(link) < reference["bytes"] for link in idle)
