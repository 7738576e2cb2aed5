"""`/events`: what has come to namespaces, and sending one."""

from datetime import datetime
from uuid import UUID, uuid5

from starlette.requests import Request
from starlette.responses import Response

from engine.core import cloudevent
from engine.core.cloudevent import CloudEvent, NoCloudEvent
from engine.core.machine import IDS
from engine.core.values import Json
from engine.errors import Invalid, NotFound
from engine.store import events, outbox
from engine.store.events import Event
from engine.store.outbox import Sending
from policies.facts import Actor, Resource
from webhooks import body
from webhooks.api import page
from webhooks.auth.guard import allow, visible
from webhooks.doors import doors
from webhooks.problem import Data

LIMIT = 256 << 10
_OURS = ("run/", "sark/")


async def listed(request: Request) -> Response:
    """`GET /events`: newest first, by namespace and type."""
    told = page.query(request)
    size, before = page.limit(told), _place(told)
    seen = await visible(request, "event.read", "event", told.get("namespace"))
    async with doors(request).pool.connection() as connection:
        found = await events.listed(connection, seen, told.get("type"), before, size + 1)
    last = None
    if len(found) > size:
        last = f"{found[size - 1].at} {found[size - 1].id}"
    return page.page([_line(each) for each in found[:size]], last)


async def send(request: Request) -> Response:
    """`POST /namespaces/{namespace}/events`: take a CloudEvent, once by its source and id."""
    page.query(request)
    namespace = request.path_params["namespace"]
    actor = await allow(request, "event.send", Resource("event", "*", namespace))
    if namespace not in await visible(request, "event.send", "event"):
        raise NotFound(f"there is no namespace {namespace[:64]}")
    event = _event(body.parse(await body.read(request, LIMIT)))
    identity = uuid5(IDS, f"{namespace}\n{event.source}\n{event.id}")
    opened = doors(request)
    async with opened.pool.connection() as connection:
        is_known = await events.is_known(connection, identity)
        if not is_known:
            data = _sent(event, identity, actor)
            await outbox.send(connection, [Sending(None, namespace, "emitted", "", data)])
    if opened.bell is not None and not is_known:
        opened.bell.ring_relay()
    return Data({"id": event.id, "source": event.source, "duplicate": is_known}, 202)


def _event(told: Json) -> CloudEvent:
    """Return the event of a body; raise Invalid for one that is none, or poses as one of ours."""
    try:
        event = cloudevent.parse(told)
    except NoCloudEvent as fault:
        raise Invalid("this is no CloudEvent 1.0", fault.problems) from None
    ours = next((each for each in _OURS if event.source.startswith(each)), None)
    if ours is not None:
        words = f"{ours} begins the sources of our own events; take another"
        raise Invalid("this source is none of yours", (("/source", words),))
    if event.type.startswith(cloudevent.RESERVED):
        words = "github. and sark. begin the types of what a forge reports and the engine sees"
        raise Invalid("this type is none of yours", (("/type", words),))
    return event


def _sent(event: CloudEvent, identity: UUID, actor: Actor) -> Json:
    return {
        "id": str(identity),
        "identity": event.id,
        "source": event.source,
        "type": event.type,
        "subject": event.subject,
        "data": event.data,
        "actor": f"{actor.kind}:{actor.id}",
    }


def _line(event: Event) -> dict[str, object]:
    return {"namespace": event.namespace, **event.whole(), "at": event.at}


def _place(told: dict[str, str]) -> tuple[datetime, UUID] | None:
    """Return the place in the list that a cursor names."""
    text = page.after(told)
    if not text:
        return None
    at, _, identity = text.rpartition(" ")
    try:
        instant = datetime.fromisoformat(at)
        if instant.tzinfo is None:
            raise page.bad_cursor()
        return instant, UUID(identity)
    except ValueError:
        raise page.bad_cursor() from None
