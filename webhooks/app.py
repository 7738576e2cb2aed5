"""The application: every address, and what serves it."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from webhooks import health, inbound, pages
from webhooks.api import runs, sources, workflows
from webhooks.auth.token import bearer
from webhooks.doors import Doors
from webhooks.problem import HANDLERS
from webhooks.shield import Shield

_Handler: TypeAlias = Callable[[Request], Awaitable[Response]]


def build(doors: Doors) -> ASGIApp:
    """Return the ASGI application of one process."""
    app = Starlette(routes=[*_api(), *_edge(), *_pages()], exception_handlers=HANDLERS)
    app.router.redirect_slashes = False  # it would answer with the Host that the client told
    app.state.doors = doors
    return Shield(app, doors.drain)


def _api() -> list[Route]:
    """Return the API's addresses. No mount: a router inside would redirect by itself."""
    return [
        _told("/workflows", workflows.listed),
        _told("/workflows/{namespace}/{name}", workflows.shown),
        _told("/workflows/{namespace}/{name}/runs", workflows.start, "POST"),
        _told("/runs", runs.listed),
        _told("/runs/{id}", runs.shown),
        _told("/runs/{id}/journal", runs.history),
        _told("/runs/{id}/cancel", runs.cancel, "POST"),
        _told("/sources", sources.listed),
        _told("/sources/{name}", sources.shown),
        _told("/sources/{name}/sync", sources.sync, "POST"),
        _told("/commits/{sha}", sources.commit),
    ]


def _edge() -> list[Route]:
    return [
        Route("/hooks/github/{source}", inbound.github, methods=["POST"]),
        Route("/hooks/{namespace}/{path:path}", inbound.webhook, methods=["POST"]),
        Route("/livez", health.alive),
        Route("/readyz", health.ready),
        Route("/metrics", health.metrics),
    ]


def _pages() -> list[Route]:
    return [
        Route("/", pages.home),
        Route("/runs/{id}", pages.run),
        Route("/login", pages.login, methods=["POST"]),
        Route("/logout", pages.logout, methods=["POST"]),
        Route("/static/sark.css", pages.style),
    ]


def _told(path: str, handler: _Handler, method: str = "GET") -> Route:
    """Return an address of the API: whoever has no token hears nothing else from it."""

    async def known(request: Request) -> Response:
        bearer(request)
        return await handler(request)

    return Route(f"/api/v1{path}", known, methods=[method])
