"""A GitHub App: it proves itself by its key, and has a token of an hour for one repository.

Source: docs.github.com, "Generating a JSON Web Token (JWT) for a GitHub App" and "Generating an
installation access token for a GitHub App".
"""

import asyncio
import base64
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import orjson

from engine.core.values import Json
from engine.errors import Denied, Misconfigured, NotFound
from engine.forge import reading
from engine.forge.conversation import Conversation
from engine.secrets import resolve

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

# GitHub takes ten minutes at most, and clocks differ: it is dated back by one.
_BEFORE, _AFTER = timedelta(minutes=1), timedelta(minutes=9)
# A request that begins with a token must end with it.
_SPARE = timedelta(minutes=5)
_NEVER = datetime.min.replace(tzinfo=UTC)


def assertion(app: str, key: str, what: str, now: datetime) -> str:
    """Return a JSON Web Token that says who an app is, signed by RS256 (RFC 7515, RFC 7518).

    `key` is in PEM, as GitHub hands it out. Raise Misconfigured, naming `what`, if it is none.
    """
    # Late: only an app needs it.
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    times = {"iat": int((now - _BEFORE).timestamp()), "exp": int((now + _AFTER).timestamp())}
    parts = [_encoded({"alg": "RS256", "typ": "JWT"}), _encoded({**times, "iss": app})]
    signed = ".".join(parts)
    signature = _private(key, what).sign(signed.encode(), PKCS1v15(), SHA256())
    return f"{signed}.{_base64(signature)}"


def check_key(key: str, what: str) -> None:
    """Raise Misconfigured, naming `what`, if a text is no key that an app can prove itself by."""
    _private(key, what)


class AppKey:
    """The credential of the app itself, by which it asks for its installation's token."""

    def __init__(self, app: str, key: str, what: str) -> None:
        self._app = app
        self._key = key
        self._what = what

    async def token(self) -> str:
        """Return a JWT that is good for nine minutes; raise Misconfigured without a key."""
        key = resolve(self._key, self._what)
        return assertion(self._app, key, self._what, datetime.now(UTC))

    def renew(self, token: str) -> bool:
        """Return False: the next one would be refused as this one was."""
        return False


def _utc() -> datetime:
    return datetime.now(UTC)


class Installation:
    """The credential of an app in one repository; its token reaches nothing else."""

    def __init__(
        self, app: Conversation, repository: str, now: Callable[[], datetime] = _utc
    ) -> None:
        self._app = app
        self._repository = repository
        self._now = now
        self._token, self._until = "", _NEVER
        self._login = ""
        self._turn = asyncio.Lock()

    async def token(self) -> str:
        """Return the token; all who ask while it is made wait for the one answer."""
        async with self._turn:
            if self._now() >= self._until:
                await self._make()
            return self._token

    def renew(self, token: str) -> bool:
        """Forget a token that GitHub does not know any more, unless there is another already."""
        if token == self._token:
            self._until = _NEVER
        return True

    async def login(self) -> str:
        """Return the login under which the app writes."""
        if not self._login:
            answer = await self._app.ask("GET", "/app")
            with self._app.read("an app"):
                self._login = f"{reading.text(answer.body, 'slug')}[bot]"
        return self._login

    async def _make(self) -> None:
        number = await self._find()
        name = self._repository.partition("/")[2]
        path = f"/app/installations/{number}/access_tokens"
        answer = await self._app.ask("POST", path, {"repositories": [name]})
        with self._app.read("a token"):
            token, until = _granted(answer.body)
        self._token, self._until = token, until - _SPARE

    async def _find(self) -> int:
        """Return the installation's number; it may have been installed anew since the last time."""
        try:
            answer = await self._app.ask("GET", f"/repos/{self._repository}/installation")
        except NotFound:
            raise Denied(
                f"the GitHub App is not installed in {self._repository}, or there is no such "
                "repository: install it there, or write the repository's name as it is"
            ) from None
        with self._app.read("an installation"):
            return reading.number(answer.body, "id")


def _private(key: str, what: str) -> "RSAPrivateKey":
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        private = load_pem_private_key(key.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Misconfigured(f"{what}: expected an RSA key in PEM without a password") from None
    if not isinstance(private, RSAPrivateKey):
        raise Misconfigured(f"{what}: expected an RSA key; GitHub takes no other")
    return private


def _granted(body: Json) -> tuple[str, datetime]:
    """Return a token and its end."""
    until = reading.text(body, "expires_at")
    try:
        return reading.text(body, "token"), datetime.fromisoformat(until).astimezone(UTC)
    except ValueError:
        raise reading.Unreadable("expires_at") from None


def _encoded(told: Mapping[str, Json]) -> str:
    return _base64(orjson.dumps(told))


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
