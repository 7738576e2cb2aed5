"""One attempt's talk with GitHub: requests that share its token and its time."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

from adapters.contract import Call, ErrorClass, Failed, Json
from adapters.github import failures

if TYPE_CHECKING:
    from adapters.http.client import Client

MOST_PAGES = 30
_LARGEST_ANSWER = 16 * 1024 * 1024
_HEADERS: Mapping[str, Json] = {
    "Accept": "application/vnd.github+json",
    "X-GitHub-Api-Version": "2022-11-28",
}
_LINK = re.compile(r'<([^<>]+)>[^<]*?\brel="?next\b')


class RefusedError(Exception):
    """GitHub has not done what it was asked; `status` is 0 where it did not even answer."""

    def __init__(self, failed: Failed, status: int = 0) -> None:
        super().__init__(failed.message)
        self.failed = failed
        self.status = status

    @property
    def is_final(self) -> bool:
        """True if asking again would lead to the same."""
        return self.failed.error_class is ErrorClass.PERMANENT


@dataclass(frozen=True, slots=True)
class Answer:
    """What GitHub said; `next` is the URL of the page after this one, empty if it is the last."""

    body: Json
    next: str


class Session:
    """The way to GitHub for one call; each request has what is left of the call's time."""

    def __init__(self, client: "Client", url: str, call: Call) -> None:
        self._client = client
        self._url = url
        self._call = call
        self._until = asyncio.get_running_loop().time() + call.timeout.total_seconds()

    @property
    def given(self) -> Mapping[str, Json]:
        """Return the call's arguments."""
        return self._call.arguments

    async def ask(self, method: str, path: str, body: Mapping[str, Json] | None = None) -> Answer:
        """Return GitHub's answer to a request; raise RefusedError for any but a success.

        `path` comes after the API's URL, or is a whole URL that GitHub itself has given.
        """
        token = str(self.given["auth"])
        outcome = await self._client.request(self._request(method, path, body, token))
        if isinstance(outcome, Failed):
            raise RefusedError(failures.from_http(outcome))
        told, headers = outcome.outputs, outcome.outputs["headers"]
        assert isinstance(headers, Mapping)
        code = int(str(told["status"]))
        if code >= 400:
            asked = f"{method} {path}"
            now = datetime.now(UTC)
            failed = failures.from_status(asked, code, headers, told["body"], token, now)
            raise RefusedError(failed, code)
        link = _LINK.search(str(headers.get("link", "")))
        return Answer(told["body"], link[1] if link else "")

    async def pages(self, path: str) -> AsyncIterator[Json]:
        """Give every page of a list, first to last; raise RefusedError past `MOST_PAGES`."""
        for _ in range(MOST_PAGES):
            answer = await self.ask("GET", path)
            yield answer.body
            if not answer.next:
                return
            path = answer.next
        message = f"the list has more than {MOST_PAGES} pages, which is more than is read"
        raise RefusedError(Failed("github.too_large", message, ErrorClass.PERMANENT))

    def _request(self, method: str, path: str, body: Mapping[str, Json] | None, token: str) -> Call:
        """Return the call of the HTTP client that a request is."""
        left = self._until - asyncio.get_running_loop().time()
        arguments: dict[str, Json] = {
            "method": method,
            "url": path if path.startswith(("https://", "http://")) else f"{self._url}{path}",
            "auth": {"bearer": token},
            "headers": _HEADERS,
            # Failures that GitHub explains come back as answers: their headers count too.
            "ok_status": ["2xx", "4xx"],
            "max_bytes": _LARGEST_ANSWER,
        }
        if body is not None:
            arguments["json"] = body
        return replace(self._call, arguments=arguments, timeout=timedelta(seconds=max(left, 0)))


Work: TypeAlias = Callable[[Session], Awaitable[Mapping[str, Json]]]


def unreadable(what: str) -> RefusedError:
    """Return the error of an answer that is not what GitHub's documentation says."""
    message = f"GitHub's answer is not {what}: is api_url the URL of its REST API?"
    return RefusedError(Failed("github.protocol", message, ErrorClass.PERMANENT))


def invalid(message: str) -> RefusedError:
    """Return the error of arguments that cannot be used; nothing was sent."""
    return RefusedError(Failed("github.invalid", message, ErrorClass.PERMANENT))


_REPO = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}")


def repo_of(given: Mapping[str, Json]) -> str:
    """Return the repository that the arguments name; raise RefusedError if it can be none."""
    repo = given.get("repo")
    if not isinstance(repo, str) or not _REPO.fullmatch(repo):
        raise invalid("repo must be owner/name, as in acme/web")
    return repo


def number_of(given: Mapping[str, Json]) -> int:
    """Return the number that the arguments name; raise RefusedError if it can be none."""
    number = given.get("number")
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise invalid("number must be that of an issue or pull request, 1 or more")
    return number
