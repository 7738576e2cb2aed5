"""The bearer token: made at the first start, compared by its hash in constant time."""

from starlette.requests import Request
from starlette.types import Scope

from engine import token
from policies.facts import Actor
from webhooks.problem import Refusal

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="sark"'}
_LONGEST = 512
ensure_token = token.ensure
"""Return the token's file in a state folder, made if it is not there."""


def known(scope: Scope) -> Actor:
    """Return whose token a request bears; refuse one with none, several, or another."""
    told = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(told) != 1:
        raise Refusal("auth.missing", "send Authorization: Bearer TOKEN", _CHALLENGE)
    scheme, _, given = told[0].decode("latin-1").partition(" ")
    if scheme.lower() != "bearer" or not _matches(scope, given.strip()):
        raise Refusal("auth.unknown", "this token is not known", _CHALLENGE)
    return administrator()


def bearer(request: Request) -> Actor:
    """Return who the gate has let through."""
    found: Actor = request.scope["actor"]
    return found


def is_token(request: Request, given: str) -> bool:
    """Return whether a text is the token."""
    return _matches(request.scope, given)


def administrator() -> Actor:
    """Return the one whom the first token stands for."""
    return Actor("token", "admin", roles=("admin",))


def _matches(scope: Scope, given: str) -> bool:
    return len(given) <= _LONGEST and token.matches(given, scope["app"].state.doors.token)
