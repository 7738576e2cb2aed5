"""Bodies are read to a limit, and parsed only after whoever sent them is known."""

from collections.abc import Mapping

import orjson
from starlette.requests import Request

from engine.core.values import Json
from engine.errors import Invalid, SarkError

_TYPES = ("application/json", "application/cloudevents+json")


class TooLarge(SarkError):
    """The body is larger than the server takes."""

    code = "sark.too_large"


class WrongType(SarkError):
    """The body is of a type that this route does not take."""

    code = "sark.media_type"


async def read(request: Request, limit: int) -> bytes:
    """Return the raw body; raise TooLarge before more than `limit` bytes are held."""
    declared = request.headers.get("content-length", "0")
    if not declared.isdigit() or int(declared) > limit:
        raise TooLarge(f"the body may have at most {limit} bytes")
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > limit:
            raise TooLarge(f"the body may have at most {limit} bytes")
    return bytes(data)


def check_type(request: Request) -> None:
    """Raise WrongType unless the body is declared, once, as JSON."""
    told = request.headers.getlist("content-type")
    if len(told) != 1 or told[0].partition(";")[0].strip().lower() not in _TYPES:
        raise WrongType("send the body as application/json")


def parse(data: bytes) -> Json:
    """Return a body's JSON; raise Invalid where it is none."""
    try:
        parsed: Json = orjson.loads(data)
    except ValueError as error:
        raise Invalid(f"the body is not JSON: {error}") from None
    return parsed


async def members(request: Request, limit: int, known: frozenset[str]) -> Mapping[str, Json]:
    """Return a JSON object with no other member than `known`; an empty body is an empty one."""
    data = await read(request, limit)
    if not data:
        return {}
    check_type(request)
    told = parse(data)
    if not isinstance(told, Mapping):
        raise Invalid("the body must be a JSON object")
    unknown = [(f"/{name}", "unknown member") for name in told if name not in known]
    if unknown:
        raise Invalid(f"the body may have {', '.join(sorted(known))}", tuple(unknown))
    return told
