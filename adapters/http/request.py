"""Arguments into a request that is safe to put on a wire, or the reason why not."""

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode

import orjson
from multidict import CIMultiDict
from yarl import URL

from adapters.contract import Call, Json
from adapters.manifest.http import (
    DEFAULT_MAX_BYTES,
    DEFAULT_REDIRECTS,
    IDEMPOTENT,
    LARGEST_MAX_BYTES,
    MAX_REDIRECTS,
    METHODS,
)

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_IN_URL = re.compile(r"[\x00-\x20\x7f\\\ud800-\udfff]")
_DOTS = re.compile(r"[^?#]*/(?:\.|%2e){1,2}(?:[/?#]|$)", re.IGNORECASE)
_RANGE = re.compile(r"([1-5])xx|([1-5][0-9]{2})-([1-5][0-9]{2})")
# fmt: off
_FRAMING = frozenset({
    "host", "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te",
    "trailer", "expect", "proxy-authorization", "proxy-connection", "proxy-authenticate",
    "accept-encoding",
})
# fmt: on
# What a stranger may see after a redirect: nothing that could be a credential.
# fmt: off
_HARMLESS = frozenset({
    "accept", "accept-language", "content-type", "user-agent", "idempotency-key", "sark-fence",
})
# fmt: on
MAX_BODY = 16 * 1024 * 1024
_MAX_HEADERS = 100
_MAX_HEADER = 8192


class InvalidError(Exception):
    """The arguments make no request; the message shows no value."""


@dataclass(frozen=True, slots=True)
class Request:
    """One hop of one attempt. `call` is where it comes from, `entry` its first URL.

    `first` is the method of the first hop: what that may have done, a redirect does not undo.
    """

    first: str
    method: str
    url: URL
    headers: CIMultiDict[str]
    body: bytes | None
    ok: frozenset[int]
    max_redirects: int
    max_bytes: int
    call: Call
    entry: URL

    @property
    def idempotent(self) -> bool:
        """True if sending it twice does what sending it once does."""
        return self.first in IDEMPOTENT

    def secrets(self) -> tuple[str, ...]:
        """Return what an echoing server could repeat and no error may, longest first.

        The key, the first URL and its parts, credentials, and the author's own headers.
        """
        given, url = self.call.arguments, self.entry
        texts = [self.call.key, str(given["url"]), str(url), url.raw_path_qs, url.path_qs]
        texts += [url.raw_path, url.path, url.query_string, *url.query.values()]
        own = given.get("headers")
        if isinstance(own, Mapping):
            texts += [str(each) for name, each in own.items() if name.lower() not in _HARMLESS]
        authorization = _authorization(given.get("auth")) or ""
        kind, _, value = authorization.partition(" ")
        texts.append(value)
        if kind == "Basic":
            texts += base64.b64decode(value).decode().split(":", 1)
        texts.append(_sendable(self.call.key))
        return tuple(sorted({text for text in texts if len(text) >= 4}, key=len, reverse=True))

    @property
    def target(self) -> str:
        """Return method, host and port: what may be said about it, for the rest can be secret."""
        return f"{self.method} {self.url.host_port_subcomponent}"


def build(call: Call, agent: str) -> Request:
    """Return the request of a call's arguments; raise InvalidError if they make none."""
    given = call.arguments
    method = _one_of("method", given.get("method", "GET"), METHODS)
    text = _text("url", given.get("url"))
    if _DOTS.match(text):
        raise InvalidError("url has a part . or .. in its path, and so leads elsewhere")
    url = parse_url(text)
    query = _pairs("query", given.get("query", {}))
    full = url.extend_query(query) if query else url
    body, media_type = _body(given)
    if body is not None and method == "HEAD":
        raise InvalidError("a HEAD request has no body")
    headers = _headers(call, agent, media_type)
    return Request(
        method,
        method,
        full,
        headers,
        body,
        _ok(given["ok_status"]) if "ok_status" in given else _USUAL,
        number("max_redirects", given, _default_redirects(method), 0, MAX_REDIRECTS),
        number("max_bytes", given, DEFAULT_MAX_BYTES, 1, LARGEST_MAX_BYTES),
        call,
        full,
    )


