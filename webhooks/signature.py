"""Is a request what its sender signed: GitHub's way, a plain HMAC, and Standard Webhooks."""

import base64
import binascii
import hashlib
import hmac
import math
from collections.abc import Mapping, Sequence

SHORTEST_SECRET = 16


def verify_hmac(
    body: bytes, told: str | None, secrets: Sequence[str], algorithm: str = "sha256"
) -> bool:
    """True if `told`, hexadecimal with or without `sha256=` before it, is the body's HMAC.

    Any of the secrets will do, so that one can be rotated. Takes the same time for all of them.
    """
    given = (told or "").strip().removeprefix(f"{algorithm}=").lower()
    good = False
    for secret in secrets:
        right = hmac.new(secret.encode(), body, getattr(hashlib, algorithm)).hexdigest()
        good |= hmac.compare_digest(right.encode(), given.encode("utf-8", "replace"))
    return good


def verify_standard(
    body: bytes, headers: Mapping[str, str], secrets: Sequence[str], tolerance: float, now: float
) -> bool:
    """True if the headers hold a fresh signature of the body (standardwebhooks.com).

    The signed text is `id.timestamp.body`; a secret is base64 behind `whsec_`, or plain text.
    `tolerance` and `now` are seconds.
    """
    identity = headers.get("webhook-id", "")
    stamp = headers.get("webhook-timestamp", "")
    when = float(stamp) if stamp.isascii() and stamp.isdigit() and len(stamp) < 16 else math.inf
    signed = f"{identity}.{stamp}.".encode() + body
    good = False
    for secret in secrets:
        right = hmac.new(_key(secret), signed, hashlib.sha256).digest()
        for one in headers.get("webhook-signature", "").split(" ")[:16]:
            version, _, text = one.partition(",")
            good |= version == "v1" and hmac.compare_digest(right, _decoded(text))
    return good and bool(identity) and abs(now - when) <= tolerance


def weakness(secret: str) -> str:
    """Return why a secret is too weak to guard a route, or an empty string."""
    if len(secret) < SHORTEST_SECRET:
        return f"it has {len(secret)} characters; at least {SHORTEST_SECRET} are needed"
    return ""


def _key(secret: str) -> bytes:
    return (
        _decoded(secret.removeprefix("whsec_")) if secret.startswith("whsec_") else secret.encode()
    )


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii", "replace"), validate=True)
    except binascii.Error:
        return b""
