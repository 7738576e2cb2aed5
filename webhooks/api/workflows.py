"""The active workflows over the API."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.core.values import Json
from engine.errors import NotFound
from engine.store import workflows
from engine.store.workflows import Active
from webhooks.answer import json_answer, listed
from webhooks.edge import edge_of


def routes() -> list[Route]:
    return [
        Route("/workflows", index, methods=["GET"]),
        Route("/workflows/{namespace}/{name}", show, methods=["GET"]),
    ]


async def index(request: Request) -> Response:
    """List what can be started."""
    edge, namespace = edge_of(request), request.query_params.get("namespace")
    await edge.allow(request, "workflow.read", "workflow", "*", namespace or "")
    async with edge.pool.connection() as connection:
        found = await workflows.all_of(connection, namespace)
    return listed([_told(each) for each in found], None)


async def show(request: Request) -> Response:
    """Show one workflow."""
    edge = edge_of(request)
    namespace, name = request.path_params["namespace"], request.path_params["name"]
    await edge.allow(request, "workflow.read", "workflow", name, namespace)
    async with edge.pool.connection() as connection:
        for each in await workflows.all_of(connection, namespace):
            if each.name == name:
                return json_answer(_told(each))
    raise NotFound(f"workflow {name!r} is not active in namespace {namespace!r}")


def _told(active: Active) -> dict[str, Json]:
    return {
        "namespace": active.namespace,
        "name": active.name,
        "title": active.title,
        "source": active.source,
        "commit": active.commit_sha,
        "plan": active.plan,
        "file": active.file,
    }
