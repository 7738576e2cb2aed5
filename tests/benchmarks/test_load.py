"""The client of the benchmarks starts what it is told to, however busy the machine is."""

import socketserver
import threading
import time
from collections.abc import Iterator

import pytest

from benchmarks.load import Load

_ANSWER = b'HTTP/1.1 202 Accepted\r\nContent-Length: 10\r\n\r\n{"id":"r"}'
_QUIET = 1.2  # seconds after which the server closes what is quiet


class _Connection(socketserver.BaseRequestHandler):
    """Answers each request and closes what is quiet, as the server does."""

    def handle(self) -> None:
        self.request.settimeout(_QUIET)
        try:
            while self.request.recv(65536):
                self.request.sendall(_ANSWER)
        except TimeoutError:
            pass


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@pytest.fixture
def port() -> Iterator[int]:
    with _Server(("127.0.0.1", 0), _Connection) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,)).start()
        yield int(server.server_address[1])
        server.shutdown()


def test_a_connection_that_was_quiet_is_made_anew(port: int):
    """
    While one run after the other is started on one connection, the server may close the others.
    """
    load = Load(port, "token", 4)
    until = time.monotonic() + 2 * _QUIET
    while time.monotonic() < until:
        assert ["r"] == load.start("one", 1)
        time.sleep(0.1)

    assert ["r"] * 8 == load.start("one", 8)
    load.close()
