"""The routes of webhooks, and the secrets that open them. One without a good secret stays shut."""

import logging
import secrets as randomness
from collections.abc import Mapping, Sequence
from typing import Any

from engine.core.plan import Trigger
from engine.errors import Misconfigured
from engine.forge.forges import Forges
from engine.secrets import Secrets, resolve
from engine.settings import Settings, Source
from webhooks import signature
from webhooks.doors import Doors

_LOG = logging.getLogger("sark.http")
_SECRETS = 2
# Stands in for a secret that there is not, so that a refusal takes as long as with one.
_DUMMY = randomness.token_bytes(32)


def check(settings: Settings) -> None:
    """Raise Misconfigured for a source whose webhook's secret is missing or weak, or whose forge
    cannot be used.

    A source that names no secret has no route; its poll is all there is.
    """
    for source in settings.sources:
        of_source(source)
    Forges(settings.sources, settings.adapters)


def of_source(source: Source) -> list[bytes]:
    """Return the secrets of `/hooks/github/<source>`; raise Misconfigured if one is unfit."""
    found = []
    for position, reference in enumerate(source.webhook_secrets):
        what = f"sources.{source.name}.webhook_secrets.{position}"
        try:
            found.append(signature.key(resolve(reference, what)))
        except ValueError as error:
            raise Misconfigured(f"{what} ({reference}): {error}") from None
    return found


def of_hook(secrets: Secrets, namespace: str, auth: Mapping[str, Any]) -> list[bytes]:
    """Return the secrets that a webhook trigger's `auth` names; raise Misconfigured."""
    standard = "standard" in auth
    now = next(auth[each] for each in ("standard", "bearer", "hmac") if each in auth)
    names = [now, auth.get("previous")]
    found = []
    for name in names:
        if name is None:
            continue
        try:
            found.append(signature.key(secrets.value(namespace, name), standard=standard))
        except ValueError as error:
            what = f"secret {name!r} of namespace {namespace!r}"
            raise Misconfigured(f"{what}: {error}") from None
    return found


def padded(secrets: Sequence[bytes]) -> list[bytes]:
    """Return as many secrets for every route, known or not."""
    return [*secrets, *[_DUMMY] * (_SECRETS - len(secrets))]


def told(doors: Doors, namespace: str, trigger: Trigger) -> dict[str, object]:
    """Return where a trigger listens, and whether it is open; nothing for one that does not."""
    settings = trigger.settings if isinstance(trigger.settings, Mapping) else {}
    auth = settings.get("auth")
    if trigger.type != "webhook" or not isinstance(auth, Mapping):
        return {}
    reason = ""
    try:
        of_hook(doors.secrets, namespace, auth)
    except Misconfigured as error:
        reason = str(error)
    route = f"/hooks/{namespace}/{settings['path']}"
    return {"route": route, "open": not reason, "reason": reason or None}
