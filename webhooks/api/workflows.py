"""`/workflows`: what is active, and starting it."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from engine.core.codec import decode
from engine.core.values import Json
from engine.core.wording import suggestion
from engine.errors import Invalid, NotFound
from engine.intake import Start
from engine.store import plans, schedules, workflows
from engine.store.workflows import Active
from policies.facts import Resource
from webhooks import body, routes, times
from webhooks.api import page
from webhooks.auth.guard import allow, allow_read, visible
from webhooks.doors import doors
from webhooks.problem import Data

_KEY = re.compile(r'"?([!#-\[\]-~ ]{1,255})"?')


async def start(request: Request) -> Response:
    """`POST /workflows/{namespace}/{name}/runs`: start a run, and say where it is.

    Where the workflow's `idempotency` says that there is one already, that is told instead.
    """
    page.query(request)
    namespace, name = _named(request)
    actor = await allow(request, "run.start", Resource("workflow", name, namespace))
    raw = await body.read(request, body.API_LIMIT)
    inputs = _inputs(body.parse(raw) if raw else {})
    digest = hashlib.sha256(raw).hexdigest()
    started = await doors(request).intake.start(
        Start(namespace, name, inputs, f"{actor.kind}:{actor.id}", _key(request), digest)
    )
    place = f"/api/v1/runs/{started.run}"
    told = {
        "id": str(started.run),
        "namespace": namespace,
        "workflow": started.workflow or name,
        "status": started.status,
        "duplicate": started.duplicate,
        "links": {"self": place, "journal": f"{place}/journal"},
    }
    return Data(told, 202, {"Location": place})


async def listed(request: Request) -> Response:
    """`GET /workflows`: the active ones that the actor may see."""
    told = page.query(request)
    seen = await visible(request, "workflow.read", "workflow")
    active = await doors(request).intake.look()
    async with doors(request).pool.connection() as connection:
        found = await workflows.all_of(connection, told.get("namespace"))
        now = await schedules.now(connection)
    items = [each for each in found if each.namespace in seen]
    return page.cut(
        items, told, lambda each: f"{each.namespace}/{each.name}",
        lambda each: {**_line(each), "next": times.soonest(active, each, now)},
    )  # fmt: skip


async def shown(request: Request) -> Response:
    """`GET /workflows/{namespace}/{name}`: one, with what it takes and what starts it."""
    page.query(request)
    namespace, name = _named(request)
    missing = f"no active workflow is called {namespace}/{name}"
    await allow_read(request, "workflow.read", Resource("workflow", name, namespace), missing)
    async with doors(request).pool.connection() as connection:
        found = await workflows.all_of(connection, namespace)
        active = next((each for each in found if each.name == name), None)
        if active is None:
            raise NotFound(missing)
        plan = decode(await plans.read(connection, active.plan))
        waiting = await schedules.waiting(connection, namespace, name)
        now = await schedules.now(connection)
    triggers: list[dict[str, Any]] = [
        {
            "id": each.id, "type": each.type, **routes.told(doors(request), namespace, each),
            **times.told(each, waiting.get(each.id, 0), now),
        }
        for each in plan.triggers
    ]  # fmt: skip
    soonest = times.first(plan.triggers, now)
    told = {**_line(active), "next": soonest, "inputs": plan.inputs, "triggers": triggers}
    return Data(told)


def _named(request: Request) -> tuple[str, str]:
    return request.path_params["namespace"], request.path_params["name"]


def _line(active: Active) -> dict[str, Json]:
    return {
        "namespace": active.namespace,
        "name": active.name,
        "title": active.title,
        "source": active.source,
        "commit": active.commit_sha,
        "plan": active.plan,
        "file": active.file,
    }


def _inputs(told: Json) -> Mapping[str, Json]:
    """Return the inputs of a body; raise Invalid for any member that there is not."""
    if not isinstance(told, Mapping):
        raise Invalid("the body must be an object", (("", 'write {"inputs": {...}}'),))
    unknown = sorted(told.keys() - {"inputs"})
    if unknown:
        faults = tuple(
            (f"/{name}", f"unknown; {suggestion(name, ('inputs',)) or 'known: inputs'}")
            for name in unknown
        )
        raise Invalid("a start takes inputs and nothing else", faults)
    inputs = told.get("inputs", {})
    if not isinstance(inputs, Mapping):
        raise Invalid("inputs must be an object", (("/inputs", "expected an object"),))
    return inputs


def _key(request: Request) -> str | None:
    told = request.headers.getlist("idempotency-key")
    if not told:
        return None
    found = _KEY.fullmatch(told[0].strip())
    if len(told) > 1 or found is None:
        raise Invalid("Idempotency-Key is one text of up to 255 printable ASCII characters")
    return found[1]
