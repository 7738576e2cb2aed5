"""`/runs`: list, show, journal, plan, values, cancel."""

from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from engine import runs
from engine.core.state import ENDED, RunStatus
from engine.errors import Conflict, Invalid, NotFound
from engine.history import Whole
from engine.store import journal, plans, views
from engine.store.pool import Connection
from engine.store.views import RunLine, RunRow, Wanted
from policies.facts import Actor, Resource, Verdict
from webhooks.api import page, wish
from webhooks.auth.guard import allow, allow_read, record, visible
from webhooks.doors import doors
from webhooks.problem import Data
from webhooks.values import download


async def listed(request: Request) -> Response:
    """`GET /runs`: newest first, by status, workflow and namespace."""
    told = page.query(request)
    status, size = told.get("status"), page.limit(told)
    if status is not None and status not in {each.value for each in RunStatus}:
        known = ", ".join(RunStatus)
        raise Invalid(f"there is no status {status!r}", (("/status", f"one of: {known}"),))
    before = _cursor(told)
    seen = await visible(request, "run.read", "run", told.get("namespace"))
    async with doors(request).pool.connection() as connection:
        wanted = Wanted(seen, told.get("workflow"), status)
        found = await views.runs(connection, wanted, before, size + 1)
    last = str(found[size - 1].id) if len(found) > size else None
    return page.page([line(each) for each in found[:size]], last)


async def shown(request: Request) -> Response:
    """`GET /runs/{id}`: a run and its steps."""
    found = await _found(request)
    return Data({**whole(found.row), "paused": found.paused, "steps": found.steps})


async def history(request: Request) -> Response:
    """`GET /runs/{id}/journal`: what has happened, in its order; `after` is a `seq`."""
    told = page.query(request)
    size = page.limit(told)
    start = page.after(told) or told.get("after", "0")
    if not (start.isascii() and start.isdigit() and len(start) < 10):
        raise Invalid("after is the seq of a row", (("/after", "a number"),))
    identity, missing = named(request)
    async with doors(request).pool.connection() as connection:
        await readable(request, connection, identity, missing)
        rows = await journal.read(connection, identity, int(start), size + 1)
    items = [
        {
            "seq": row.seq,
            "at": row.at,
            "kind": row.kind,
            "path": row.path,
            "attempt": row.attempt,
            "data": row.data,
        }
        for row in rows[:size]
    ]
    return page.page(items, str(rows[size - 1].seq) if len(rows) > size else None)


async def plan(request: Request) -> Response:
    """`GET /runs/{id}/plan`: the plan that it follows, whatever is active now, and its source."""
    page.query(request)
    identity, missing = named(request)
    async with doors(request).pool.connection() as connection:
        await readable(request, connection, identity, missing)
        found = await plans.of_run(connection, identity)
    if found is None:
        raise NotFound(f"the plan of run {identity} is no longer kept")
    told = {"digest": found.digest, "source": found.source, "root": found.root}
    return Data({**told, "plan": found.body})


async def value(request: Request) -> Response:
    """`GET /runs/{id}/values/{digest}`: a value of a step that is passed by reference."""
    found = await _found(request)
    return await download(request, found.steps, str(found.row.id))


async def cancel(request: Request) -> Response:
    """`POST /runs/{id}/cancel`: ask a run to end. Asking again changes nothing."""
    page.query(request)
    identity, missing = named(request)
    reason = wish.reason(await wish.read(request, "cancel", ("reason",)))
    opened = doors(request)
    async with opened.pool.connection() as connection:
        row, actor = await readable(request, connection, identity, missing)
        await allow(request, "run.cancel", _resource(row))
        by = f"{actor.kind}:{actor.id}"
        is_new = await runs.cancel(connection, opened.bell, identity, by, reason)
        now = await views.run(connection, identity)
    if not is_new and now is not None and now.status in ENDED:
        raise Conflict(f"run {identity} has ended: {now.status}")
    if is_new:
        await record(request, actor, "run.cancel", _resource(row), Verdict(True, reason))
    return Data({"id": str(identity), "status": "cancelling"}, 202)


def named(request: Request) -> tuple[UUID, str]:
    """Return the id that the path tells, and what to say if there is no such run."""
    text = request.path_params["id"]
    missing = f"there is no run {text[:64]}"
    try:
        identity = UUID(text)
    except ValueError:
        raise NotFound(missing) from None
    if str(identity) != text:
        raise NotFound(missing)
    return identity, missing


async def readable(
    request: Request, connection: Connection, identity: UUID, missing: str
) -> tuple[RunRow, Actor]:
    """Return a run that the actor may read; to anybody else there is none."""
    row = await views.run(connection, identity)
    if row is None:
        raise NotFound(missing)
    return row, await allow_read(request, "run.read", _resource(row), missing)


def line(run: RunLine) -> dict[str, object]:
    """Return a run as a list shows it."""
    return {
        "id": run.id,
        "namespace": run.namespace,
        "workflow": run.workflow,
        "status": run.status,
        "flags": run.flags,
        "commit": run.commit_sha,
        "plan": run.plan,
        "error": None if run.error_type is None else {"type": run.error_type},
        "created_at": run.created_at,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
    }


def whole(run: RunRow) -> dict[str, object]:
    """Return a run without its steps."""
    return {
        "id": run.id,
        "namespace": run.namespace,
        "workflow": run.workflow,
        "status": run.status,
        "flags": run.flags,
        "commit": run.commit_sha,
        "plan": run.plan,
        "trigger": run.trigger,
        "inputs": run.inputs,
        "outputs": run.outputs,
        "error": run.error,
        "objectives": run.objectives,
        "created_at": run.created_at,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
    }


async def _found(request: Request) -> Whole:
    """Return the run that the path names, whole; raise NotFound if there is none to be seen."""
    page.query(request)
    identity, missing = named(request)
    found = await doors(request).history.run(identity)
    if found is None:
        raise NotFound(missing)
    await allow_read(request, "run.read", _resource(found.row), missing)
    return found


def _resource(row: RunRow) -> Resource:
    return Resource("run", row.workflow, row.namespace)


def _cursor(told: dict[str, str]) -> UUID | None:
    text = page.after(told)
    try:
        return UUID(text) if text else None
    except ValueError:
        raise page.bad_cursor() from None
