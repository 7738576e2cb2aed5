"""`/runs/{id}/pause` and `/resume`: a run begins nothing new for a while."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from engine import runs
from engine.core import pause as core
from engine.core.event import Pause, Resume
from engine.core.state import ENDED
from engine.errors import Conflict, Invalid
from engine.store import schedules
from engine.store.audit import Entry
from policies.facts import Resource
from webhooks.api import page, wish
from webhooks.api.runs import named, readable
from webhooks.auth.guard import allow
from webhooks.doors import doors
from webhooks.problem import Data

_ACTION = "run.pause"
_Asked = TypeVar("_Asked", Pause, Resume)


async def pause(request: Request) -> Response:
    """`POST /runs/{id}/pause`: let a run begin nothing new; again, until another instant."""
    page.query(request)
    told = await wish.read(request, "pause", ("reason", "for"))
    reason = wish.reason(told)
    try:
        span = core.span(told.get("for"))
    except ValueError as error:
        raise Invalid("this is no pause", (("/for", str(error)),)) from None
    identity, asked = await _hold(request, lambda by, now: Pause(by, reason, now + span))
    return Data({"id": identity, "until": asked.until}, 202)


async def resume(request: Request) -> Response:
    """`POST /runs/{id}/resume`: let a paused run go on; one that is not paused goes on anyway."""
    page.query(request)
    reason = wish.reason(await wish.read(request, "resume", ("reason",)))
    identity, _ = await _hold(request, lambda by, _: Resume(by, reason))
    return Data({"id": identity}, 202)


async def _hold(
    request: Request, makes: Callable[[str, datetime], _Asked]
) -> tuple[str, _Asked]:  # fmt: skip
    """Tell a run what it is asked, by whom and when; return its id, and what it was told."""
    identity, missing = named(request)
    opened = doors(request)
    async with opened.pool.connection() as connection:
        row, actor = await readable(request, connection, identity, missing)
        resource = Resource("run", row.workflow, row.namespace)
        await allow(request, _ACTION, resource)
        if row.status in ENDED:
            raise Conflict(f"run {identity} has ended: {row.status}")
        if row.started_at is None:
            raise Conflict(f"run {identity} has not begun: it can be cancelled, and not paused")
        event = makes(f"{actor.kind}:{actor.id}", await schedules.now(connection))
        await runs.hold(connection, opened.bell, identity, event, _entry(request, resource, event))
    return str(identity), event


def _entry(request: Request, resource: Resource, event: Pause | Resume) -> Entry:
    word = "resumed"
    if isinstance(event, Pause):
        word = f"paused until {event.until:%Y-%m-%d %H:%M:%S} UTC"
    return Entry(
        event.by, _ACTION, f"{resource.kind}:{resource.namespace}/{resource.id}", True,
        f"{word} {event.reason}".rstrip(), str(request.scope.get("request_id", "")),
    )  # fmt: skip
