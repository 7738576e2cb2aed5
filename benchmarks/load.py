"""Starts by the hundred, from one thread: what the client costs is not the engine's."""

import json
import re
import selectors
import socket
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_ID = re.compile(rb'"id":"([^"]+)"')
_LENGTH = re.compile(rb"(?i)content-length: (\d+)")
_SECONDS = 60
# A server closes what is quiet for seconds; after this a connection is made anew.
_QUIET_SECONDS = 1.0
_JSON = "application/json"
_CLOUDEVENT = "application/cloudevents+json"
_ONE: Mapping[str, object] = {"n": 1}


@dataclass(slots=True)
class _Link:
    socket: socket.socket
    used: float
    told: bytes = b""


class Load:
    """Connections to the API that are kept alive, each with one request under way."""

    def __init__(self, port: int, token: str, links: int) -> None:
        self._port = port
        self._token = token
        self._count = links
        self._links: list[_Link] = []

    def start(
        self, workflow: str, count: int, inputs: Mapping[str, object] | None = None
    ) -> list[str]:
        """Start `count` runs as fast as they are taken; return their ids as they were answered."""
        return self.start_each(workflow, [_ONE if inputs is None else inputs] * count)

    def start_each(self, workflow: str, inputs: Iterable[Mapping[str, object]]) -> list[str]:
        """Start a run for each of these inputs, as fast as they are taken; return their ids."""
        path = f"/api/v1/workflows/local/{workflow}/runs"
        return self._post(path, _JSON, ({"inputs": each} for each in inputs))

    def send(self, event: Mapping[str, object]) -> None:
        """Send a CloudEvent and return when it was answered, so that it is durable."""
        self._post("/api/v1/namespaces/local/events", _CLOUDEVENT, [event])

    def close(self) -> None:
        for link in self._links:
            link.socket.close()
        self._links = []

    def _post(self, path: str, kind: str, bodies: Iterable[Mapping[str, object]]) -> list[str]:
        """Post each of these; return the ids that were answered, in the order of the answers."""
        self._connect()
        requests = (self._request(path, kind, json.dumps(body).encode()) for body in bodies)
        done: list[str] = []
        with selectors.DefaultSelector() as selector:
            for link, request in zip(self._links, requests, strict=False):
                selector.register(link.socket, selectors.EVENT_READ, link)
                link.socket.sendall(request)
            _exchange(selector, requests, done)
        return done

    def _connect(self) -> None:
        """Have connections that the server has not closed: each of them may have been quiet."""
        now = time.monotonic()
        for link in self._links:
            if now - link.used > _QUIET_SECONDS:
                link.socket.close()
        self._links = [link for link in self._links if now - link.used <= _QUIET_SECONDS]
        while len(self._links) < self._count:
            made = socket.create_connection(("127.0.0.1", self._port), timeout=_SECONDS)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._links.append(_Link(made, now))

    def _request(self, path: str, kind: str, body: bytes) -> bytes:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {self._token}\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


def _exchange(selector: selectors.BaseSelector, requests: Iterable[bytes], done: list[str]) -> None:
    """Send on each connection the next request when the one before is answered, to the end."""
    left = iter(requests)
    while selector.get_map():
        ready = selector.select(_SECONDS)
        if not ready:
            raise TimeoutError(f"{len(done)} requests were answered, and no more")
        for key, _ in ready:
            answer = _answered(key.data)
            if answer is None:
                continue
            done.append(answer)
            request = next(left, None)
            if request is None:
                selector.unregister(key.fileobj)
            else:
                key.data.socket.sendall(request)


def _answered(link: _Link) -> str | None:
    """Return the id of an answer that has come whole, or None if more is to come."""
    got = link.socket.recv(65536)
    link.told += got
    head, found, body = link.told.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    if got and (not found or length is None or len(body) < int(length[1])):
        return None
    identity = _ID.search(body)
    if not head.startswith(b"HTTP/1.1 202") or identity is None:
        raise RuntimeError(f"a request was refused: {link.told[:300]!r}")
    link.told, link.used = b"", time.monotonic()
    return identity[1].decode()
