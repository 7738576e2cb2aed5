"""Everything that goes wrong with GitHub, as the manifests name it.

Both operations may be repeated without harm, so an answer that was lost is transient here, where
the HTTP client must call it unknown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from adapters.contract import ErrorClass, Failed, Json
from adapters.masking import mask_text

_PASSING = frozenset({"status", "connect", "disconnected", "timeout"})
_BUSY = frozenset({408, 425})
_MOVED = frozenset({301, 302, 303, 307, 308})
_LONGEST_PAUSE = timedelta(days=1)
# What GitHub asks for where a secondary limit comes without a number.
_USUAL_PAUSE = timedelta(minutes=1)
_LONGEST = 1000


def from_http(failed: Failed) -> Failed:
    """Return the HTTP client's failure under a name of ours."""
    if failed.details.get("status") in _MOVED:
        message = f"{failed.message}: the repository has moved; write its new name"
        return replace(
            failed, type="github.redirect", message=message, error_class=ErrorClass.PERMANENT
        )
    kind = failed.type.removeprefix("http.")
    error_class = failed.error_class
    if error_class is ErrorClass.UNKNOWN:
        error_class = ErrorClass.TRANSIENT if kind in _PASSING else ErrorClass.PERMANENT
    # Its advice is about its own settings; the only host that is open here is that of api_url.
    message = failed.message.partition("; to open it")[0].replace("auth.bearer", "auth")
    return replace(failed, type=f"github.{kind}", message=message, error_class=error_class)


def from_status(
    asked: str, status: int, headers: Mapping[str, Json], body: Json, token: str, now: datetime
) -> Failed:
    """Return the failure that a status from 400 to 499 is, in GitHub's words.

    `headers` have lower-case names.
    """
    words = mask_text(_words(body), [token])[:_LONGEST]
    message = f"GitHub answered {status} {phrase(status)} to {asked}".rstrip()
    message = f"{message}: {words}" if words else message
    details: dict[str, Json] = {"status": status}
    if is_limited(status, headers, words):
        wait = pause(headers, now)
        return Failed("github.rate_limit", message, ErrorClass.TRANSIENT, wait, details)
    if status in _BUSY:
        return Failed("github.status", message, ErrorClass.TRANSIENT, details=details)
    return Failed("github.status", message, ErrorClass.PERMANENT, details=details)


def is_limited(status: int, headers: Mapping[str, Json], words: str) -> bool:
    """True for a primary or secondary rate limit; GitHub answers 403 or 429 to either."""
    if status == 429:
        return True
    told = "retry-after" in headers or headers.get("x-ratelimit-remaining") == "0"
    return status == 403 and (told or "rate limit" in words.lower())


def pause(headers: Mapping[str, Json], now: datetime) -> timedelta:
    """Return how long GitHub wants to be left alone, at most a day.

    Source: "Rate limits for the REST API", docs.github.com: `retry-after` first, then
    `x-ratelimit-reset` if nothing remains, otherwise a minute.
    """
    # Late: the client library comes with it, and a manifest needs none.
    from adapters.http.failures import retry_after

    asked = retry_after(str(headers.get("retry-after", "")), now)
    if asked is not None:
        return asked
    reset = str(headers.get("x-ratelimit-reset", ""))
    if headers.get("x-ratelimit-remaining") == "0" and reset.isascii() and reset.isdigit():
        then = datetime.fromtimestamp(min(int(reset[:12]), 2**32), UTC)
        return min(max(then - now, timedelta(0)), _LONGEST_PAUSE)
    return _USUAL_PAUSE


def _words(body: Json) -> str:
    """Return GitHub's message, and what it says of each field."""
    if not isinstance(body, Mapping):
        return ""
    message, errors = body.get("message"), body.get("errors")
    found = [message] if isinstance(message, str) else []
    if isinstance(errors, Sequence) and not isinstance(errors, str):
        found += filter(None, map(_reason, errors))
    return "; ".join(found)


def _reason(error: Json) -> str:
    if isinstance(error, Mapping):
        own = error.get("message")
        parts = [own] if own else [error.get("field"), error.get("code")]
        return " ".join(each for each in parts if isinstance(each, str))
    return error if isinstance(error, str) else ""


def phrase(status: int) -> str:
    """Return what a status is called, empty for one that has no name."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
