"""Every error as a problem (RFC 9457): a code, a sentence, the faults; never a trace."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from math import ceil
from typing import Any

import orjson
import psycopg
from psycopg_pool import PoolTimeout
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from engine.errors import Conflict, Denied, Invalid, NotFound, SarkError, Unavailable
from webhooks.doors import doors
from webhooks.problems import PROBLEMS

_LOG = logging.getLogger("sark.http")
_KINDS = (Denied, NotFound, Conflict, Invalid, Unavailable)
_ROUTER = {
    404: ("http.not_found", "there is nothing at this address"),
    405: ("http.method_not_allowed", "this address does not take this method"),
}


class Refusal(Exception):
    """A request that is not taken; `code` says why, and so which status it has."""

    def __init__(self, code: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})


class Data(Response):
    """A JSON answer."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content)


class Problem(Data):
    """An error as JSON."""

    media_type = "application/problem+json"


def answer(
    request: Request, code: str, detail: str,
    problems: Sequence[tuple[str, str]] = (), headers: Mapping[str, str] | None = None,
) -> Problem:  # fmt: skip
    """Return a problem. Its type is a name, not an address: `code` is listed in the reference."""
    status = PROBLEMS[code].status
    told: dict[str, object] = {
        "type": f"urn:sark:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": request.scope["path"],
        "code": code,
        "request_id": request.scope.get("request_id", ""),
    }
    if problems:
        told["errors"] = [{"pointer": pointer, "message": words} for pointer, words in problems]
    return Problem(told, status, dict(headers or {}))


async def on_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return answer(request, error.code, error.detail, headers=error.headers)


async def on_sark_error(request: Request, error: Exception) -> Response:
    """Answer what the world around us is to blame for."""
    assert isinstance(error, SarkError)
    if not isinstance(error, _KINDS):
        return await on_defect(request, error)
    problems = error.problems if isinstance(error, Invalid) else ()
    headers = {}
    if isinstance(error, Unavailable):
        headers["Retry-After"] = str(max(1, ceil(error.after.total_seconds())))
    return answer(request, error.code, str(error), problems, headers)


async def on_http(request: Request, error: Exception) -> Response:
    """Answer what the router refuses."""
    assert isinstance(error, HTTPException)
    code, detail = _ROUTER[error.status_code]
    return answer(request, code, detail, headers=error.headers)


async def on_database(request: Request, error: Exception) -> Response:
    """Say that PostgreSQL is away, which a retry may mend, or that it cannot hold what was sent.

    Anything else is a defect of ours.
    """
    if isinstance(error, psycopg.errors.ProgramLimitExceeded):
        words = (str(error).splitlines() or [""])[0]
        return await on_sark_error(request, Invalid(f"PostgreSQL cannot hold it: {words}"))
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | PoolTimeout):
        _LOG.warning("PostgreSQL does not answer: %s", (str(error).splitlines() or [""])[0])
        told = await on_sark_error(request, Unavailable("PostgreSQL does not answer"))
        # What ended one connection may have ended all: the next request is to find a good one.
        told.background = BackgroundTask(doors(request).pool.check)
        return told
    _LOG.error("PostgreSQL refused a statement", exc_info=error)
    return await on_defect(request, error)


async def on_defect(request: Request, _: Exception) -> Response:
    """Say nothing of what is wrong with us; the log has it whole."""
    detail = "the server has made a mistake; its log says which, under this request's id"
    return answer(request, "sark.defect", detail)


HANDLERS: dict[Any, Any] = {
    Refusal: on_refusal,
    SarkError: on_sark_error,
    HTTPException: on_http,
    psycopg.Error: on_database,
    PoolTimeout: on_database,
    Exception: on_defect,
}
