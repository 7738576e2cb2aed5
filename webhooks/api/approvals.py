"""`/approvals` and those of a run: what waits for people, and what they say."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from engine import approvals as door
from engine.core import schema
from engine.core.approver import Person
from engine.core.event import Decided
from engine.core.values import Json
from engine.errors import Denied, Invalid
from engine.store import approvals
from engine.store.approvals import Approval, Place
from engine.store.audit import Entry
from policies.facts import Actor, Resource, Verdict
from webhooks import body
from webhooks.api import page
from webhooks.api.runs import named, readable
from webhooks.auth.guard import allow, record, visible
from webhooks.doors import doors
from webhooks.problem import Data
from webhooks.schemas import SCHEMAS

_ACTION = "approval.decide"
_SHOWN = ("show", "by", "exclude", "min", "form", "binds", "asked")


async def listed(request: Request) -> Response:
    """`GET /approvals`: what waits for people, oldest first."""
    told = page.query(request)
    size, after = page.limit(told), _place(told)
    seen = await visible(request, "run.read", "run", told.get("namespace"))
    async with doors(request).pool.connection() as connection:
        found = await approvals.listed(connection, None, size + 1, seen, after)
    return _page(found, size)


async def of_run(request: Request) -> Response:
    """`GET /runs/{id}/approvals`: what of one run waits for people, oldest first."""
    told = page.query(request)
    size, after = page.limit(told), _place(told)
    identity, missing = named(request)
    async with doors(request).pool.connection() as connection:
        await readable(request, connection, identity, missing)
        found = await approvals.listed(connection, identity, size + 1, None, after)
    return _page(found, size)


async def decide(request: Request) -> Response:
    """`POST /runs/{id}/approvals/{path}`: decide on exactly what was shown."""
    page.query(request)
    identity, missing = named(request)
    opened = doors(request)
    async with opened.pool.connection() as connection:
        row, _ = await readable(request, connection, identity, missing)
        resource = Resource("approval", row.workflow, row.namespace)
        actor = await allow(request, _ACTION, resource)
        told = _decided(
            request.path_params["path"], actor,
            body.parse(await body.read(request, body.API_LIMIT)),
        )  # fmt: skip
        person = Person(actor.id, frozenset(actor.groups))
        entry = _entry(request, actor, resource, identity, told)
        try:
            is_new = await door.decide(connection, opened.bell, identity, told, person, entry)
        except Denied as denied:
            await record(request, actor, _ACTION, resource, Verdict(False, str(denied)))
            raise
    answer = {
        "run": str(identity),
        "path": told.path,
        "decision": "approved" if told.approved else "rejected",
        "by": told.by,
        "repeated": not is_new,
    }
    return Data(answer, 202)


def _decided(path: str, actor: Actor, told: Json) -> Decided:
    """Return what a body says; raise Invalid for every fault."""
    problems = schema.validator(SCHEMAS["Decide"]).problems(told)
    if problems or not isinstance(told, Mapping):
        faults = tuple((str(pointer), words) for pointer, words in problems)
        raise Invalid("this is no decision", faults)
    form = told.get("form", {})
    assert isinstance(form, Mapping)
    approved = told["decision"] == "approved"
    return Decided(path, actor.id, approved, str(told["asked"]), form, str(told.get("note", "")))


def _entry(request: Request, actor: Actor, resource: Resource, run: UUID, told: Decided) -> Entry:
    word = "approved" if told.approved else "rejected"
    return Entry(
        f"{actor.kind}:{actor.id}", _ACTION,
        f"{resource.kind}:{resource.namespace}/{resource.id}/{run}/{told.path}", True,
        f"{word} {told.asked[:12]} {told.note}".rstrip(), str(request.scope.get("request_id", "")),
    )  # fmt: skip


def _page(found: Sequence[Approval], size: int) -> Data:
    last = None
    if len(found) > size:
        at, run, path = found[size - 1].place
        last = f"{at.isoformat()} {run} {path}"
    return page.page([_line(each) for each in found[:size]], last)


def _line(told: Approval) -> dict[str, object]:
    """Return an approval as a list shows it, whole: whoever decides must see all of it."""
    return {
        "run": told.run_id,
        "path": told.path,
        "namespace": told.namespace,
        "workflow": told.workflow,
        **{name: told.body[name] for name in _SHOWN},
        "decided": told.decided,
        "asked_at": told.asked_at,
        "expires_at": told.expires_at,
    }


def _place(told: dict[str, str]) -> Place | None:
    """Return the place in the list that a cursor names."""
    text = page.after(told)
    if not text:
        return None
    at, _, rest = text.partition(" ")
    run, _, path = rest.partition(" ")
    try:
        instant = datetime.fromisoformat(at)
        if instant.tzinfo is None or "\0" in path:
            raise page.bad_cursor()
        return instant, UUID(run), path
    except ValueError:
        raise page.bad_cursor() from None
