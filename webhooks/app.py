"""The application: routes, errors, and the headers that every answer bears."""

from collections.abc import MutableMapping
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.errors import SarkError
from webhooks import api, health, inbound, pages, problem
from webhooks.edge import Edge

_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        b"base-uri 'none'; frame-ancestors 'none'",
    ),
]


def create_app(edge: Edge) -> ASGIApp:
    """Return the whole edge as one ASGI application."""
    app = Starlette(
        routes=[
            *inbound.routes(),
            Mount("/api/v1", routes=api.routes()),
            *health.routes(),
            *pages.routes(),
        ],
        exception_handlers={
            SarkError: problem.of_ours,
            HTTPException: problem.of_http,
            Exception: problem.of_defect,
        },
    )
    app.router.redirect_slashes = False
    app.state.edge = edge
    return _Headers(app)


class _Headers:
    """Adds the headers that keep a browser from being used against its user."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                told: MutableMapping[str, Any] = message
                told["headers"] = [*told.get("headers", []), *_HEADERS]
            await send(message)

        await self._app(scope, receive, with_headers)
