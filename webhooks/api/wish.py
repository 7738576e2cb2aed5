"""What an optional body wishes of a run, and why; with the same faults wherever there is one."""

from collections.abc import Mapping

from starlette.requests import Request

from engine.core.values import Json
from engine.core.wording import suggestion
from engine.errors import Invalid
from webhooks import body

_LONGEST_REASON = 500


async def read(request: Request, what: str, keys: tuple[str, ...]) -> Mapping[str, Json]:
    """Return what the body of a `what` says, nothing if there is none.

    Raise Invalid for what is no object and for each key that is none of `keys`.
    """
    if not _has_body(request):
        return {}
    told = body.parse(await body.read(request, body.API_LIMIT))
    if not isinstance(told, Mapping):
        raise Invalid(f"this is no {what}", (("", "expected an object"),))
    if unknown := [key for key in told if key not in keys]:
        known = f"known: {', '.join(keys)}"
        faults = tuple((f"/{key}", suggestion(key, keys) or known) for key in unknown)
        raise Invalid(f"this is no {what}", faults)
    return told


def reason(told: Mapping[str, Json]) -> str:
    """Return why, as far as it is kept; raise Invalid if that is no text."""
    why = told.get("reason", "")
    if not isinstance(why, str):
        raise Invalid("this is no reason", (("/reason", "expected a text"),))
    return why[:_LONGEST_REASON].replace("\0", "\ufffd")


def _has_body(request: Request) -> bool:
    """True if a body is announced: one that comes in pieces says no length."""
    return (
        request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
    )