def parse_url(text: str) -> URL:
    """Return an absolute http or https URL without fragment; raise InvalidError otherwise."""
    if _IN_URL.search(text):
        raise InvalidError("url holds a space, a control character or a backslash")
    try:
        url = URL(text).with_fragment(None)
        port = url.port
    except ValueError:
        raise InvalidError("url cannot be read as a URL") from None
    if url.scheme not in {"http", "https"}:
        raise InvalidError("url must begin with http:// or https://")
    if not url.raw_host or not port:
        raise InvalidError("url names no host, or a port that cannot be")
    if url.raw_user is not None or url.raw_password is not None:
        raise InvalidError("url holds a user name or password: use auth.basic")
    if "%" in url.raw_host:
        raise InvalidError("url has a host with a zone or an escape")
    if not all(0 < len(each) < 64 for each in url.raw_host.removesuffix(".").split(".")):
        raise InvalidError("url has a host with a part that is empty, or over 63 letters")
    return url


def redirected(request: Request, status: int, location: str) -> Request:
    """Return the next hop; raise InvalidError for a place that must not be followed.

    301 and 302 turn POST into GET, 303 turns all but HEAD into GET (RFC 9110, 15.4). Another
    scheme, host or port sees no header that could carry a credential.
    """
    try:
        url = parse_url(str(request.url.join(URL(location))))
    except ValueError:
        raise InvalidError("the redirect's Location cannot be read") from None
    if request.url.scheme == "https" and url.scheme == "http":
        raise InvalidError("the redirect leads from https to http")
    headers = CIMultiDict(request.headers)
    if url.origin() != request.url.origin():
        kept = [(name, value) for name, value in headers.items() if name.lower() in _HARMLESS]
        headers = CIMultiDict(kept)
    rewritten = (status == 303 and request.method != "HEAD") or (
        status in {301, 302} and request.method == "POST"
    )
    if not rewritten:
        return replace(request, url=url, headers=headers)
    headers.popall("content-type", None)
    return replace(request, method="GET", url=url, headers=headers, body=None)


def _headers(call: Call, agent: str, media_type: str | None) -> CIMultiDict[str]:
    given = call.arguments.get("headers", {})
    if not isinstance(given, Mapping) or len(given) > _MAX_HEADERS:
        raise InvalidError(f"headers must be a mapping of at most {_MAX_HEADERS} names")
    headers: CIMultiDict[str] = CIMultiDict()
    for name, value in given.items():
        if name in headers:
            raise InvalidError(f"header {name} is given twice")
        headers.add(_header_name(name), _header_value(name, value))
    authorization = _authorization(call.arguments.get("auth"))
    if authorization is not None and "authorization" in headers:
        raise InvalidError("both auth and an Authorization header are given")
    if authorization is not None:
        headers["Authorization"] = authorization
    if media_type is not None:
        headers.setdefault("Content-Type", media_type)
    headers.setdefault("User-Agent", agent)
    headers.setdefault("Accept", "*/*")
    headers["Accept-Encoding"] = "gzip, deflate"
    headers.setdefault("Idempotency-Key", _sendable(call.key))
    headers["Sark-Fence"] = str(call.attempt)
    return headers


def _sendable(key: str) -> str:
    """Return a key as a header: what is not printable ASCII percent-encoded, the same each time."""
    return quote(key, safe=" !#$&'()*+,/:;=?@[]{}|^`<>~-_.")


def _header_name(name: str) -> str:
    if not _TOKEN.fullmatch(name):
        raise InvalidError("headers holds a name that is no header name")
    if name.lower() in _FRAMING:
        raise InvalidError(f"header {name} belongs to the client and cannot be set")
    return name


def _header_value(name: str, value: Json) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InvalidError(f"header {name} must be a string or an integer")
    text = str(value).strip(" \t")
    if _UNPRINTABLE.search(text) or len(text) > _MAX_HEADER:
        raise InvalidError(f"header {name} holds a control character, or is over {_MAX_HEADER}")
    return text


