"""Webhooks: verified on their raw bytes, recorded once, answered 202. A hint, never the truth."""

import hashlib
import time
from collections.abc import Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.core import schema
from engine.core.plan import Trigger
from engine.core.trigger import with_branch
from engine.core.values import Json, parse_duration
from engine.errors import Invalid, Misconfigured
from engine.intake import Answer, Arrival
from engine.secrets import resolve
from engine.settings import Settings
from engine.store import sources
from engine.store.deliveries import Delivery
from policies.facts import Action, Actor, Resource
from webhooks import body
from webhooks.answer import json_answer
from webhooks.edge import Edge, Unauthenticated, edge_of
from webhooks.signature import verify_hmac, verify_standard, weakness

_NOBODY = "no route has this signature"
# A request to a route that is not there is checked against this, so that it takes as long.
_DECOY = ("0" * 32,)
_KEPT_HEADERS = frozenset({"content-type", "user-agent", "webhook-id", "webhook-timestamp"})
_LONGEST_ID = 200


def routes() -> list[Route]:
    """Return the routes below /hooks."""
    return [
        Route("/hooks/github/{source}", github, methods=["POST"]),
        Route("/hooks/{namespace}/{path:path}", generic, methods=["POST"]),
    ]


def check_secrets(settings: Settings) -> None:
    """Raise Misconfigured for a webhook secret that is missing or too weak to guard its route."""
    for source in settings.sources:
        for reference in source.webhook_secrets:
            what = f"webhook secret of source {source.name!r}"
            told = weakness(resolve(reference, what))
            if told:
                raise Misconfigured(f"{what}: {told}")


async def github(request: Request) -> Response:
    """Take a delivery of GitHub for one source: wake its reconciler, start what it triggers."""
    edge = edge_of(request)
    data = await body.read(request, edge.settings.server.max_body)
    name = request.path_params["source"]
    found = [each for each in edge.settings.sources if each.name == name]
    bound = [r for source in found for r in source.webhook_secrets]
    keys = [resolve(each, f"webhook secret of {name!r}") for each in bound]
    told = request.headers.get("x-hub-signature-256")
    if not verify_hmac(data, told, keys or _DECOY) or not keys:
        raise Unauthenticated(_NOBODY)
    event = _object(request, data)
    kind = request.headers.get("x-github-event", "")
    delivery = Delivery(f"github/{name}", _id(request, "x-github-delivery", data), kind, event)
    _authorize(edge, found[0].namespace, delivery.route)
    if kind != "push":
        arrival = Arrival(delivery, event, namespace=found[0].namespace)
        return _accepted(delivery, await edge.intake.deliver(arrival))
    async with edge.pool.connection() as connection:
        await sources.request(connection, name)
    if edge.bell is not None:
        edge.bell.ring_controller(name)
    answer = await edge.intake.deliver(Arrival(delivery, with_branch(event), source=name))
    return _accepted(delivery, answer)


async def generic(request: Request) -> Response:
    """Take a delivery for the workflows whose webhook trigger has this path."""
    edge = edge_of(request)
    data = await body.read(request, edge.settings.server.max_body)
    namespace, path = request.path_params["namespace"], request.path_params["path"].strip("/")
    triggers = [trigger for _, trigger in edge.intake.active.hooked(namespace, path)]
    if not triggers:
        await edge.intake.refresh()
        triggers = [trigger for _, trigger in edge.intake.active.hooked(namespace, path)]
    good = [each for each in triggers if _is_signed(edge, request, namespace, each, data)]
    if not triggers:
        verify_hmac(data, "", _DECOY)
    if not good:
        raise Unauthenticated(_NOBODY)
    payload = _object(request, data)
    _check_payload(good, payload)
    headers = {k: v for k, v in request.headers.items() if k in _KEPT_HEADERS}
    identity = _id(request, "webhook-id", data)
    event: dict[str, Json] = {"body": payload, "headers": headers, "delivery": identity}
    delivery = Delivery(f"{namespace}/{path}", identity, "webhook", payload)
    _authorize(edge, namespace, delivery.route)
    arrival = Arrival(delivery, event, namespace=namespace, path=path)
    return _accepted(delivery, await edge.intake.deliver(arrival))


def _is_signed(edge: Edge, request: Request, namespace: str, trigger: Trigger, data: bytes) -> bool:
    settings = trigger.settings if isinstance(trigger.settings, Mapping) else {}
    auth = settings.get("auth")
    assert isinstance(auth, Mapping), "the compiler lets no webhook through without auth"
    names = [auth.get("hmac") or auth.get("standard"), auth.get("previous")]
    keys = _strong(edge, namespace, [str(each) for each in names if each])
    if not keys:
        return False
    if "hmac" in auth:
        told = request.headers.get(str(auth.get("header") or "X-Signature-256"))
        return verify_hmac(data, told, keys, str(auth.get("algorithm") or "sha256"))
    tolerance = parse_duration(str(auth.get("tolerance") or "5m")).total_seconds()
    return verify_standard(data, request.headers, keys, tolerance, time.time())


def _strong(edge: Edge, namespace: str, names: Sequence[str]) -> list[str]:
    """Return the secrets that exist and can guard a route; with none, nobody gets in."""
    keys = []
    for name in names:
        try:
            value = edge.secrets.value(namespace, name)
        except Misconfigured:
            continue
        if not weakness(value):
            keys.append(value)
    return keys


def _check_payload(triggers: Sequence[Trigger], payload: Json) -> None:
    """Raise Invalid unless the payload is what at least one of the triggers declares."""
    told: list[tuple[str, str]] = []
    for each in triggers:
        settings = each.settings if isinstance(each.settings, Mapping) else {}
        declared = settings.get("payload")
        problems = schema.validator(declared).problems(payload) if declared is not None else []
        if not problems:
            return
        told += [(str(pointer), words) for pointer, words in problems]
    raise Invalid("the payload is not what the trigger declares", tuple(told))


def _authorize(edge: Edge, namespace: str, route: str) -> None:
    actor = Actor("webhook", route, namespace)
    verdict = edge.authorizer.decide(
        actor, Action("run.start"), Resource("workflow", "*", namespace)
    )
    if not verdict.allowed:
        raise Unauthenticated(_NOBODY)


def _object(request: Request, data: bytes) -> Mapping[str, Json]:
    body.check_type(request)
    told = body.parse(data)
    if not isinstance(told, Mapping):
        raise Invalid("the payload must be a JSON object")
    return told


def _id(request: Request, header: str, data: bytes) -> str:
    told = request.headers.get(header, "")
    if 0 < len(told) <= _LONGEST_ID and told.isascii() and told.isprintable():
        return told
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _accepted(delivery: Delivery, answer: Answer) -> Response:
    runs = [str(each) for each in answer.runs]
    return json_answer(
        {"delivery": delivery.id, "runs": runs, "duplicate": not answer.created}, 202
    )
