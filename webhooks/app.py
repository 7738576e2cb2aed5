"""The application of one process: every address, and what serves it."""

from collections.abc import Iterator
from typing import Any

from starlette.types import ASGIApp

from webhooks import openapi, pages
from webhooks.addresses import PATHS, TABLE
from webhooks.doors import Doors
from webhooks.edge import Edge
from webhooks.router import Route, Router


def build(doors: Doors) -> ASGIApp:
    """Return the ASGI application of one process."""
    return Edge(doors, Router(_routes()), description())


def description() -> dict[str, Any]:
    """Return the OpenAPI document of what is served."""
    return openapi.document(TABLE, PATHS)


def _routes() -> Iterator[Route]:
    for each in TABLE:
        yield Route(each.method, each.path, each.handler, each.query)
    yield from (
        Route("GET", "/", pages.home),
        Route("GET", "/runs/{id}", pages.run),
        Route("GET", "/runs/{id}/values/{digest}", pages.value),
        Route("GET", "/reviews/{source}/{number}", pages.review),
        Route("GET", "/plans/{digest}", pages.plan),
        Route("POST", "/login", pages.login),
        Route("POST", "/logout", pages.logout),
        Route("GET", "/static/sark.css", pages.style),
    )
