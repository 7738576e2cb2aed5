"""Webhooks: verified on their raw bytes, recorded once, answered with 202.

The order is the same for everybody: size, type, signature, and only then is anything parsed. An
address that does not exist answers as a bad signature does.
"""

import logging
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import uuid5

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from engine.active import Hook
from engine.core import forge, schema
from engine.core.machine import IDS
from engine.core.review.wish import wish
from engine.core.values import Json, parse_duration
from engine.errors import Invalid, Misconfigured
from engine.intake import Delivered, Delivery, Kind
from webhooks import body, routes
from webhooks.delivery import DELIVERIES, delivered_by, id_of, named, only, unsigned
from webhooks.doors import Doors, doors
from webhooks.problem import Data, Refusal
from webhooks.signature import Signed, verify_bearer, verify_hmac, verify_standard

_LOG = logging.getLogger("sark.http")
_EVENT = re.compile(r"[a-z][a-z_]{0,49}")
_UNTOLD = frozenset({"", "github.ping"})
_PRIVATE = frozenset({"authorization", "cookie", "proxy-authorization", "webhook-signature"})


async def github(request: Request) -> Response:
    """`POST /hooks/github/<source>`: a report starts workflows; a push wakes the reconciler too."""
    opened, name = doors(request), request.path_params["source"]
    raw = await body.read(request, opened.settings.server.max_body)
    source = named(opened.settings, name)
    secrets = routes.of_source(source) if source is not None else []
    given = only(request.headers, "x-hub-signature-256")
    is_signed = verify_hmac(raw, given, routes.padded(secrets)) and given.startswith("sha256=")
    if source is None or not secrets or not is_signed:
        raise unsigned("github")
    payload = body.parse(raw)
    if not isinstance(payload, Mapping):
        raise Refusal("github.payload", "GitHub's payloads are objects")
    kind = _kind(request.headers)
    event = _reported(kind, payload)
    await opened.reviews.ask(name, wish(kind, payload))
    if kind == forge.PULL:
        active = await opened.intake.look()
        hooks = active.reported(source.namespace, name, kind)
        event = await opened.pulls.complete(source, event, hooks)
    identity = id_of(only(request.headers, "x-github-delivery"), raw)
    route = f"github/{name}"
    emitted = _emitted(route, identity, kind, event) if kind not in _UNTOLD else None
    delivery = Delivery(
        route, identity, Kind.GITHUB, source.namespace, raw, event, name, type=kind,
        emitted=emitted,
    )  # fmt: skip
    delivered = await opened.intake.deliver(delivery)
    if kind == forge.PUSH and not delivered.duplicate:
        opened.syncs.ask(name, delivered_by(identity))
    return _accepted("github", identity, delivered)


async def webhook(request: Request) -> Response:
    """`POST /hooks/<namespace>/<path>`: the triggers whose secret has signed it hear of it."""
    opened = doors(request)
    namespace, path = request.path_params["namespace"], request.path_params["path"]
    raw = await body.read(request, opened.settings.server.max_body)
    signed: list[Hook] = []
    for active in (opened.intake.active, None):
        current = active if active is not None else await opened.intake.look()
        signed = _signed(opened, current.webhooks.get((namespace, path), ()), raw, request.headers)
        if signed:
            break
    if not signed:
        raise unsigned("webhook")
    payload = body.parse(raw)
    _check(signed, payload)
    identity = id_of(only(request.headers, "webhook-id"), raw)
    event: dict[str, Json] = {
        "id": identity,
        "headers": _headers(request.headers, signed),
        "body": payload,
    }
    hooks = frozenset((each.workflow.name, each.trigger) for each in signed)
    delivery = Delivery(
        f"{namespace}/{path}", identity, Kind.WEBHOOK, namespace, raw, event, hooks=hooks
    )
    return _accepted("webhook", identity, await opened.intake.deliver(delivery))


def _kind(headers: Headers) -> str:
    """Return the type of what GitHub reports, as triggers name it; empty where it is no name."""
    told = only(headers, "x-github-event")
    return f"{forge.PREFIX}{told}" if _EVENT.fullmatch(told) else ""


def _reported(kind: str, payload: Mapping[str, Json]) -> Mapping[str, Json]:
    try:
        return forge.told(kind, payload)
    except ValueError as error:
        raise Refusal("github.payload", str(error)) from None


def _emitted(route: str, identity: str, kind: str, event: Mapping[str, Json]) -> Json:
    """Return what runs that wait are told; the same delivery is the same event."""
    return {
        "id": str(uuid5(IDS, f"{route}\n{identity}")),
        "identity": identity,
        "source": route,
        "type": forge.occurrence(kind, event),
        "data": event,
    }


def _signed(opened: Doors, hooks: Sequence[Hook], raw: bytes, headers: Headers) -> list[Hook]:
    """Return those triggers of a route whose own secret has signed the request."""
    if not hooks:
        verify_hmac(raw, "", routes.padded([]))
    return [each for each in hooks if _is_signed(opened, each, raw, headers)]


def _is_signed(opened: Doors, hook: Hook, raw: bytes, headers: Headers) -> bool:
    auth: Mapping[str, Any] = hook.settings["auth"]
    namespace = hook.workflow.namespace
    try:
        secrets = routes.of_hook(opened.secrets, namespace, auth)
    except Misconfigured as error:
        _LOG.warning("/hooks/%s/%s stays shut: %s", namespace, hook.settings["path"], error)
        secrets = []
    padded = routes.padded(secrets)
    if "standard" in auth:
        told = Signed(*(only(headers, f"webhook-{part}") for part in _STANDARD))
        tolerance = parse_duration(auth["tolerance"])
        return verify_standard(raw, told, padded, tolerance, time.time()) and bool(secrets)
    if "bearer" in auth:
        given = only(headers, "authorization")
        return verify_bearer(raw, given, padded) and bool(secrets)
    given = only(headers, auth["header"])
    return verify_hmac(raw, given, padded, auth["algorithm"]) and bool(secrets)


_STANDARD = ("id", "timestamp", "signature")


def _check(hooks: Iterable[Hook], payload: Json) -> None:
    """Raise Invalid for a body that no trigger of the route takes."""
    problems: list[tuple[str, str]] = []
    for hook in hooks:
        wanted = hook.settings.get("payload")
        found = [] if wanted is None else schema.validator(wanted).problems(payload)
        if not found:
            return
        problems += [(str(pointer), told) for pointer, told in found]
    DELIVERIES.labels("webhook", "invalid").inc()
    raise Invalid("the body is not what this webhook takes", tuple(problems))


def _headers(headers: Headers, hooks: Iterable[Hook]) -> dict[str, Json]:
    """Return the headers that a run may read and keep: no credentials, no signatures."""
    private = _PRIVATE | {str(each.settings["auth"].get("header", "")).lower() for each in hooks}
    return {name: value for name, value in headers.items() if name not in private}


def _accepted(forge: str, identity: str, delivered: Delivered) -> Response:
    DELIVERIES.labels(forge, "duplicate" if delivered.duplicate else "accepted").inc()
    runs = [str(run) for run in delivered.runs]
    told = {"delivery": identity, "runs": runs, "duplicate": delivered.duplicate}
    return Data(told, 202)