def _authorization(auth: Json) -> str | None:
    match auth:
        case None:
            return None
        case {"bearer": str() as token, **rest} if not rest:
            if not token or not token.isascii() or not token.isprintable() or " " in token:
                raise InvalidError("auth.bearer must be one word of printable ASCII")
            return f"Bearer {token}"
        case {"basic": {"username": str() as user, "password": str() as word}, **rest} if not rest:
            if ":" in user or _UNPRINTABLE.search(user + word):
                raise InvalidError("auth.basic holds a control character, or a colon in username")
            return "Basic " + base64.b64encode(f"{user}:{word}".encode()).decode()
        case _:
            raise InvalidError("auth must be {bearer: ...} or {basic: {username, password}}")


def _body(given: Mapping[str, Json]) -> tuple[bytes | None, str | None]:
    kinds = [kind for kind in ("json", "form", "text") if kind in given]
    if len(kinds) > 1:
        raise InvalidError(f"only one of {', '.join(kinds)} can be the body")
    body, media_type = _encoded(kinds[0], given[kinds[0]]) if kinds else (None, None)
    if body is not None and len(body) > MAX_BODY:
        raise InvalidError(f"the body is over {MAX_BODY} bytes")
    return body, media_type


def _encoded(kind: str, value: Json) -> tuple[bytes, str]:
    try:
        if kind == "json":
            return orjson.dumps(value), "application/json"
        if kind == "form":
            pairs = urlencode(_pairs("form", value))
            return pairs.encode(), "application/x-www-form-urlencoded"
        return _text("text", value).encode(), "text/plain; charset=utf-8"
    except (orjson.JSONEncodeError, UnicodeEncodeError):
        raise InvalidError(f"{kind} holds what cannot be written as UTF-8 or JSON") from None


def _pairs(area: str, fields: Json) -> list[tuple[str, str]]:
    if not isinstance(fields, Mapping):
        raise InvalidError(f"{area} must be a mapping")
    pairs = [(name, text) for name, value in fields.items() for text in _texts(area, value)]
    if any(_SURROGATE.search(each) for pair in pairs for each in pair):
        raise InvalidError(f"{area} holds half a character")
    return pairs


def _texts(area: str, value: Json) -> Iterable[str]:
    many = isinstance(value, Sequence) and not isinstance(value, str)
    for each in value if many else (value,):  # type: ignore[union-attr]
        if isinstance(each, bool):
            yield "true" if each else "false"
        elif isinstance(each, str | int | float):
            yield str(each)
        elif each is not None:
            raise InvalidError(f"{area} takes strings, numbers, booleans, and lists of them")


def _ok(given: Json) -> frozenset[int]:
    if isinstance(given, str) or not isinstance(given, Sequence) or not given:
        raise InvalidError("ok_status must be a list of statuses")
    return frozenset(status for each in given for status in _statuses(each))


_USUAL = frozenset(range(200, 300))


def _statuses(given: Json) -> Iterable[int]:
    if isinstance(given, int) and not isinstance(given, bool) and 100 <= given <= 599:
        return (given,)
    match = _RANGE.fullmatch(given) if isinstance(given, str) else None
    if match is None:
        raise InvalidError("ok_status takes 204, 2xx and 200-299")
    if match[1]:
        return range(int(match[1]) * 100, int(match[1]) * 100 + 100)
    return range(int(match[2]), int(match[3]) + 1)


def _default_redirects(method: str) -> int:
    return DEFAULT_REDIRECTS if method in {"GET", "HEAD"} else 0


def _text(name: str, value: Json) -> str:
    if not isinstance(value, str):
        raise InvalidError(f"{name} must be a string")
    return value


def _one_of(name: str, value: Json, known: Sequence[str]) -> str:
    if value not in known or not isinstance(value, str):
        raise InvalidError(f"{name} must be one of {', '.join(known)}")
    return value


def number(name: str, given: Mapping[str, Json], default: int, least: int, most: int) -> int:
    """Return an integer argument; raise InvalidError unless it is one within its bounds."""
    value = given.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidError(f"{name} must be an integer from {least} to {most}")
    return value
