"""The application: every address, and what serves it."""

from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from webhooks import health, inbound, pages
from webhooks.api import runs, sources, workflows
from webhooks.doors import Doors
from webhooks.problem import HANDLERS
from webhooks.shield import Shield

_API = [
    Route("/workflows/{namespace}/{name}/runs", workflows.start, methods=["POST"]),
    Route("/workflows", workflows.listed),
    Route("/workflows/{namespace}/{name}", workflows.shown),
    Route("/runs", runs.listed),
    Route("/runs/{id}", runs.shown),
    Route("/runs/{id}/journal", runs.history),
    Route("/runs/{id}/cancel", runs.cancel, methods=["POST"]),
    Route("/sources", sources.listed),
    Route("/sources/{name}", sources.shown),
    Route("/sources/{name}/sync", sources.sync, methods=["POST"]),
    Route("/commits/{sha}", sources.commit),
]
_ROUTES = [
    Mount("/api/v1", routes=_API),
    Route("/hooks/github/{source}", inbound.github, methods=["POST"]),
    Route("/hooks/{namespace}/{path:path}", inbound.webhook, methods=["POST"]),
    Route("/livez", health.alive),
    Route("/readyz", health.ready),
    Route("/metrics", health.metrics),
    Route("/", pages.home),
    Route("/runs/{id}", pages.run),
    Route("/login", pages.login, methods=["POST"]),
    Route("/logout", pages.logout, methods=["POST"]),
    Route("/static/sark.css", pages.style),
]


def build(doors: Doors) -> ASGIApp:
    """Return the ASGI application of one process."""
    app = Starlette(routes=_ROUTES, exception_handlers=HANDLERS)
    app.router.redirect_slashes = False  # it would answer with the Host that the client told
    app.state.doors = doors
    return Shield(app, doors.drain)
