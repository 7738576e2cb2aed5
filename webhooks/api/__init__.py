"""The REST API under /api/v1, one file a noun."""

from starlette.routing import Route

from webhooks.api import runs, sources, workflows


def routes() -> list[Route]:
    """Return every route of the API."""
    return [*runs.routes(), *workflows.routes(), *sources.routes()]
