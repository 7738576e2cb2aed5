"""Asks the policy before anything is read or done, and writes down who was denied."""

import logging

import psycopg
from starlette.requests import Request

from engine.errors import Denied, NotFound
from engine.store import audit, views
from engine.store.audit import Entry
from policies.facts import Action, Actor, Resource, Verdict
from webhooks.auth.token import bearer
from webhooks.doors import doors

_LOG = logging.getLogger("sark.http")


async def allow(request: Request, action: str, resource: Resource) -> Actor:
    """Return the actor who may do this; refuse a stranger, raise Denied for anybody else."""
    actor = bearer(request)
    verdict = doors(request).policy.decide(actor, Action(action), resource)
    if not verdict.allowed:
        await record(request, actor, action, resource, verdict)
        raise Denied(verdict.reason)
    return actor


async def allow_read(request: Request, action: str, resource: Resource, missing: str) -> Actor:
    """Return the actor as `allow` does; to anybody else the thing does not exist."""
    try:
        return await allow(request, action, resource)
    except Denied:
        raise NotFound(missing) from None


async def visible(request: Request, action: str, kind: str, named: str | None = None) -> list[str]:
    """Return the namespaces in which the bearer of a token may read things of a kind.

    Of these, only the one that is `named`, where the request names one.
    """
    seen = await namespaces(request, bearer(request), action, kind)
    return seen if named is None else [each for each in seen if each == named]


async def namespaces(request: Request, actor: Actor, action: str, kind: str) -> list[str]:
    """Return the namespaces in which an actor may read things of a kind."""
    policy = doors(request).policy
    async with doors(request).pool.connection() as connection:
        known = await views.namespaces(connection)
    return [
        each
        for each in known
        if policy.decide(actor, Action(action), Resource(kind, "*", each)).allowed
    ]


async def record(
    request: Request, actor: Actor, action: str, resource: Resource, verdict: Verdict
) -> None:
    """Append to the audit log. A denial stands even where it cannot be written."""
    entry = Entry(
        f"{actor.kind}:{actor.id}",
        action,
        f"{resource.kind}:{resource.namespace}/{resource.id}",
        verdict.allowed,
        verdict.reason,
        str(request.scope.get("request_id", "")),
    )
    try:
        async with doors(request).pool.connection() as connection:
            await audit.append(connection, entry)
    except (psycopg.Error, OSError):
        _LOG.exception("the audit log did not take %s", entry)
