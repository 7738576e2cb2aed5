"""An answer into outputs: read up to a limit, decoded as what it says it is."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import ClientResponse
from multidict import CIMultiDictProxy

from adapters.contract import Json
from adapters.values import parsed

LARGEST_HEADERS = 64 * 1024
_HIDDEN = frozenset({"set-cookie", "set-cookie2"})
_CHARSETS = frozenset({"utf-8", "us-ascii", "ascii", "iso-8859-1", "latin1", "windows-1252"})


class TooLargeError(Exception):
    """There is more of the answer than was allowed."""


class HeadersError(Exception):
    """The headers of the answer are more than anybody needs."""


class UndecodableError(Exception):
    """The answer is not what its Content-Type says."""


@dataclass(frozen=True, slots=True)
class Body:
    """The first bytes of an answer, and whether there were more."""

    data: bytes
    whole: bool


def check_headers(response: ClientResponse) -> None:
    """Raise HeadersError if the headers together are past `LARGEST_HEADERS`."""
    if sum(len(name) + len(value) for name, value in response.raw_headers) > LARGEST_HEADERS:
        raise HeadersError


async def read(response: ClientResponse, limit: int) -> Body:
    """Return the body after decompression, at most `limit` bytes of it.

    Decompression is done a chunk at a time, and no further than that: a bomb costs `limit`.
    """
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > limit:
            chunks.append(chunk[: len(chunk) - (size - limit)])
            return Body(b"".join(chunks), whole=False)
        chunks.append(chunk)
    return Body(b"".join(chunks), whole=True)


async def read_whole(response: ClientResponse, limit: int) -> bytes:
    """Return the body; raise TooLargeError if there is more of it than `limit` bytes."""
    body = await read(response, limit)
    if not body.whole:
        raise TooLargeError
    return body.data


def outputs(response: ClientResponse, data: bytes) -> Mapping[str, Json]:
    """Return the operation's outputs; raise UndecodableError for JSON that is none."""
    given: dict[str, Json] = {"status": response.status, "headers": headers(response.headers)}
    if is_json(response.content_type):
        return {**given, "body": _json(data)}
    text = decode(data, response.charset)
    if text is None:
        encoded = base64.b64encode(data).decode()
        return {**given, "body": None, "body_base64": encoded}
    return {**given, "body": text}


def headers(received: CIMultiDictProxy[str]) -> Mapping[str, Json]:
    """Return headers by lower-case name. Cookies stay out: they are somebody's credentials."""
    found: dict[str, Json] = {}
    for name, value in received.items():
        lower = name.lower()
        if lower not in _HIDDEN:
            text = clean(value)
            found[lower] = f"{found[lower]}, {text}" if lower in found else text
    return found


def clean(value: str) -> str:
    """Return a header's value as text that every store of texts takes."""
    return value.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")


def is_json(media_type: str) -> bool:
    """True for application/json and everything whose name ends in +json."""
    return media_type == "application/json" or media_type.endswith("+json")


def decode(data: bytes, charset: str | None) -> str | None:
    """Return `data` as text, or None if it is not: unknown charset, wrong bytes, or NUL in it."""
    name = (charset or "utf-8").lower()
    if name not in _CHARSETS or b"\x00" in data:
        return None
    try:
        return data.decode(name)
    except UnicodeDecodeError:
        return None


def _json(data: bytes) -> Json:
    if not data.strip():
        return None
    try:
        return parsed(data)
    except ValueError:
        raise UndecodableError from None
