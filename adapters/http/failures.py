"""Everything that goes wrong with a request, as the manifest names it."""

import email.utils
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import aiohttp
from aiohttp.http_exceptions import ContentEncodingError, HttpProcessingError

from adapters.contract import ErrorClass, Failed, Json
from adapters.egress.gate import BlockedError
from adapters.http.request import InvalidError, Request
from adapters.http.response import (
    Body,
    HeadersError,
    TooLargeError,
    UndecodableError,
    decode,
    is_json,
)
from adapters.masking import mask, mask_text
from adapters.values import parsed

_BUSY = frozenset({408, 425, 429, 503})
_PASSING = frozenset({"http.connect", "http.disconnected"})
_LONGEST_PAUSE = timedelta(days=1)
EXCERPT = 2000
_LARGEST_DETAIL = 16 * 1024
_PERMANENT, _TRANSIENT = ErrorClass.PERMANENT, ErrorClass.TRANSIENT


def from_status(
    request: Request, response: aiohttp.ClientResponse, body: Body, now: datetime
) -> Failed:
    """Return the failure that an unwanted status is, with what the far side said about it."""
    status = response.status
    message = f"{request.target} answered {status} {_phrase(status)}".rstrip()
    details: dict[str, Json] = {"status": status}
    said = _said(response, body, request.secrets())
    if said:
        details["body"] = said
    if status == 402:
        return Failed("http.declined", message, _PERMANENT, details=details)
    pause = retry_after(response.headers.get("Retry-After"), now)
    return Failed("http.status", message, _class_of(request, status), pause, details)


def from_exception(request: Request, error: Exception, sent: bool) -> Failed:
    """Return the failure that `error` is. `sent`: the far side may have acted on the request.

    Raise `error` again if it is not of the network's making.
    """
    kind, reason = _describe(request, error)
    base = _TRANSIENT if kind in _PASSING else _PERMANENT
    return Failed(kind, f"{request.target}: {reason}", _unless_done(request, sent, base))


def _describe(request: Request, error: Exception) -> tuple[str, str]:
    """Return the type of the failure and its reason; the order goes from special to general."""
    match error:
        case BlockedError():
            found = "http.blocked", str(error)
        case TooLargeError():
            found = "http.too_large", f"the answer is over max_bytes = {request.max_bytes}"
        case UndecodableError():
            found = "http.protocol", "the answer says that it is JSON, and is not"
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            found = "http.tls", _tls_reason(error)
        case aiohttp.ClientConnectorDNSError():
            found = "http.connect", "the name has no address now"
        case aiohttp.ClientConnectorError():
            found = "http.connect", error.os_error.strerror or "no connection"
        case aiohttp.ConnectionTimeoutError():
            found = "http.connect", "no connection in time"
        case aiohttp.ClientError() if isinstance(error.__cause__, ContentEncodingError):
            found = "http.protocol", "the answer is not compressed as it may be, or as it says"
        case HeadersError() | aiohttp.ClientResponseError() | HttpProcessingError():
            found = "http.protocol", "the answer is not HTTP, or its headers are past the limits"
        case aiohttp.InvalidURL():
            found = "http.blocked", "the URL is not acceptable"
        case aiohttp.ClientError() | OSError():
            found = "http.disconnected", "the connection broke before the answer was whole"
        case _:
            raise error
    return found


def unexpected(request: Request, reason: str) -> Failed:
    """Return the failure of a file that is not the one that was expected."""
    told = mask_text(reason, request.secrets())
    return Failed("http.unexpected", f"{request.target}: {told}", _PERMANENT)


def not_stored(request: Request, reason: str) -> Failed:
    """Return the failure of a file that cannot be written here."""
    message = f"{request.target}: the file cannot be written: {reason}"
    return Failed("http.storage", message, _TRANSIENT)


def timed_out(request: Request, timeout: timedelta, sent: bool) -> Failed:
    """Return the failure of an attempt whose time is over."""
    message = f"{request.target}: no whole answer within {timeout.total_seconds():g} s"
    return Failed("http.timeout", message, _unless_done(request, sent, _TRANSIENT))


def invalid(error: InvalidError) -> Failed:
    """Return the failure of arguments that make no request."""
    return Failed("http.invalid", str(error), _PERMANENT)


def redirect(request: Request, reason: str, status: int) -> Failed:
    """Return the failure of a redirect that is not followed."""
    message = f"{request.target} answered {status}: {reason}"
    error_class = _unless_done(request, True, _PERMANENT)
    return Failed("http.redirect", message, error_class, details={"status": status})


def retry_after(header: str | None, now: datetime) -> timedelta | None:
    """Return the pause that a Retry-After header asks for, seconds or a date, at most a day."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), _LONGEST_PAUSE)
    try:
        then = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    then = then if then.tzinfo is not None else then.replace(tzinfo=UTC)
    return min(max(then - now, timedelta(0)), _LONGEST_PAUSE)


def _class_of(request: Request, status: int) -> ErrorClass:
    if request.method != request.first:
        # A redirect of what was sent led here: that has been answered, and this has not.
        return _unless_done(request, True, _TRANSIENT if status >= 500 else _PERMANENT)
    if status in _BUSY:
        return _TRANSIENT
    return _unless_done(request, True, _TRANSIENT) if status >= 500 else _PERMANENT


def _unless_done(request: Request, sent: bool, otherwise: ErrorClass) -> ErrorClass:
    """Return unknown if something may have been done that must not be done twice."""
    return ErrorClass.UNKNOWN if sent and not request.idempotent else otherwise


def _said(response: aiohttp.ClientResponse, body: Body, secrets: Sequence[str]) -> Json:
    """Return the far side's own words: its JSON if that is small, otherwise how they begin.

    Secrets are covered before anything is cut: half of one would be found by nobody.
    """
    if body.whole and len(body.data) <= _LARGEST_DETAIL and is_json(response.content_type):
        with suppress(ValueError):
            return mask(parsed(body.data), secrets)
    text = mask_text(decode(body.data, response.charset) or "", secrets)
    return text if len(text) <= EXCERPT else f"{text[:EXCERPT]}…"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _tls_reason(error: aiohttp.ClientConnectorError) -> str:
    inner = getattr(error, "certificate_error", None) or getattr(error, "os_error", None)
    reason = getattr(inner, "verify_message", None) or getattr(inner, "reason", None)
    return f"TLS is not acceptable: {reason or 'handshake failed'}"
