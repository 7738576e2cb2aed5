"""`/sources` and `/commits`: what is watched, what is in the way, what became of a commit."""

import re
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from engine.core.override import Kind
from engine.errors import Conflict, Invalid, NotFound
from engine.git.address import shown as without_secrets
from engine.store import commits, overrides, sources
from engine.store.commits import CommitRow
from engine.store.overrides import Override
from engine.store.sources import SourceRow
from policies.facts import Resource, Verdict
from webhooks.api import page
from webhooks.auth.guard import allow, allow_read, record, visible
from webhooks.doors import doors
from webhooks.problem import Data

_SHA = re.compile(r"[0-9a-f]{4,64}")


async def listed(request: Request) -> Response:
    """`GET /sources`: by name."""
    told = page.query(request)
    seen = await visible(request, "source.read", "source")
    async with doors(request).pool.connection() as connection:
        found = await sources.all_of(connection)
        stand = await overrides.standing(connection)
    return page.cut(
        [_told(each, stand) for each in found if each.namespace in seen],
        told,
        lambda each: str(each["name"]),
    )


async def shown(request: Request) -> Response:
    """`GET /sources/{name}`."""
    page.query(request)
    row = await readable(request)
    async with doors(request).pool.connection() as connection:
        return Data(_told(row, await overrides.standing(connection)))


async def sync(request: Request) -> Response:
    """`POST /sources/{name}/sync`: look now; wait until `generation_handled` has come so far."""
    page.query(request)
    row = await readable(request)
    resource = Resource("source", row.name, row.namespace)
    actor = await allow(request, "source.sync", resource)
    check_configured(row)
    wanted = await doors(request).syncs.request(row.name, f"{actor.kind}:{actor.id}")
    await record(request, actor, "source.sync", resource, Verdict(True))
    return Data({"name": row.name, "generation": wanted}, 202)


async def commit(request: Request) -> Response:
    """`GET /commits/{sha}`: what became of it, for each source that has shown it."""
    page.query(request)
    sha = request.path_params["sha"].lower()
    if not _SHA.fullmatch(sha):
        raise Invalid("a commit is named by 4 to 64 hexadecimal digits", (("/sha", "no commit"),))
    seen = await visible(request, "commit.read", "commit")
    async with doors(request).pool.connection() as connection:
        mine = {each.name for each in await sources.all_of(connection) if each.namespace in seen}
        found = [each for each in await commits.find(connection, sha) if each.source in mine]
    if not found:
        raise NotFound(f"no source has shown a commit that begins with {sha}")
    return page.page([_commit(each) for each in found], None)


def check_configured(row: SourceRow) -> None:
    """Raise Conflict for a source that nobody will look at, however often he is asked."""
    if not row.configured:
        raise Conflict(f"source {row.name} is not in the configuration, so nobody looks at it")


async def readable(request: Request) -> SourceRow:
    """Return a source that the actor may read; to anybody else there is none."""
    name = request.path_params["name"]
    missing = f"there is no source {name}"
    async with doors(request).pool.connection() as connection:
        row = await sources.read(connection, name)
    if row is None:
        raise NotFound(missing)
    await allow_read(request, "source.read", Resource("source", row.name, row.namespace), missing)
    return row


def override_told(override: Override) -> dict[str, object]:
    """Return an override as a source shows it."""
    return {
        "kind": override.kind,
        "commit": override.value or None,
        "reason": override.reason,
        "actor": override.actor,
        "since": override.since,
        "until": override.until,
    }


def _told(row: SourceRow, stand: Sequence[Override]) -> dict[str, object]:
    """Return a source as it is told; `stand` are the overrides of all sources."""
    mine = [each for each in stand if each.source == row.name]
    return {
        "name": row.name,
        "namespace": row.namespace,
        "environment": row.environment,
        "url": without_secrets(row.url),
        "ref": row.ref,
        "root": row.root,
        "observed": row.observed,
        "attempted": row.attempted,
        "active": row.active,
        "pinned": next((each.value for each in mine if each.kind == Kind.PIN), None),
        "overrides": [override_told(each) for each in mine],
        "conditions": row.conditions,
        "generation": row.wanted,
        "generation_handled": row.handled,
        "updated_at": row.updated_at,
    }


def _commit(row: CommitRow) -> dict[str, object]:
    return {
        "source": row.source,
        "sha": row.sha,
        "state": row.state,
        "reason": row.reason,
        "author": row.author,
        "subject": row.subject,
        "committed_at": row.committed_at,
        "history": row.history,
        "findings": row.findings,
        "seen_at": row.seen_at,
        "active": row.active,
        "active_since": row.active_since,
    }
