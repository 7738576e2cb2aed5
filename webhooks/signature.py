"""Is a request what its sender signed: GitHub's way, a plain HMAC, and Standard Webhooks.

Or does it bring a token, a bearer's or GitLab's, which signs nothing.
Sources: GitHub, "Validating webhook deliveries"; standardwebhooks.com, specification 1.0; RFC 6750.
Every secret and every signature is compared in full and in constant time, so that how long a
refusal takes says neither which secret was near nor that there is none.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

SHORTEST_SECRET = 16
_ALGORITHMS = {"sha256": hashlib.sha256, "sha512": hashlib.sha512}
_WHSEC = "whsec_"
_STAMP = re.compile(r"[0-9]{1,12}")
_IDENTITY = re.compile(r"[!-\-/-~]{1,200}")  # printable, and no dot: it separates what is signed
_MOST_SIGNATURES = 16


@dataclass(frozen=True, slots=True)
class Signed:
    """The three headers of a Standard Webhooks request; what is missing is empty."""

    id: str
    timestamp: str
    signature: str


def verify_hmac(
    body: bytes, told: str, secrets: Sequence[bytes], algorithm: str = "sha256"
) -> bool:
    """Return whether `told` is the HMAC of the raw body under one of the secrets.

    `told` is lower case hexadecimal, with or without the algorithm and `=` before it. Two secrets
    stand side by side while one takes the place of the other.
    """
    given = told.removeprefix(f"{algorithm}=").encode("utf-8", "replace")
    good = False
    for secret in secrets:
        right = hmac.new(secret, body, _ALGORITHMS[algorithm]).hexdigest()
        good |= hmac.compare_digest(right.encode(), given)
    return good


def verify_bearer(body: bytes, told: str, secrets: Sequence[bytes]) -> bool:
    """Return whether `told`, an `Authorization` header, is `Bearer` and one of the secrets.

    The body plays no part but in how long the answer takes, which is as long as for a signature.
    """
    scheme, _, token = told.partition(" ")
    return verify_token(body, token.strip(" "), secrets) and scheme.lower() == "bearer"


def verify_token(body: bytes, told: str, secrets: Sequence[bytes]) -> bool:
    """Return whether `told`, as GitLab's `X-Gitlab-Token`, is one of the secrets itself.

    The body plays no part but in how long the answer takes, which is as long as for a signature.
    """
    given = hashlib.sha256(told.encode("latin-1", "replace")).digest()
    good = False
    for secret in secrets:
        good |= hmac.compare_digest(hashlib.sha256(secret).digest(), given)
        hmac.digest(secret, body, "sha256")
    return good


def verify_standard(
    body: bytes, told: Signed, secrets: Sequence[bytes], tolerance: timedelta, now: float
) -> bool:
    """Return whether one of the signatures is that of `id.timestamp.body`, and is fresh.

    `now` is in seconds since 1970. Only version `v1` (HMAC-SHA256) is taken: `v1a` is another
    kind of key. A timestamp that is no plain number of seconds is refused.
    """
    is_sound = bool(_IDENTITY.fullmatch(told.id)) and bool(_STAMP.fullmatch(told.timestamp))
    is_fresh = is_sound and abs(now - int(told.timestamp)) <= tolerance.total_seconds()
    signed = f"{told.id}.{told.timestamp}.".encode("utf-8", "replace") + body
    given = [_v1(each) for each in told.signature.split(" ")[:_MOST_SIGNATURES]]
    good = False
    for secret in secrets:
        right = hmac.new(secret, signed, hashlib.sha256).digest()
        for each in given:
            good |= hmac.compare_digest(right, each)
    return good and is_fresh


def key(secret: str, *, standard: bool = False) -> bytes:
    """Return the bytes of a secret as its owner wrote it down.

    With `standard`, `whsec_` and base64 are taken off, as Standard Webhooks has it; a secret
    without `whsec_` is its own bytes. Raise ValueError, never with the secret in it, if it is too
    weak to guard a route.
    """
    if standard and secret.startswith(_WHSEC):
        try:
            made = base64.b64decode(secret.removeprefix(_WHSEC), validate=True)
        except (binascii.Error, ValueError):
            raise ValueError(f"it begins with {_WHSEC} and is not base64 after that") from None
    else:
        made = secret.encode()
    if len(made.strip()) < SHORTEST_SECRET:
        raise ValueError(
            f"it has {len(made.strip())} characters; a secret that guards a route has at least "
            f"{SHORTEST_SECRET}: make one with `openssl rand -hex 32`"
        )
    return made


def _v1(text: str) -> bytes:
    """Return the bytes of a `v1,BASE64` signature, or none at all."""
    version, _, encoded = text.partition(",")
    if version != "v1":
        return b""
    try:
        return base64.b64decode(encoded.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return b""
