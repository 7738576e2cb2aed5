"""What all deliveries have: an id, headers that are there once, one answer to a bad signature."""

import hashlib
import re

from prometheus_client import Counter
from starlette.datastructures import Headers

from engine.settings import Settings, Source
from engine.telemetry import REGISTRY
from webhooks.problem import Refusal

_IDENTITY = re.compile(r"[!-~]{1,200}")
DELIVERIES = Counter(
    "sark_webhook_deliveries", "Webhook requests", ["forge", "outcome"], registry=REGISTRY
)


def named(settings: Settings, source: str) -> Source | None:
    """Return a source by its name, None if there is none."""
    return next((each for each in settings.sources if each.name == source), None)


def id_of(told: str, raw: bytes) -> str:
    """Return the sender's id of a delivery; a body without one is its own."""
    if not told:
        return hashlib.sha256(raw).hexdigest()
    if not _IDENTITY.fullmatch(told):
        raise Refusal("http.delivery_id", "a delivery's id is up to 200 printable characters")
    return told


def delivered_by(identity: str) -> str:
    """Return who asks where a delivery does, as a commit tells it."""
    return f"webhook {identity}"


def only(headers: Headers, name: str) -> str:
    """Return a header that is there once, or an empty string."""
    found = headers.getlist(name)
    return found[0] if len(found) == 1 else ""


def unsigned(forge: str) -> Refusal:
    """Return the one answer for a bad signature, a shut route and an address that is not."""
    DELIVERIES.labels(forge, "unsigned").inc()
    return Refusal("webhook.unsigned", "the signature is missing or wrong")
