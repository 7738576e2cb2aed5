"""A browser's session: a signed cookie that no script reads and no form of another site brings.

The cookie holds an expiry and no token. It is signed under a key made from the token's hash, so
that a new token ends every session, and every server of one state folder knows it.
"""

import hashlib
import hmac
import secrets
import time

from starlette.requests import Request
from starlette.responses import Response

from policies.facts import Actor
from webhooks.auth.token import ADMIN
from webhooks.doors import doors
from webhooks.problem import Refusal

_SECONDS = 12 * 3600
_PURPOSE = b"sark session"
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def begin(request: Request, answer: Response) -> None:
    """Give the browser a session."""
    name, is_secure = _cookie(request)
    text = f"{int(time.time()) + _SECONDS}.{secrets.token_urlsafe(16)}"
    answer.set_cookie(
        name,
        f"{text}.{_signature(request, text)}",
        max_age=_SECONDS,
        path="/",
        secure=is_secure,
        httponly=True,
        samesite="lax",
    )


def end(request: Request, answer: Response) -> None:
    """Take the session away."""
    name, is_secure = _cookie(request)
    answer.delete_cookie(name, path="/", secure=is_secure, httponly=True, samesite="lax")


def actor(request: Request) -> Actor | None:
    """Return whose session a request comes with, or None."""
    text, _, told = request.cookies.get(_cookie(request)[0], "").rpartition(".")
    right = _signature(request, text)
    is_signed = hmac.compare_digest(right.encode(), told.encode("utf-8", "replace"))
    expiry = text.partition(".")[0]
    if not is_signed or not expiry.isdigit() or int(expiry) < time.time():
        return None
    return ADMIN


def check_origin(request: Request) -> None:
    """Refuse a form that another site has sent.

    A browser says itself where a form comes from; one that does not is asked for its origin. The
    rule is that of `http.CrossOriginProtection` in Go's standard library: of an origin the host
    counts alone, for TLS may end before us.
    """
    site = request.headers.get("sec-fetch-site")
    if site is None:
        origin = request.headers.get("origin")
        is_ours = origin is None or origin.partition("://")[2] == request.headers.get("host", "")
    else:
        is_ours = site in ("same-origin", "none")
    if not is_ours:
        raise Refusal("auth.origin", "this form was sent by another site")


def _cookie(request: Request) -> tuple[str, bool]:
    """Return the cookie's name, and whether it travels over TLS alone.

    A server that listens on loopback is spoken to in plain HTTP; any other stands behind TLS.
    """
    is_secure = doors(request).settings.server.host not in _LOOPBACK
    return ("__Host-sark" if is_secure else "sark"), is_secure


def _signature(request: Request, text: str) -> str:
    key = hmac.new(doors(request).token, _PURPOSE, hashlib.sha256).digest()
    return hmac.new(key, text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
