"""The token in the address of a callback: it says which wait is meant, and proves that we said so.

It is signed under a key made from the first token's hash, as sessions are: every server of one
state folder knows it, and a new token ends every address that was handed out.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from uuid import UUID

_PURPOSE = b"sark callback"
_ID, _MAC = 16, 32
_LONGEST = 4096


@dataclass(frozen=True, slots=True)
class Wait:
    """One wait of a step of a run."""

    run: UUID
    path: str
    id: UUID


def sign(secret: bytes, wait: Wait) -> str:
    """Return the token of a wait: letters, digits, `-` and `_`."""
    told = wait.id.bytes + wait.run.bytes + wait.path.encode()
    return base64.urlsafe_b64encode(_mac(secret, told) + told).decode().rstrip("=")


def read(secret: bytes, token: str) -> Wait | None:
    """Return the wait of a token, or None if it is none of ours; in constant time."""
    try:
        padded = token.encode("ascii") + b"=" * (-len(token) % 4)
        raw = base64.b64decode(padded, b"-_", validate=True) if len(token) <= _LONGEST else b""
    except (binascii.Error, ValueError):
        raw = b""
    mac, told = raw[:_MAC], raw[_MAC:]
    if not hmac.compare_digest(_mac(secret, told), mac):
        return None
    path = told[2 * _ID :].decode()
    return Wait(UUID(bytes=told[_ID : 2 * _ID]), path, UUID(bytes=told[:_ID]))


def _mac(secret: bytes, told: bytes) -> bytes:
    key = hmac.new(secret, _PURPOSE, hashlib.sha256).digest()
    return hmac.new(key, told, hashlib.sha256).digest()
