"""What a forge's refusal is to its caller, by what can be done next."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from adapters.contract import Failed
from adapters.github.failures import is_limited, pause, phrase
from adapters.masking import mask_text
from engine.core.values import Json
from engine.errors import Denied, Invalid, NotFound, SarkError, Unavailable

# 5xx, and no answer at all: the caller decides how often; this is only the least.
_SOON = timedelta(seconds=5)
_LATER = timedelta(minutes=1)
_MOVED = frozenset({301, 302, 303, 307, 308})
_BUSY = frozenset({408, 425})
_LONGEST = 1000


class Limited(Unavailable):
    """The forge has heard enough for now."""


class Unauthorized(Denied):
    """The credential is not known, or not any more; one that can be made anew is."""


def of_call(forge: str, asked: str, failed: Failed) -> SarkError:
    """Return the error of a request that has no answer, or one of 3xx or 5xx.

    `asked` is its method and path.
    """
    status = failed.details.get("status")
    # The client's own advice is about settings of its own.
    told = failed.message.partition("; to open it")[0].replace("auth.bearer", "token")
    message = f"{forge}: {asked}: {told}"
    if status in _MOVED:
        return Denied(f"{message}: the repository has moved; write its new name")
    if failed.type == "http.invalid":
        return Invalid(message)
    if failed.type in ("http.blocked", "http.declined"):
        return Denied(message)
    return Unavailable(message, failed.retry_after or _SOON)


def of_status(
    forge: str, asked: str, status: int, headers: Mapping[str, Json], body: Json, token: str,
    now: datetime,
) -> SarkError:  # fmt: skip
    """Return the error that a status from 400 to 499 is, in the forge's words.

    `headers` have lower-case names. GitHub, GitLab and Gitea speak of limits in one of GitHub's
    ways: 429, or 403 that says so; `retry-after` or the second at which there may be more.
    """
    words = mask_text(_words(body), [token])[:_LONGEST]
    message = f"{forge} answered {status} {phrase(status)} to {asked}".rstrip()
    message = f"{message}: {words}" if words else message
    if is_limited(status, headers, words):
        return Limited(message, pause(_in_github_words(headers), now))
    if status == 401:
        return Unauthorized(message)
    if status == 403:
        return Denied(message)
    if status in (404, 410):
        return NotFound(message)
    if status in _BUSY:
        return Unavailable(message, _SOON)
    return Invalid(message)


def unreadable(forge: str, what: str) -> Unavailable:
    """Return the error of an answer that is not what the forge's documentation says."""
    return Unavailable(f"{forge}'s answer is not {what}: is `api` the URL of its REST API?", _LATER)


def _in_github_words(headers: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return headers with GitLab's names of a limit in GitHub's."""
    ours = {f"x-{name}": told for name, told in headers.items() if name.startswith("ratelimit-")}
    return {**ours, **headers}


def _words(body: Json) -> str:
    """Return what the forge says of it: `message` or `error`, and what there is of each field."""
    if not isinstance(body, Mapping):
        return ""
    told = [body.get("message"), body.get("error"), body.get("errors")]
    return "; ".join(text for each in told for text in _texts(each))


def _texts(told: Json) -> Sequence[str]:
    if isinstance(told, str):
        return [told]
    if isinstance(told, Mapping):
        own = told.get("message")
        if isinstance(own, str):
            return [own]
        if "code" in told:
            return [" ".join(str(told[key]) for key in ("field", "code") if key in told)]
        return [f"{key} {text}" for key, each in told.items() for text in _texts(each)]
    if isinstance(told, Sequence):
        return [text for each in told for text in _texts(each)]
    return []
