"""Around every request: its id, headers that browsers heed, a count, and a word on leaving."""

import re
from collections.abc import Iterable
from functools import cache

from prometheus_client import Counter, Histogram
from starlette.responses import Response
from uuid_utils import uuid7

from engine.telemetry import REGISTRY

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_CSP = (
    b"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    b"base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = (
    (b"content-security-policy", _CSP),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # Nothing is told to others; under `no-referrer` a browser keeps even our own origin from us.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_NOT_KEPT = (b"cache-control", b"no-store")
_LEAVES = (b"connection", b"close")
_REQUESTS = Counter("sark_http_requests", "Requests", ["method", "status"], registry=REGISTRY)
_SECONDS = Histogram(
    "sark_http_request_seconds",
    "Time to answer",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5),
    registry=REGISTRY,
)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def identity(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return the id that the client gave its request, if it is a plain one, or a new one."""
    for name, value in headers:
        if name == b"x-request-id":
            return value if _REQUEST_ID.fullmatch(value) else _new()
    return _new()


def cover(answer: Response, identity: bytes, *, leaves: bool) -> None:
    """Lay the headers on an answer that every one has. `leaves` if the server is about to stop."""
    headers = answer.raw_headers
    if not any(name == b"cache-control" for name, _ in headers):
        headers.append(_NOT_KEPT)
    headers.append((b"x-request-id", identity))
    headers.extend(_HEADERS)
    if leaves:
        headers.append(_LEAVES)


def count(method: str, status: int, seconds: float) -> None:
    """Count a request; labels stay few whatever is asked."""
    _counter(method if method in _METHODS else "other", status // 100).inc()
    _SECONDS.observe(seconds)


@cache
def _counter(method: str, hundreds: int) -> Counter:
    return _REQUESTS.labels(method, f"{hundreds}xx")


def _new() -> bytes:
    return str(uuid7()).encode()
