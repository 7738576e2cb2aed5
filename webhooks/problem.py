"""Every error as a problem (RFC 9457): a code, a sentence, the faults; never a trace."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from math import ceil
from typing import Any

import orjson
import psycopg
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from engine.errors import Conflict, Denied, Invalid, NotFound, Unavailable
from engine.store.pool import is_lost, is_passing
from webhooks.doors import doors
from webhooks.problems import PROBLEMS

_LOG = logging.getLogger("sark.http")


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


async def told(request: Request, error: Exception) -> Response:
    """Return the answer to whatever a handler has raised."""
    match error:
        case Refusal():
            return answer(request, error.code, error.detail, headers=error.headers)
        case Invalid():
            return answer(request, error.code, str(error), error.problems)
        case Unavailable():
            after = {"Retry-After": str(max(1, ceil(error.after.total_seconds())))}
            return answer(request, error.code, str(error), headers=after)
        case Denied() | NotFound() | Conflict():
            return answer(request, error.code, str(error))
        case psycopg.Error():
            return await _on_database(request, error)
        case _:
            return _on_defect(request, error)


async def _on_database(request: Request, error: Exception) -> Response:
    """Say that PostgreSQL is away, which a retry may mend, or that it cannot hold what was sent.

    Anything else is a defect of ours.
    """
    words = (str(error).splitlines() or [""])[0]
    if isinstance(error, psycopg.errors.ProgramLimitExceeded):
        return await told(request, Invalid(f"PostgreSQL cannot hold it: {words}"))
    if is_lost(error) or is_passing(error):
        _LOG.warning("PostgreSQL does not answer: %s", words)
        away = await told(request, Unavailable("PostgreSQL does not answer"))
        # What ended one connection may have ended all: the next request is to find a good one.
        away.background = BackgroundTask(doors(request).pool.check)
        return away
    return _on_defect(request, error)


def _on_defect(request: Request, error: Exception) -> Response:
    """Say nothing of what is wrong with us; the log has it whole."""
    _LOG.error("request %s failed", request.scope["request_id"], exc_info=error)
    detail = "the server has made a mistake; its log says which, under this request's id"
    return answer(request, "sark.defect", detail)
