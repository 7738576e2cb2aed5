"""`/sources/{name}/overrides`: what people put between a commit and its being live."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from engine.core.override import Asked, Kind, asked, faults
from engine.core.values import Json
from engine.errors import Conflict, Invalid, NotFound
from engine.reconcile.hold import told as words
from engine.store import audit, overrides, sources
from engine.store.audit import Entry
from engine.store.sources import SourceRow
from policies.facts import Actor, Resource
from webhooks import body
from webhooks.address import Handler
from webhooks.api import page
from webhooks.api.sources import check_configured, override_told, readable
from webhooks.auth.guard import allow
from webhooks.doors import doors
from webhooks.problem import Data


def put(kind: Kind) -> Handler:
    """Return `PUT /sources/{name}/overrides/<kind>`: put one in the place of what there is."""

    async def served(request: Request) -> Response:
        page.query(request)
        row, actor, resource = await _opened(request, kind)
        wanted = _asked(kind, body.parse(await body.read(request, body.API_LIMIT)))
        _check(row, wanted)
        async with doors(request).pool.connection() as connection, connection.transaction():
            generation = await sources.request(connection, row.name, f"{actor.kind}:{actor.id}")
            made = await overrides.put(connection, row.name, wanted, f"{actor.kind}:{actor.id}")
            await audit.append(connection, _entry(request, actor, kind, resource, words(made)))
        doors(request).syncs.ring(row.name)
        told = {"name": row.name, "generation": generation, "override": override_told(made)}
        return Data(told, 202)

    return _named(f"put_{kind}", served)


def drop(kind: Kind) -> Handler:
    """Return `DELETE /sources/{name}/overrides/<kind>`: take it back before its time is over."""

    async def served(request: Request) -> Response:
        page.query(request)
        row, actor, resource = await _opened(request, kind)
        async with doors(request).pool.connection() as connection, connection.transaction():
            generation = await sources.request(connection, row.name, f"{actor.kind}:{actor.id}")
            stood = await overrides.drop(connection, row.name, kind)
            if kind is Kind.PIN:
                stood |= await overrides.drop(connection, row.name, Kind.ROLLBACK)
            if not stood:
                raise NotFound(f"no {kind} of source {row.name} stands")
            await audit.append(connection, _entry(request, actor, kind, resource, "taken back"))
        doors(request).syncs.ring(row.name)
        return Data({"name": row.name, "generation": generation, "override": None}, 202)

    return _named(f"drop_{kind}", served)


def action(kind: Kind) -> str:
    """Return what the policy is asked for: a pin is what a rollback has left."""
    return f"source.{Kind.ROLLBACK if kind is Kind.PIN else kind}"


def _named(name: str, handler: Handler) -> Handler:
    """Return a handler under the name that the reference of the API has for it."""
    handler.__name__ = name
    return handler


async def _opened(request: Request, kind: Kind) -> tuple[SourceRow, Actor, Resource]:
    """Return the source that a request is about, and who may do this to it."""
    row = await readable(request)
    resource = Resource("source", row.name, row.namespace)
    return row, await allow(request, action(kind), resource), resource


def _asked(kind: Kind, told: Json) -> Asked:
    """Return what a body asks for; raise Invalid with every fault."""
    if not isinstance(told, Mapping):
        raise Invalid(f"this is no {kind}", (("", "expected an object"),))
    if found := faults(kind, told):
        raise Invalid(f"this is no {kind}", found)
    return asked(kind, told)


def _check(row: SourceRow, wanted: Asked) -> None:
    """Raise Conflict where it could not come to anything."""
    check_configured(row)
    if wanted.kind is Kind.CONFIRM:
        unheld = next((each for each in row.conditions if each["type"] == "Unheld"), {})
        held = row.attempted if unheld.get("reason") == "Prune" else None
        if held != wanted.commit:
            instead = f"{held} is" if held else "no commit is"
            raise Conflict(f"{instead} held for what it removes, not {wanted.commit[:12]}")


def _entry(request: Request, actor: Actor, kind: Kind, resource: Resource, why: str) -> Entry:
    return Entry(
        f"{actor.kind}:{actor.id}", action(kind),
        f"{resource.kind}:{resource.namespace}/{resource.id}", True, why,
        str(request.scope.get("request_id", "")),
    )  # fmt: skip
