"""Starts by the hundred, from one thread: what the client costs is not the engine's."""

import re
import selectors
import socket
from dataclasses import dataclass

_ID = re.compile(rb'"id":"([0-9a-f-]{36})"')
_LENGTH = re.compile(rb"(?i)content-length: (\d+)")
_SECONDS = 60


@dataclass(slots=True)
class _Link:
    socket: socket.socket
    told: bytes = b""


class Load:
    """Connections to the API that are kept alive, each with one request under way."""

    def __init__(self, port: int, token: str, links: int) -> None:
        self._token = token
        self._links = []
        for _ in range(links):
            link = socket.create_connection(("127.0.0.1", port), timeout=_SECONDS)
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._links.append(_Link(link))

    def start(self, workflow: str, count: int) -> list[str]:
        """Start `count` runs as fast as they are taken; return their ids as they were answered."""
        request = self._request(workflow)
        started: list[str] = []
        with selectors.DefaultSelector() as selector:
            busy = self._links[:count]
            for link in busy:
                selector.register(link.socket, selectors.EVENT_READ, link)
                link.socket.sendall(request)
            left = count - len(busy)
            while len(started) < count:
                ready = selector.select(_SECONDS)
                if not ready:
                    raise TimeoutError(f"{len(started)} of {count} starts were answered")
                for key, _ in ready:
                    run = _answered(key.data)
                    if run is None:
                        continue
                    started.append(run)
                    if left:
                        left -= 1
                        key.data.socket.sendall(request)
        return started

    def close(self) -> None:
        for link in self._links:
            link.socket.close()

    def _request(self, workflow: str) -> bytes:
        body = b'{"inputs":{"n":1}}'
        head = (
            f"POST /api/v1/workflows/local/{workflow}/runs HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {self._token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


def _answered(link: _Link) -> str | None:
    """Return the run of an answer that has come whole, or None if more is to come."""
    got = link.socket.recv(65536)
    link.told += got
    head, found, body = link.told.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    if got and (not found or length is None or len(body) < int(length[1])):
        return None
    run = _ID.search(body)
    if not head.startswith(b"HTTP/1.1 202") or run is None:
        raise RuntimeError(f"a start was refused: {link.told[:300]!r}")
    link.told = b""
    return run[1].decode()
