"""Bearer tokens: the first one and those of the settings, compared by hash in constant time."""

import hashlib
import hmac

from starlette.requests import Request

from engine import token
from engine.errors import Misconfigured
from engine.secrets import resolve
from engine.settings import ADMINISTRATOR, Settings, Token
from policies.facts import Actor
from webhooks.doors import doors
from webhooks.problem import Refusal

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="sark"'}
_SHORTEST = 20
_LONGEST = 512
ADMIN = Actor("token", ADMINISTRATOR, roles=("admin",))
"""The one whom the first token stands for."""
ensure_token = token.ensure
"""Return the token's file in a state folder, made if it is not there."""


def known(request: Request) -> Actor:
    """Return whose token a request bears; refuse one with none, several, or another."""
    told = [value for name, value in request.scope["headers"] if name == b"authorization"]
    if len(told) != 1:
        raise Refusal("auth.missing", "send Authorization: Bearer TOKEN", _CHALLENGE)
    scheme, _, given = told[0].decode("latin-1").partition(" ")
    actor = _owner(request, given.strip()) if scheme.lower() == "bearer" else None
    if actor is None:
        raise Refusal("auth.unknown", "this token is not known", _CHALLENGE)
    return actor


def bearers(first: bytes, settings: Settings) -> tuple[tuple[bytes, Actor], ...]:
    """Return the SHA-256 of each token, the first and the configured, and who bears it.

    Raise Misconfigured for one that is too short or long, or cannot be read.
    """
    return (
        (first, ADMIN),
        *(
            (_hash(each), Actor("token", each.name, roles=(each.role,), groups=each.groups))
            for each in settings.tokens
        ),
    )


def bearer(request: Request) -> Actor:
    """Return who the gate has let through."""
    found: Actor = request.scope["actor"]
    return found


def is_token(request: Request, given: str) -> bool:
    """Return whether a text is the first token."""
    return len(given) <= _LONGEST and hmac.compare_digest(token.digest(given), doors(request).token)


def _owner(request: Request, given: str) -> Actor | None:
    """Return whose token a text is; every token is compared, so that the time tells nothing."""
    if len(given) > _LONGEST:
        return None
    told = token.digest(given)
    found = [actor for kept, actor in doors(request).bearers if hmac.compare_digest(told, kept)]
    return found[0] if found else None


def _hash(told: Token) -> bytes:
    if told.sha256 is not None:
        return bytes.fromhex(told.sha256)
    assert told.token is not None
    value = resolve(told.token, f"the token of {told.name!r}").strip()
    if not _SHORTEST <= len(value) <= _LONGEST:
        raise Misconfigured(
            f"the token of {told.name!r} ({told.token}) has {len(value)} characters; expected "
            f"{_SHORTEST} to {_LONGEST}: make one with `openssl rand -hex 32`"
        )
    return hashlib.sha256(value.encode()).digest()
