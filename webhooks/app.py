"""The application: every address, and what serves it."""

from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ASGIApp

from webhooks import openapi, pages
from webhooks.addresses import PATHS, TABLE
from webhooks.doors import Doors
from webhooks.gate import Gate
from webhooks.problem import HANDLERS
from webhooks.shield import Shield


def build(doors: Doors) -> ASGIApp:
    """Return the ASGI application of one process.

    The routes stand in one list. No mount: a router inside would redirect by itself.
    """
    app = Starlette(
        routes=[*(each.route() for each in TABLE), *_pages()],
        exception_handlers=HANDLERS,
        middleware=[Middleware(Gate)],
    )
    app.router.redirect_slashes = False  # it would answer with the Host that the client told
    app.state.doors = doors
    app.state.description = description()
    return Shield(app, doors.drain)


def description() -> dict[str, Any]:
    """Return the OpenAPI document of what is served."""
    return openapi.document(TABLE, PATHS)


def _pages() -> list[Route]:
    return [
        Route("/", pages.home),
        Route("/runs/{id}", pages.run),
        Route("/runs/{id}/values/{digest}", pages.value),
        Route("/reviews/{source}/{number}", pages.review),
        Route("/plans/{digest}", pages.plan),
        Route("/login", pages.login, methods=["POST"]),
        Route("/logout", pages.logout, methods=["POST"]),
        Route("/static/sark.css", pages.style),
    ]
