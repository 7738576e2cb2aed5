"""The body of a request: bounded in size and time, and the JSON that it must be."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import orjson
from starlette.requests import ClientDisconnect, Request

from engine.core.values import Json
from webhooks.doors import doors
from webhooks.problem import Refusal

API_LIMIT = 1 << 20
_DEEPEST = 200  # orjson reads 1,024 and writes 254, some of which a run puts around a body
_LENGTH = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Kind:
    """What a body may be declared as."""

    name: str
    pattern: re.Pattern[str]


JSON = Kind(
    "application/json",
    re.compile(r"application/(json|[a-z0-9.-]+\+json)(\s*;\s*charset=\"?utf-8\"?)?", re.IGNORECASE),
)
FORM = Kind(
    "application/x-www-form-urlencoded",
    re.compile(r"application/x-www-form-urlencoded(\s*;.*)?", re.IGNORECASE),
)


async def read(request: Request, limit: int, kind: Kind = JSON) -> bytes:
    """Return the raw body; refuse what is larger than `limit`, too slow, or of another kind.

    The headers are believed only where they refuse: the bytes are counted as they come.
    """
    length = request.headers.get("content-length")
    if length is not None and (not _LENGTH.fullmatch(length) or int(length) > limit):
        raise _too_large(limit)
    kinds = request.headers.getlist("content-type")
    if len(kinds) != 1 or not kind.pattern.fullmatch(kinds[0].strip()):
        raise Refusal("http.content_type", f"send Content-Type: {kind.name}")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refusal("http.content_encoding", "send the body as it is, without compression")
    patience = doors(request).bodies
    try:
        async with patience.bound():
            return await _stream(request, limit)
    except TimeoutError:
        detail = f"the body took longer than {patience.seconds:g} s"
        raise Refusal("http.slow_body", detail, {"Connection": "close"}) from None
    except ClientDisconnect:
        raise Refusal("http.cut_off", "the body ended too early") from None


def parse(body: bytes) -> Json:
    """Return the JSON of a body; refuse what is none, by one engine's strict reading."""
    try:
        told: Json = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        detail = f"the body is not JSON: line {error.lineno}, column {error.colno}"
        raise Refusal("http.not_json", detail) from None
    if body.count(b"[") + body.count(b"{") > _DEEPEST and _is_deep(told):
        raise Refusal("http.too_deep", f"the body is nested more than {_DEEPEST} deep")
    return told


async def _stream(request: Request, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
    return b"".join(chunks)


def _is_deep(told: Json) -> bool:
    """Return whether lists and objects are nested deeper than orjson writes them again."""
    level: list[Json] = [told]
    for _ in range(_DEEPEST + 1):
        level = [below for each in level for below in _below(each)]
    return bool(level)


def _below(told: Json) -> Iterable[Json]:
    if isinstance(told, Mapping):
        return told.values()
    return told if isinstance(told, list) else ()


def _too_large(limit: int) -> Refusal:
    return Refusal("http.too_large", f"a body has at most {limit} bytes here")
