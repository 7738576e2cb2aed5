"""A small GitHub: comments, statuses and files, answered as its REST documentation shows them.

Source: docs.github.com/rest, "Issue comments", "Commit statuses", "Pull requests", "Rate limits
for the REST API" and "Using pagination", version 2022-11-28.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from tests.adapters.servers import Seen, answer, json_answer

ME, TOKEN = "sark-acme[bot]", "ghs_token-of-the-app"
_DOCS = "https://docs.github.com/rest"
_COMMENTS = re.compile(r"/repos/acme/web/issues/(\d+)/comments")
_COMMENT = re.compile(r"/repos/acme/web/issues/comments/(\d+)")
_FILES = re.compile(r"/repos/acme/web/pulls/(\d+)/files")
_STATUS = re.compile(r"/repos/acme/web/statuses/([0-9a-f]{40})")


@dataclass(slots=True)
class GitHub:
    """What GitHub keeps of one repository, `acme/web`.

    `files` are those of every pull request, `locked` authors whose comments we may not edit.
    `next` are answers that the coming requests get in place of the true ones; an empty one is
    done, and its reply lost.
    """

    comments: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)
    locked: set[str] = field(default_factory=set)
    next: list[bytes | None] = field(default_factory=list)
    url: str = ""

    def add(self, body: str, login: str = ME, issue: int = 7) -> dict[str, Any]:
        """Keep a comment as if `login` had written it."""
        number = len(self.comments) + 1
        kind = "Bot" if login.endswith("[bot]") else "User"
        found = {
            "id": number,
            "node_id": f"IC_{number}",
            "url": f"https://api.github.com/repos/acme/web/issues/comments/{number}",
            "html_url": f"https://github.com/acme/web/pull/{issue}#issuecomment-{number}",
            "issue_url": f"https://api.github.com/repos/acme/web/issues/{issue}",
            "body": body,
            "user": {"login": login, "id": 1, "type": kind, "site_admin": False},
            "created_at": "2026-11-28T12:00:00Z",
            "updated_at": "2026-11-28T12:00:00Z",
            "author_association": "NONE",
        }
        self.comments.append(found)
        return found

    def texts(self, issue: int = 7) -> list[str]:
        """Return the text of every comment of an issue, oldest first."""
        end = f"/issues/{issue}"
        return [each["body"] for each in self.comments if each["issue_url"].endswith(end)]

    def __call__(self, seen: Seen) -> bytes:
        """Answer a request."""
        planned = self.next.pop(0) if self.next else None
        if planned:
            return planned
        given = self._answer(seen)
        return given if planned is None else b""

    def _answer(self, seen: Seen) -> bytes:
        if seen.headers.get("authorization") != f"Bearer {TOKEN}":
            return refusal(401, "Bad credentials")
        parts = urlsplit(seen.target)
        body = orjson.loads(seen.body) if seen.body else {}
        if match := _COMMENTS.fullmatch(parts.path):
            if seen.method == "POST":
                return self._created(int(match[1]), body)
            return self._listed(int(match[1]), parse_qs(parts.query))
        if (match := _COMMENT.fullmatch(parts.path)) and seen.method == "PATCH":
            return self._edited(int(match[1]), body)
        if match := _FILES.fullmatch(parts.path):
            where = f"/pulls/{match[1]}/files"
            return self._paged(self.files, where, parse_qs(parts.query))
        if (match := _STATUS.fullmatch(parts.path)) and seen.method == "POST":
            return self._reported(match[1], body)
        return refusal(404, "Not Found")

    def _listed(self, issue: int, query: Mapping[str, list[str]]) -> bytes:
        end = f"/issues/{issue}"
        found = [each for each in self.comments if each["issue_url"].endswith(end)]
        return self._paged(found, f"{end}/comments", query)

    def _paged(
        self, found: list[dict[str, Any]], path: str, query: Mapping[str, list[str]]
    ) -> bytes:
        size, page = int(query["per_page"][0]), int(query.get("page", ["1"])[0])
        last = max(1, -(-len(found) // size))
        where = f"{self.url}/repos/acme/web{path}"
        to = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
        links = [
            f'<{where}?per_page={size}&page={number}>; rel="{word}"'
            for word, number in to.items()
            if not (word in ("next", "last") and page == last) and number >= 1
        ]
        text = orjson.dumps(found[(page - 1) * size : page * size])
        return json_answer(text, 200, *([f"Link: {', '.join(links)}"] if links else []))

    def _created(self, issue: int, body: Mapping[str, Any]) -> bytes:
        if issue == 404:
            return refusal(404, "Not Found")
        if len(body["body"]) > 65_536:
            return _invalid("IssueComment", "Body is too long (maximum is 65536 characters)")
        return json_answer(orjson.dumps(self.add(body["body"], issue=issue)), 201)

    def _edited(self, number: int, body: Mapping[str, Any]) -> bytes:
        (found,) = (each for each in self.comments if each["id"] == number)
        if found["user"]["login"] in self.locked:
            return refusal(403, "Resource not accessible by integration")
        found["body"] = body["body"]
        return json_answer(orjson.dumps(found))

    def _reported(self, sha: str, body: Mapping[str, Any]) -> bytes:
        if sha == "0" * 40:
            return _invalid("Status", f"No commit found for SHA: {sha}")
        found = {
            "url": f"https://api.github.com/repos/acme/web/statuses/{sha}",
            "id": len(self.statuses) + 1,
            "state": body["state"],
            "description": body.get("description"),
            "target_url": body.get("target_url"),
            "context": body["context"],
            "creator": {"login": ME, "type": "Bot"},
        }
        self.statuses.append(found)
        return json_answer(orjson.dumps(found), 201)


def refusal(status: int, message: str, *headers: str) -> bytes:
    """Return what GitHub says when it will not."""
    told = {"message": message, "documentation_url": _DOCS, "status": str(status)}
    return json_answer(orjson.dumps(told), status, *headers)


def bad_gateway() -> bytes:
    """Return what stands in front of GitHub when GitHub itself does not answer."""
    return answer(502, b"<html>Unicorn!</html>", ("Content-Type: text/html",))


def _invalid(resource: str, message: str) -> bytes:
    error = {"resource": resource, "code": "custom", "field": "body", "message": message}
    told = {"message": "Validation Failed", "errors": [error], "documentation_url": _DOCS}
    return json_answer(orjson.dumps(told), 422)
