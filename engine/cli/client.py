"""The server as the command line sees it: one request at a time, every error a sentence."""

import http.client
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from engine.core.values import Json
from engine.errors import Conflict, Denied, Invalid, NotFound, SarkError, Unavailable

_TIMEOUT = 30
_MAX_ANSWER = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Client:
    """Where the server is, and the token that opens it."""

    url: str
    token: str

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
            raise Unavailable(f"no server answers at {self.url} ({error}); try `sark up`") from None
        finally:
            link.close()
        return _answer(answer.status, text)


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
    return Client(url.rstrip("/"), _token(settings.state))


def _token(state: Path) -> str:
    told = os.environ.get("SARK_TOKEN")
    if told:
        return told
    try:
        return (state / "token").read_text().strip()
    except OSError as error:
        raise Unavailable(
            f"there is no token at {state / 'token'} ({error.strerror}): start `sark up` here, "
            "name its folder with --state, or set SARK_TOKEN"
        ) from None


def _answer(status: int, text: bytes) -> Json:
    try:
        body: Json = json.loads(text) if text else None
    except ValueError:
        body = None
    if status < 400:
        return body
    problem = body if isinstance(body, Mapping) else {}
    detail = str(problem.get("detail") or problem.get("title") or f"the server answered {status}")
    faults = problem.get("errors")
    if isinstance(faults, list):
        detail += "".join(f"\n  {_fault(each)}" for each in faults)
    raise _error(status, detail)


def _fault(fault: Json) -> str:
    told = fault if isinstance(fault, Mapping) else {}
    return f"{told.get('pointer') or '/'}: {told.get('message') or told.get('detail') or ''}"


def _error(status: int, detail: str) -> SarkError:
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
            return Invalid(detail)
