"""Every error as RFC 9457 words it: a code, a sentence, the faults; never a stack or a secret."""

import logging
from uuid import uuid4

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from engine.errors import Conflict, Denied, Invalid, NotFound, SarkError, Unavailable
from webhooks.body import TooLarge, WrongType
from webhooks.edge import Unauthenticated

_LOG = logging.getLogger("sark.edge")
_TITLES = {
    400: "The request is malformed",
    401: "Not authenticated",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "In conflict",
    413: "Too large",
    415: "Unsupported media type",
    422: "Not acceptable as it is",
    500: "Our fault",
    503: "Unavailable",
}


async def of_ours(request: Request, error: Exception) -> Response:
    """Answer an error of ours by what its sender does next."""
    assert isinstance(error, SarkError)
    headers = {}
    if isinstance(error, Unavailable):
        headers["Retry-After"] = str(max(1, round(error.after.total_seconds())))
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    problems = error.problems if isinstance(error, Invalid) else ()
    return problem(request, _status(error), str(error), error.code, problems, headers)


async def of_http(request: Request, error: Exception) -> Response:
    """Answer what the router says: no such path, not this method."""
    assert isinstance(error, HTTPException)
    detail = f"{request.method} {request.url.path[:200]}"
    return problem(
        request,
        error.status_code,
        detail,
        f"http.{error.status_code}",
        (),
        dict(error.headers or {}),
    )


async def of_defect(request: Request, error: Exception) -> Response:
    """Answer a defect of ours: the log has it whole, the sender a number to name."""
    answer = problem(
        request, 500, "an error of ours; the log has it under this request_id", "sark.defect"
    )
    _LOG.error("request %s failed", answer.headers["x-request-id"], exc_info=error)
    return answer


def problem(
    request: Request, status: int, detail: str, code: str,
    problems: tuple[tuple[str, str], ...] = (), headers: dict[str, str] | None = None,
) -> Response:  # fmt: skip
    """Return a problem as a response."""
    identity = request.headers.get("x-request-id", "")
    if not (0 < len(identity) <= 64 and identity.isascii() and identity.isprintable()):
        identity = str(uuid4())
    told = {
        "type": f"https://sark-engine.dev/errors/{code}",
        "title": _TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": identity,
        "errors": [{"pointer": str(pointer), "message": words} for pointer, words in problems],
    }
    return Response(
        orjson.dumps(told), status, {**(headers or {}), "X-Request-Id": identity},
        "application/problem+json",
    )  # fmt: skip


def _status(error: SarkError) -> int:
    match error:
        case Unauthenticated():
            return 401
        case Denied():
            return 403
        case NotFound():
            return 404
        case Conflict():
            return 409
        case TooLarge():
            return 413
        case WrongType():
            return 415
        case Invalid():
            return 422
        case Unavailable():
            return 503
        case _:
            return 500
