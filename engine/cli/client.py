"""The server as the command line sees it: one request at a time, every error a sentence."""

import http.client
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

from engine.core.frozen import frozen
from engine.core.values import Json
from engine.errors import (
    Conflict,
    Denied,
    Invalid,
    Misconfigured,
    NotFound,
    SarkError,
    Unavailable,
)

_TIMEOUT = 30
_MAX_ANSWER = 64 * 1024 * 1024


@frozen
class Client:
    """Where the server is, the token that opens it, and where that token was found."""

    url: str
    token: str
    origin: str

    def get(self, path: str, **query: str | int | None) -> Json:
        """Return what is at `path`; a parameter that is None is left out."""
        told = {name: value for name, value in query.items() if value is not None}
        return self.send("GET", path + ("?" + urlencode(told) if told else ""))

    def pages(self, path: str, **query: str | int | None) -> Iterator[Mapping[str, Json]]:
        """Yield the items of a list, page after page."""
        cursor: Json = None
        while True:
            page = self.get(path, cursor=cursor if isinstance(cursor, str) else None, **query)
            assert isinstance(page, Mapping)
            listed = page.get("items")
            yield from (each for each in listed or () if isinstance(each, Mapping))  # type: ignore[union-attr]
            cursor = page.get("next")
            if cursor is None:
                return

    def send(
        self, method: str, path: str, body: Json = None, headers: Mapping[str, str] | None = None
    ) -> Json:
        """Return the JSON answer.

        Raise Unavailable where nobody answers, and by status Denied, NotFound, Conflict, Invalid.
        """
        return self._answer(*self._ask(method, path, body, headers))

    def content(self, path: str) -> bytes:
        """Return the bytes of what is at `path`; raise as `send` does."""
        status, text = self._ask("GET", path, None, None)
        if status >= 400:
            self._answer(status, text)
        return text

    def _ask(
        self, method: str, path: str, body: Json, headers: Mapping[str, str] | None
    ) -> tuple[int, bytes]:
        parts = urlsplit(self.url)
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        link = kind(parts.hostname or "127.0.0.1", parts.port, timeout=_TIMEOUT)
        told = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            told["Content-Type"] = "application/json"
        try:
            link.request(method, f"{parts.path}/api/v1{path}", data, {**told, **(headers or {})})
            answer = link.getresponse()
            text = answer.read(_MAX_ANSWER)
        except (OSError, http.client.HTTPException) as error:
            told_why = getattr(error, "strerror", None) or error
            raise Unavailable(
                f"no server answers at {self.url} ({told_why}); start one with `sark up`, or name "
                "another with --server"
            ) from None
        finally:
            link.close()
        return answer.status, text

    def _answer(self, status: int, text: bytes) -> Json:
        try:
            body: Json = json.loads(text)
        except ValueError:
            body = None
        if status < 400 and isinstance(body, Mapping):
            return body
        if not isinstance(body, Mapping):
            raise Unavailable(
                f"what answers at {self.url} is not a SARK server (status {status}, no JSON); "
                "name the server with --server"
            )
        detail = str(body.get("detail") or body.get("title") or f"the server answered {status}")
        if status == 401:
            detail += f"; it was read from {self.origin}"
        raise _error(status, detail, _problems(body.get("errors")))


def at(*words: str) -> str:
    """Return the path of what the words name; a word is one segment, whatever is in it."""
    return "".join(f"/{quote(word, safe='')}" for word in words)


def connect(server: str | None, config: str | None, state: str | None) -> Client:
    """Return a client by `--server`, SARK_SERVER, or the address in the state folder."""
    from engine.settings import load

    overrides = {"state": state} if state else {}
    settings = load(Path(config) if config else None, os.environ, overrides).settings
    url = server or os.environ.get("SARK_SERVER")
    if url is None:
        try:
            url = (settings.state / "address").read_text().strip()
        except OSError:
            url = f"http://{settings.server.host}:{settings.server.port}"
    return Client(_checked(url), *_token(settings.state))


def _checked(url: str) -> str:
    """Return the server's address; raise Misconfigured if it is none."""
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not (is_address and url.isprintable() and " " not in url) or parts.username or parts.query:
        raise Misconfigured(
            f"the server's address is http://HOST[:PORT] or https://HOST[:PORT], not {url[:80]!r}"
        )
    return url.rstrip("/")


def _token(state: Path) -> tuple[str, str]:
    """Return the token, and where it was found."""
    told, origin = os.environ.get("SARK_TOKEN", ""), "SARK_TOKEN"
    if not told:
        origin = str(state / "token")
        try:
            told = Path(origin).read_text("utf-8", "replace").strip()
        except OSError as error:
            raise Unavailable(
                f"there is no token at {origin} ({error.strerror}): start `sark up` here, "
                "name its folder with --state, or set SARK_TOKEN"
            ) from None
    if not (told.isascii() and told.isprintable() and " " not in told and told):
        raise Misconfigured(f"what is in {origin} is no token: one word of ASCII is expected")
    return told, origin


def _problems(faults: Json) -> tuple[tuple[str, str], ...]:
    listed = faults if isinstance(faults, list) else []
    told = [each for each in listed if isinstance(each, Mapping)]
    return tuple(
        (str(t.get("pointer") or ""), str(t.get("message") or t.get("detail") or "")) for t in told
    )


def _error(status: int, detail: str, problems: tuple[tuple[str, str], ...]) -> SarkError:
    match status:
        case 401 | 403:
            return Denied(detail)
        case 404:
            return NotFound(detail)
        case 409:
            return Conflict(detail)
        case 429 | 502 | 503 | 504:
            return Unavailable(detail)
        case _:
            return Invalid(detail, problems)
