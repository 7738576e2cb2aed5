"""Bearer tokens: the first one and those of the settings, compared by hash in constant time."""

import hashlib

from starlette.requests import Request
from starlette.types import Scope

from engine import token
from engine.errors import Misconfigured
from engine.secrets import resolve
from engine.settings import ADMINISTRATOR, Settings, Token
from policies.facts import Actor
from webhooks.problem import Refusal

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="sark"'}
_SHORTEST = 20
_LONGEST = 512
ensure_token = token.ensure
"""Return the token's file in a state folder, made if it is not there."""


def known(scope: Scope) -> Actor:
    """Return whose token a request bears; refuse one with none, several, or another."""
    told = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(told) != 1:
        raise Refusal("auth.missing", "send Authorization: Bearer TOKEN", _CHALLENGE)
    scheme, _, given = told[0].decode("latin-1").partition(" ")
    actor = _owner(scope, given.strip()) if scheme.lower() == "bearer" else None
    if actor is None:
        raise Refusal("auth.unknown", "this token is not known", _CHALLENGE)
    return actor


def others(settings: Settings) -> tuple[tuple[bytes, Actor], ...]:
    """Return the SHA-256 of each configured token, and who bears it; raise Misconfigured."""
    return tuple(
        (_hash(each), Actor("token", each.name, roles=(each.role,), groups=each.groups))
        for each in settings.tokens
    )


def bearer(request: Request) -> Actor:
    """Return who the gate has let through."""
    found: Actor = request.scope["actor"]
    return found


def is_token(request: Request, given: str) -> bool:
    """Return whether a text is the first token."""
    return _matches(request.scope, given)


def administrator() -> Actor:
    """Return the one whom the first token stands for."""
    return Actor("token", ADMINISTRATOR, roles=("admin",))


def _owner(scope: Scope, given: str) -> Actor | None:
    """Return whose token a text is; every token is compared, so that the time tells nothing."""
    doors = scope["app"].state.doors
    known = ((doors.token, administrator()), *doors.others)
    found = [actor for kept, actor in known if token.matches(given, kept)]
    return found[0] if found and len(given) <= _LONGEST else None


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


def _matches(scope: Scope, given: str) -> bool:
    return len(given) <= _LONGEST and token.matches(given, scope["app"].state.doors.token)
