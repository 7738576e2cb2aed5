"""Runs over the API: start, list, show, journal, cancel."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine import history
from engine.core.state import ENDED, RunStatus
from engine.core.values import Json
from engine.errors import Conflict, Invalid, NotFound
from engine.intake import Start
from engine.store import journal, runs, views
from engine.store.pool import Connection
from engine.store.views import Filter, RunRow
from webhooks import body
from webhooks.answer import json_answer, listed
from webhooks.api import query
from webhooks.edge import edge_of, run_id

_LONGEST_KEY = 255


def routes() -> list[Route]:
    return [
        Route("/workflows/{namespace}/{name}/runs", start, methods=["POST"]),
        Route("/runs", index, methods=["GET"]),
        Route("/runs/{run}", show, methods=["GET"]),
        Route("/runs/{run}/journal", events, methods=["GET"]),
        Route("/runs/{run}/cancel", cancel, methods=["POST"]),
    ]


async def start(request: Request) -> Response:
    """Start a run: 202 and its Location once it is durable."""
    edge = edge_of(request)
    namespace, name = request.path_params["namespace"], request.path_params["name"]
    actor = await edge.allow(request, "run.start", "workflow", name, namespace)
    told = await body.members(request, edge.settings.server.max_body, frozenset({"inputs"}))
    inputs = told.get("inputs", {})
    if not isinstance(inputs, Mapping):
        raise Invalid("inputs must be an object", (("/inputs", "an object is expected"),))
    key = request.headers.get("idempotency-key")
    if key is not None and not (0 < len(key) <= _LONGEST_KEY):
        raise Invalid(f"Idempotency-Key must have 1 to {_LONGEST_KEY} characters")
    asked = Start(namespace, name, inputs, "api", f"{actor.kind}:{actor.id}", key)
    answer = await edge.intake.start(asked)
    identity = str(answer.runs[0])
    found: dict[str, Json] = {
        "id": identity,
        "namespace": namespace,
        "workflow": name,
        "status": RunStatus.QUEUED.value,
    }
    return json_answer(found, 202, {"Location": f"/api/v1/runs/{identity}"})


async def index(request: Request) -> Response:
    """List runs, newest first."""
    edge, asked = edge_of(request), request.query_params
    await edge.allow(request, "run.read", "run", "*", asked.get("namespace", ""))
    status, most = asked.get("status"), query.limit(request)
    if status is not None and status not in set(RunStatus):
        known = ", ".join(RunStatus)
        raise Invalid(f"status must be one of {known}", (("/status", "unknown"),))
    wanted = Filter(
        status, asked.get("namespace"), asked.get("workflow"), query.before(request), most
    )
    async with edge.pool.connection() as connection:
        found = await views.page(connection, wanted)
    following = str(found[-1].id) if len(found) == most else None
    return listed([history.told(each) for each in found], following)


async def show(request: Request) -> Response:
    """Show one run with its steps."""
    edge = edge_of(request)
    await edge.allow(request, "run.read", "run", request.path_params["run"])
    async with edge.pool.connection() as connection:
        row = await _found(request, connection)
        rows = await journal.read(connection, row.id)
        steps = await history.steps(connection, row, rows)
    return json_answer({**history.told(row), "steps": steps})


async def events(request: Request) -> Response:
    """List a run's journal, in the order in which it happened."""
    edge = edge_of(request)
    await edge.allow(request, "run.read", "run", request.path_params["run"])
    most = query.limit(request)
    after = max(query.number(request, "after"), query.number(request, "cursor"))
    async with edge.pool.connection() as connection:
        row = await _found(request, connection)
        rows = await journal.read(connection, row.id, after, most)
    items: list[Json] = [
        {
            "seq": each.seq,
            "at": each.at.isoformat(),
            "kind": each.kind,
            "path": each.path,
            "attempt": each.attempt,
            "data": each.data,
        }
        for each in rows
    ]
    return listed(items, str(rows[-1].seq) if len(rows) == most else None)


async def cancel(request: Request) -> Response:
    """Ask a run to end; 202, for its owner ends it."""
    edge = edge_of(request)
    actor = await edge.allow(request, "run.cancel", "run", request.path_params["run"])
    told = await body.members(request, edge.settings.server.max_body, frozenset({"reason"}))
    reason: dict[str, Json] = {
        "by": f"{actor.kind}:{actor.id}",
        "reason": str(told.get("reason") or ""),
    }
    async with edge.pool.connection() as connection:
        row = await _found(request, connection)
        asked = await runs.cancel(connection, row.id, reason)
        row = await _found(request, connection)
    if asked is None and row.status in ENDED:
        raise Conflict(f"run {row.id} has ended: {row.status}")
    if asked is not None and edge.bell is not None:
        owner, pool = asked
        if owner is None:
            edge.bell.ring_pool(pool)
        else:
            edge.bell.ring_worker(owner, [str(row.id)])
    return json_answer({"id": str(row.id), "status": row.status}, 202)


async def _found(request: Request, connection: Connection) -> RunRow:
    identity = run_id(request.path_params["run"])
    row = await views.run(connection, identity)
    if row is None:
        raise NotFound(f"there is no run {identity}")
    return row
