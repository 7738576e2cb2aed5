"""The callbacks that a run waits for, and taking one: its address is all that it needs."""

from starlette.requests import Request
from starlette.responses import Response

from engine import callbacks as door
from engine.store import callbacks
from engine.store.callbacks import Callback
from policies.facts import Resource
from webhooks import body
from webhooks.api import page
from webhooks.api.runs import named, readable
from webhooks.auth import callback
from webhooks.auth.callback import Wait
from webhooks.auth.guard import allow
from webhooks.doors import Doors, doors
from webhooks.problem import Data, Refusal

LIMIT = 256 << 10


async def of_run(request: Request) -> Response:
    """`GET /runs/{id}/callbacks`: where the requests that a run waits for are to be sent."""
    told = page.query(request)
    size, after = page.limit(told), page.after(told)
    if "\0" in after:
        raise page.bad_cursor()
    identity, missing = named(request)
    opened = doors(request)
    async with opened.pool.connection() as connection:
        row, _ = await readable(request, connection, identity, missing)
        await allow(request, "callback.read", Resource("callback", row.workflow, row.namespace))
        found = await callbacks.listed(connection, identity, after, size + 1)
    last = found[size - 1].path if len(found) > size else None
    return page.page([_line(opened, each) for each in found[:size]], last)


async def take(request: Request) -> Response:
    """`POST /callbacks/{token}`: what a step waits for, once."""
    opened = doors(request)
    wait = callback.read(opened.token, request.path_params["token"])
    if wait is None:
        raise Refusal("callback.unknown", "this address was not made here, or is cut off")
    told = body.parse(await body.read(request, LIMIT))
    async with opened.pool.connection() as connection:
        await door.take(connection, opened.bell, wait.run, wait.path, wait.id, told)
    return Data({"run": str(wait.run), "path": wait.path}, 202)


def _line(opened: Doors, told: Callback) -> dict[str, object]:
    token = callback.sign(opened.token, Wait(told.run_id, told.path, told.id))
    return {
        "path": told.path,
        "url": f"{_origin(opened)}/callbacks/{token}",
        "schema": told.schema,
        "asked_at": told.asked_at,
        "used_at": told.used_at,
    }


def _origin(opened: Doors) -> str:
    server = opened.settings.server
    host = f"[{server.host}]" if ":" in server.host else server.host
    return server.public_url or f"http://{host}:{server.port}"
