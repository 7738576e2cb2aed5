"""`/schedules`: what the clock starts and when; `/backfill`: what it would have started."""

from collections.abc import Mapping
from dataclasses import astuple
from datetime import datetime
from itertools import islice
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from engine.active import Hook
from engine.core import schedule
from engine.core.values import Json
from engine.core.wording import suggestion
from engine.errors import Conflict, Invalid, NotFound
from engine.scheduler import ticking
from engine.scheduler.backfill import Backfill, Filled
from engine.store import schedules
from engine.store.schedules import Scheduled
from policies.facts import Resource
from webhooks import body
from webhooks.api import page
from webhooks.auth.guard import allow, visible
from webhooks.doors import doors
from webhooks.problem import Data

MOST = 50
_MEMBERS = ("trigger", "from", "to", "dry")


async def listed(request: Request) -> Response:
    """`GET /schedules`: those of active workflows that the actor may see, with what comes."""
    told = page.query(request)
    count = _count(told)
    seen = await visible(request, "workflow.read", "workflow")
    active = await doors(request).intake.look()
    async with doors(request).pool.connection() as connection:
        rows = await schedules.all_of(connection)
        now = await schedules.now(connection)
    hooks = [
        each for hooks in active.clocks.values() for each in hooks
        if each.type == ticking.TYPE and each.workflow.namespace in seen
        and told.get("namespace", each.workflow.namespace) == each.workflow.namespace
        and told.get("workflow", each.workflow.name) == each.workflow.name
    ]  # fmt: skip
    return page.cut(
        hooks, told, lambda each: "/".join(astuple(each.key)),
        lambda each: _line(each, rows.get(each.key), now, count),
    )  # fmt: skip


async def backfill(request: Request) -> Response:
    """`POST /workflows/{namespace}/{name}/backfill`: start what was due in a span and did not."""
    page.query(request)
    namespace, name = request.path_params["namespace"], request.path_params["name"]
    await allow(request, "run.start", Resource("workflow", name, namespace))
    asked = _asked(body.parse(await body.read(request, body.API_LIMIT)))
    intake = doors(request).intake
    active = await intake.look()
    hook = _hook(active.clocks.get((namespace, name), ()), asked["trigger"], name)
    if not active.may_be_backfilled(namespace, name):
        raise Conflict(
            f"{name[:100]} may not be backfilled; to allow it, give it a trigger "
            "`{type: manual, backfill: true}`"
        )
    span = Backfill(hook, str(asked["from"]), str(asked["to"]))
    async with doors(request).pool.connection() as connection:
        now = await schedules.now(connection)
    instants = span.instants(now)
    filled = span.told(instants) if asked["dry"] else await span.fill(intake, instants)
    told = {"trigger": hook.trigger, "items": [_filled(each) for each in filled]}
    return Data(told, 200 if asked["dry"] else 202)


def _line(hook: Hook, row: Scheduled | None, now: datetime, count: int) -> dict[str, Any]:
    made = schedule.of(hook.settings)
    return {
        "namespace": hook.workflow.namespace,
        "workflow": hook.workflow.name,
        "trigger": hook.trigger,
        "cron": hook.settings.get("cron"),
        "every": hook.settings.get("every"),
        "timezone": hook.settings["timezone"],
        "next": [made.told(each) for each in islice(made.following(now), count)],
        "decided": None if row is None else made.told(row.upto.replace(microsecond=0)),
        "waiting": 0 if row is None else len(row.waiting),
        "run": None if row is None else row.run,
    }


def _filled(told: Filled) -> dict[str, Any]:
    return {"at": told.at, "run": told.run, "known": told.known}


def _count(told: Mapping[str, str]) -> int:
    text = told.get("count", "1")
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= MOST):
        message = f"count is a number from 1 to {MOST}"
        raise Invalid(message, (("/count", message),))
    return int(text)


def _asked(told: Json) -> Mapping[str, Json]:
    """Return what a body asks for; raise Invalid, with every member that is wrong."""
    if not isinstance(told, Mapping):
        raise Invalid("the body must be an object", (("", 'write {"from": ..., "to": ...}'),))
    asked: dict[str, Json] = {"trigger": None, "dry": False, **told}
    faults = [
        (f"/{each}", f"unknown; {suggestion(each, _MEMBERS) or 'known: ' + ', '.join(_MEMBERS)}")
        for each in sorted(told.keys() - set(_MEMBERS))
    ]
    for each in ("from", "to"):
        if not isinstance(asked.get(each), str):
            faults.append((f"/{each}", "expected a date or an instant, as a text"))
    if not isinstance(asked["trigger"], str | None):
        faults.append(("/trigger", "expected the name of a trigger"))
    if not isinstance(asked["dry"], bool):
        faults.append(("/dry", "expected true or false"))
    if faults:
        raise Invalid("this is no backfill", tuple(faults))
    return asked


def _hook(hooks: tuple[Hook, ...], trigger: Json, name: str) -> Hook:
    """Return the schedule that is meant; raise NotFound for none, Invalid for one of several."""
    found = {each.trigger: each for each in hooks if each.type == ticking.TYPE}
    if not found:
        raise NotFound(f"no active workflow {name[:100]} has a schedule")
    known = ", ".join(sorted(found))
    if trigger is None and len(found) > 1:
        raise Invalid("the workflow has several schedules", (("/trigger", f"one of: {known}"),))
    hook = found.get(str(trigger)) if trigger is not None else next(iter(found.values()))
    if hook is None:
        raise Invalid("it has no such schedule", (("/trigger", f"one of: {known}"),))
    return hook
