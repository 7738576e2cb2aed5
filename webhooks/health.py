"""Is the process alive, is it ready, what does it count."""

import asyncio

from prometheus_client import generate_latest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from engine.core.values import Json
from engine.store.pool import ping
from engine.telemetry import REGISTRY
from webhooks.answer import json_answer
from webhooks.edge import Edge, edge_of

_PATIENCE = 2


def routes() -> list[Route]:
    return [
        Route("/livez", livez, methods=["GET"]),
        Route("/readyz", readyz, methods=["GET"]),
        Route("/metrics", metrics, methods=["GET"]),
    ]


async def livez(request: Request) -> Response:
    """Say that the event loop turns."""
    return PlainTextResponse("ok\n")


async def readyz(request: Request) -> Response:
    """Say what works: without the database nothing does, without the broker it is slower."""
    edge = edge_of(request)
    database, broker = await asyncio.gather(_database(edge), _broker(edge))
    status = "ok" if database and broker else "degraded" if database else "unavailable"
    told: dict[str, Json] = {
        "status": status,
        "database": "ok" if database else "no answer",
        "broker": "ok" if broker else "degraded: no answer; runs go on through the sweep",
    }
    return json_answer(told, 200 if database else 503)


async def metrics(request: Request) -> Response:
    """Return every counter in Prometheus's text form."""
    await edge_of(request).allow(request, "metrics.read", "metrics", "*")
    return Response(generate_latest(REGISTRY), media_type="text/plain; version=0.0.4")


async def _database(edge: Edge) -> bool:
    try:
        async with asyncio.timeout(_PATIENCE), edge.pool.connection() as connection:
            await ping(connection)
    except Exception:
        return False
    return True


async def _broker(edge: Edge) -> bool:
    if edge.broker is None:
        return False
    try:
        async with asyncio.timeout(_PATIENCE):
            return await asyncio.to_thread(edge.broker.ping)
    except TimeoutError:
        return False
