"""Requests to the API of one forge with one credential, and what comes of them."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from adapters.contract import Call, Failed
from engine.core.frozen import frozen
from engine.core.values import Json
from engine.errors import Denied, NotFound, SarkError, Unavailable
from engine.forge import failure, reading
from engine.forge.failure import Limited, Unauthorized
from engine.forge.reading import Unreadable
from engine.telemetry import METRICS

if TYPE_CHECKING:
    from adapters.http.client import Client

PAGE = 100
_LARGEST_ANSWER = 16 * 1024 * 1024
_PATIENCE = timedelta(seconds=10)
_NEXT = re.compile(r'<([^<>]+)>[^<]*?\brel="?next\b')


class Credential(Protocol):
    """Who asks."""

    async def token(self) -> str:
        """Return what is sent after `Bearer`; raise SarkError where there is none now."""

    def renew(self, token: str) -> bool:
        """Hear that the forge does not know a token; True if there may be another one."""


@frozen
class Dialect:
    """What differs between forges in every request. `kind` is the word of the configuration."""

    kind: str
    name: str
    headers: Mapping[str, Json]


@frozen
class Answer:
    """What a forge said; `next` is the URL of the page after this one, empty if it is the last."""

    body: Json
    next: str


@dataclass(slots=True)
class Conversation:
    """Asks one forge. After a rate limit nothing is sent until the forge wants to hear again.

    `client` may go to the host of `api` and nowhere else; redirects are not followed.
    """

    client: "Client"
    dialect: Dialect
    api: str
    credential: Credential
    _quiet_until: float = field(default=0.0, init=False)

    async def ask(self, method: str, path: str, body: Mapping[str, Json] | None = None) -> Answer:
        """Return the answer to one request, which takes 10 s and 16 MiB at most.

        `path` comes after the API's URL, or is a whole URL that the forge itself has given.
        Raise Unavailable, Denied, NotFound or Invalid.
        """
        token = await self.credential.token()
        try:
            return await self._counted(method, path, body, token)
        except Unauthorized:
            if not self.credential.renew(token):
                raise
        return await self._counted(method, path, body, await self.credential.token())

    async def pages(self, path: str, most: int) -> AsyncIterator[Sequence[Mapping[str, Json]]]:
        """Give the pages of a list, first to last, `most` of them at most."""
        for _ in range(most):
            answer = await self.ask("GET", path)
            with self.read("a list"):
                rows = reading.rows(answer.body)
            yield rows
            if not answer.next:
                return
            path = answer.next

    @contextmanager
    def read(self, what: str) -> Iterator[None]:
        """Turn an answer that lacks something into Unavailable; `what` it was taken for."""
        try:
            yield
        except Unreadable as missing:
            told = f"{what} ({missing})"
            raise failure.unreadable(self.dialect.name, told) from None

    async def _counted(
        self, method: str, path: str, body: Mapping[str, Json] | None, token: str
    ) -> Answer:
        loop = asyncio.get_running_loop()
        quiet = self._quiet_until - loop.time()
        if quiet > 0:
            message = f"{self.dialect.name} asked to be left alone for another {quiet:.0f} s"
            raise Limited(message, timedelta(seconds=quiet))
        result = "ok"
        try:
            return await self._once(method, path, body, token)
        except SarkError as error:
            result = _result(error)
            if isinstance(error, Limited):
                self._quiet_until = loop.time() + error.after.total_seconds()
            raise
        finally:
            METRICS.forge.labels(self.dialect.kind, result).inc()

    async def _once(
        self, method: str, path: str, body: Mapping[str, Json] | None, token: str
    ) -> Answer:
        outcome = await self.client.request(self._call(method, path, body, token))
        asked, name = f"{method} {path.removeprefix(self.api)}", self.dialect.name
        if isinstance(outcome, Failed):
            raise failure.of_call(name, asked, outcome)
        told, headers = outcome.outputs, outcome.outputs["headers"]
        assert isinstance(headers, Mapping)
        status = int(str(told["status"]))
        if status >= 400:
            now = datetime.now(UTC)
            raise failure.of_status(name, asked, status, headers, told["body"], token, now)
        link = _NEXT.search(str(headers.get("link", "")))
        return Answer(told["body"], link[1] if link else "")

    def _call(self, method: str, path: str, body: Mapping[str, Json] | None, token: str) -> Call:
        arguments: dict[str, Json] = {
            "method": method,
            "url": path if path.startswith(("https://", "http://")) else f"{self.api}{path}",
            "auth": {"bearer": token},
            "headers": self.dialect.headers,
            # What a forge explains comes back as an answer: its headers count, too.
            "ok_status": ["2xx", "4xx"],
            "max_bytes": _LARGEST_ANSWER,
            "max_redirects": 0,
        }
        if body is not None:
            arguments["json"] = body
        return Call("", "", 1, "", arguments, _PATIENCE)


def cut(text: str, most: int) -> str:
    """Return a text that fits: of a long one, the beginning."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _result(error: SarkError) -> str:
    """Return the label of a request that came to nothing."""
    match error:
        case Limited():
            return "limited"
        case Unavailable():
            return "unavailable"
        case Denied():
            return "denied"
        case NotFound():
            return "not_found"
        case _:
            return "invalid"
