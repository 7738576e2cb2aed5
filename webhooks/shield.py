"""Around every request: its id, headers that browsers heed, a count, and a word on leaving."""

import re
import time
from collections.abc import Iterable

from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils import uuid7

from engine.telemetry import REGISTRY
from webhooks.doors import Drain

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_CSP = (
    b"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    b"base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = (
    (b"content-security-policy", _CSP),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_NOT_KEPT = (b"cache-control", b"no-store")
_REQUESTS = Counter("sark_http_requests", "Requests", ["method", "status"], registry=REGISTRY)
_SECONDS = Histogram(
    "sark_http_request_seconds",
    "Time to answer",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5),
    registry=REGISTRY,
)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Shield:
    """The outermost layer. `X-Forwarded-*` and `Host` are read by nobody behind it."""

    def __init__(self, app: ASGIApp, drain: Drain) -> None:
        self._app = app
        self._drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        identity = _identity(scope["headers"])
        scope["request_id"] = identity.decode()
        began = time.perf_counter()

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                _count(scope["method"], message["status"], time.perf_counter() - began)
                message["headers"] = [*message["headers"], *self._extra(message, identity)]
            await send(message)

        await self._app(scope, receive, told)

    def _extra(self, message: Message, identity: bytes) -> Iterable[tuple[bytes, bytes]]:
        yield (b"x-request-id", identity)
        yield from _HEADERS
        if not any(name == b"cache-control" for name, _ in message["headers"]):
            yield _NOT_KEPT
        if self._drain.draining:
            yield (b"connection", b"close")


def _identity(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return the id that the client gave its request, if it is a plain one, or a new one."""
    given = next((value for name, value in headers if name == b"x-request-id"), b"")
    return given if _REQUEST_ID.fullmatch(given) else str(uuid7()).encode()


def _count(method: str, status: int, seconds: float) -> None:
    """Count a request; labels stay few whatever is asked."""
    known = method if method in _METHODS else "other"
    _REQUESTS.labels(known, f"{status // 100}xx").inc()
    _SECONDS.observe(seconds)
