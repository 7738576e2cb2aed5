"""Sources and their commits over the API."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.core.values import Json
from engine.errors import NotFound
from engine.git.address import shown
from engine.store import commits, sources
from engine.store.sources import SourceRow
from webhooks.answer import json_answer, listed
from webhooks.edge import edge_of


def routes() -> list[Route]:
    return [
        Route("/sources", index, methods=["GET"]),
        Route("/sources/{name}", show, methods=["GET"]),
        Route("/sources/{name}/sync", sync, methods=["POST"]),
        Route("/commits/{sha}", why, methods=["GET"]),
    ]


async def index(request: Request) -> Response:
    """List every source with its conditions."""
    edge = edge_of(request)
    await edge.allow(request, "source.read", "source", "*")
    async with edge.pool.connection() as connection:
        found = await sources.all_of(connection)
    return listed([_told(each) for each in found], None)


async def show(request: Request) -> Response:
    """Show one source."""
    edge, name = edge_of(request), request.path_params["name"]
    await edge.allow(request, "source.read", "source", name)
    async with edge.pool.connection() as connection:
        found = await sources.read(connection, name)
    if found is None:
        raise NotFound(f"there is no source {name!r}")
    return json_answer(_told(found))


async def sync(request: Request) -> Response:
    """Ask for a look at a source's repository; `generation` is what to wait for."""
    edge, name = edge_of(request), request.path_params["name"]
    await edge.allow(request, "source.sync", "source", name)
    async with edge.pool.connection() as connection:
        wanted = await sources.request(connection, name)
    if wanted is None:
        raise NotFound(f"there is no source {name!r}")
    if edge.bell is not None:
        edge.bell.ring_controller(name)
    return json_answer({"name": name, "generation": wanted}, 202)


async def why(request: Request) -> Response:
    """Tell what became of a commit, in every source that has seen it."""
    edge, sha = edge_of(request), request.path_params["sha"].lower()
    await edge.allow(request, "commit.read", "commit", sha)
    async with edge.pool.connection() as connection:
        found = await commits.find(connection, sha)
    if not found:
        raise NotFound(f"no source has seen a commit {sha[:64]!r}")
    items: list[Json] = [
        {
            "source": each.source,
            "sha": each.sha,
            "state": each.state,
            "reason": each.reason,
            "author": each.author,
            "subject": each.subject,
            "active": each.active,
            "seen_at": each.seen_at.isoformat(),
            "history": _plain(each.history),
            "findings": _plain(each.findings),
        }
        for each in found
    ]
    return listed(items, None)


def _told(row: SourceRow) -> dict[str, Json]:
    return {
        "name": row.name,
        "namespace": row.namespace,
        "environment": row.environment,
        "url": shown(row.url),
        "ref": row.ref,
        "root": row.root,
        "observed": row.observed,
        "attempted": row.attempted,
        "active": row.active,
        "conditions": _plain(row.conditions),
        "generation": row.wanted,
        "generation_handled": row.handled,
    }


def _plain(rows: Sequence[Mapping[str, Any]]) -> list[Json]:
    return [dict(each) for each in rows]
