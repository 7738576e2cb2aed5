"""Deliveries of GitLab and Gitea: they wake the reconciler and the reviews, and start nothing.

As with every delivery the signature comes before anything is read. Nothing of one is kept but what
it wants to be looked at, which is asked of the forge itself; so one that comes twice changes
nothing.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from engine.core.review import gitlab as gitlabs
from engine.core.review.wish import Wish, wish
from engine.core.values import Json
from engine.settings import Source
from webhooks import body, routes
from webhooks.delivery import DELIVERIES, delivered_by, id_of, named, only, unsigned
from webhooks.doors import doors
from webhooks.problem import Data, Refusal
from webhooks.signature import verify_hmac, verify_token

_NAMES = {"github": "GitHub", "gitlab": "GitLab", "gitea": "Gitea"}
_Verify: TypeAlias = Callable[[bytes, str, list[bytes]], bool]


async def gitlab(request: Request) -> Response:
    """`POST /hooks/gitlab/<source>`: pushes, merge requests and comments."""
    source, raw = await _opened(request, "gitlab", "x-gitlab-token", verify_token)
    payload = _payload(source, "gitlab", raw)
    kind = payload.get("object_kind")
    if not isinstance(kind, str):
        raise Refusal("forge.payload", "what GitLab delivers tells its `object_kind`, a text")
    told = only(request.headers, "idempotency-key") or only(request.headers, "x-gitlab-event-uuid")
    return await _woken(
        request, source, "gitlab", id_of(told, raw), kind in gitlabs.PUSHES, gitlabs.wish(payload)
    )


async def gitea(request: Request) -> Response:
    """`POST /hooks/gitea/<source>`: pushes, pull requests and comments, of Forgejo as well."""
    source, raw = await _opened(request, "gitea", "x-gitea-signature", verify_hmac)
    payload = _payload(source, "gitea", raw)
    event = only(request.headers, "x-gitea-event")
    if not event:
        raise Refusal("forge.payload", "what Gitea delivers tells its event in X-Gitea-Event")
    told = id_of(only(request.headers, "x-gitea-delivery"), raw)
    wanted = wish(f"gitea.{event}", payload)
    return await _woken(request, source, "gitea", told, event == "push", wanted)


async def _opened(
    request: Request, forge: str, header: str, verify: _Verify
) -> tuple[Source, bytes]:
    """Return the source that a delivery is for and its body, once it has proved itself."""
    opened = doors(request)
    raw = await body.read(request, opened.settings.server.max_body)
    source = named(opened.settings, request.path_params["source"])
    secrets = routes.of_source(source) if source is not None else []
    is_signed = verify(raw, only(request.headers, header), routes.padded(secrets))
    if source is None or not secrets or not is_signed:
        raise unsigned(forge)
    return source, raw


def _payload(source: Source, forge: str, raw: bytes) -> Mapping[str, Json]:
    """Return what is delivered; refuse what is of another forge than the source's."""
    if source.forge is not None and source.forge.kind != forge:
        kind = source.forge.kind
        raise Refusal(
            "forge.payload", f"source {source.name} is at {_NAMES[kind]}: deliver to "
            f"/hooks/{kind}/{source.name}",
        )  # fmt: skip
    payload = body.parse(raw)
    if not isinstance(payload, Mapping):
        raise Refusal("forge.payload", f"what {_NAMES[forge]} delivers are objects")
    return payload


async def _woken(
    request: Request, source: Source, forge: str, identity: str, is_push: bool,
    wanted: Wish | None,
) -> Response:  # fmt: skip
    """Wake whoever is meant, and say who that is."""
    opened, woke = doors(request), "nobody"
    if is_push:
        opened.syncs.ask(source.name, delivered_by(identity))
        woke = "reconciler"
    elif await opened.reviews.ask(source.name, wanted):
        woke = "reviews"
    DELIVERIES.labels(forge, "accepted").inc()
    return Data({"delivery": identity, "woke": woke}, 202)
