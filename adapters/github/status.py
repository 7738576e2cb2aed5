"""The state of a commit in one context, as pull requests show it."""

import re
from collections.abc import Mapping

from adapters.contract import Json
from adapters.github.session import Session, invalid, repo_of, unreadable

STATES = ("pending", "success", "failure", "error")
# GitHub's own limit, in characters.
LONGEST_TEXT = 140
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


async def report(session: Session) -> Mapping[str, Json]:
    """Set the state; return the operation's outputs."""
    given = session.given
    sha = given.get("sha")
    if not isinstance(sha, str) or not _SHA.fullmatch(sha):
        raise invalid("sha must be a commit's whole hash, 40 or 64 hexadecimal digits")
    path = f"/repos/{repo_of(given)}/statuses/{sha}"
    body = (await session.ask("POST", path, _body(given))).body
    number = body.get("id") if isinstance(body, Mapping) else None
    if not isinstance(body, Mapping) or not isinstance(number, int):
        raise unreadable("a status")
    return {"id": number, "url": str(body.get("url", "")), "state": str(body.get("state", ""))}


def _body(given: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return what GitHub is sent; raise RefusedError if it would refuse it."""
    state, context = given.get("state"), given.get("context")
    if state not in STATES:
        raise invalid(f"state must be one of {', '.join(STATES)}")
    if not isinstance(context, str) or not context.strip():
        raise invalid("context must be a name, as in ci/tests")
    body: dict[str, Json] = {"state": state, "context": context}
    if "text" in given:
        body["description"] = _cut(str(given["text"]))
    if "url" in given:
        body["target_url"] = given["url"]
    return body


def _cut(text: str) -> str:
    """Return a text that fits: of a long one, the beginning."""
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"
