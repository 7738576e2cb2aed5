"""One comment that is made once and edited ever after, found again by a hidden first line."""

import re
from collections.abc import Mapping, Sequence

from adapters.contract import Json
from adapters.github.session import (
    RefusedError,
    Session,
    invalid,
    number_of,
    repo_of,
    unreadable,
)

# GitHub's own limit, in characters.
LONGEST = 65_536
_MARKER = re.compile(r"[A-Za-z0-9]+(?:[._/-][A-Za-z0-9]+)*")
_LONGEST_MARKER = 100
# Not there any more, or somebody else's: another comment may still be ours.
_NOT_OURS = frozenset({403, 404})


async def upsert(session: Session) -> Mapping[str, Json]:
    """Make the comment, or edit it where its text differs; return the operation's outputs."""
    given = session.given
    line, body = _texts(given)
    thread = f"/repos/{repo_of(given)}/issues"
    path = f"{thread}/{number_of(given)}/comments"
    for found in reversed(await _marked(session, path, line)):
        if _plain(found.get("body")) == body:
            return _outputs(found, changed=False)
        try:
            where = f"{thread}/comments/{_id(found)}"
            return _outputs((await session.ask("PATCH", where, {"body": body})).body, changed=True)
        except RefusedError as refused:
            if refused.status not in _NOT_OURS or not refused.is_final:
                raise
    return _outputs((await session.ask("POST", path, {"body": body})).body, changed=True)


async def _marked(session: Session, path: str, line: str) -> Sequence[Mapping[str, Json]]:
    """Return the comments that begin with the marker's line, oldest first.

    One that quotes it does not begin with it. `author` leaves out whom it does not name.
    """
    author = session.given.get("author")
    found: list[Mapping[str, Json]] = []
    async for page in session.pages(f"{path}?per_page=100"):
        if not isinstance(page, Sequence) or isinstance(page, str):
            raise unreadable("a list of comments")
        for each in page:
            if not isinstance(each, Mapping):
                raise unreadable("a list of comments")
            is_known = author is None or str(author).lower() == _login(each)
            if is_known and _plain(each.get("body")).partition("\n")[0] == line:
                found.append(each)
    return found


def _texts(given: Mapping[str, Json]) -> tuple[str, str]:
    """Return the hidden line and the whole text; raise RefusedError if GitHub would refuse it."""
    marker, text = given.get("marker"), given.get("body")
    if not isinstance(marker, str) or not _MARKER.fullmatch(marker[: _LONGEST_MARKER + 1]):
        raise invalid("marker must be words of letters and digits, joined by . _ / or -")
    if len(marker) > _LONGEST_MARKER:
        raise invalid(f"marker has {len(marker)} characters; at most {_LONGEST_MARKER} are taken")
    if not isinstance(text, str) or not text.strip():
        raise invalid("body must be a text, and not blank")
    line = f"<!-- sark:{marker} -->"
    body = _plain(f"{line}\n{text}")
    if len(body) > LONGEST:
        told = f"body has {len(body):,} characters, the marker's line included"
        raise invalid(f"{told}; GitHub takes {LONGEST:,}: shorten it, or link to the whole")
    return line, body


def _plain(body: Json) -> str:
    """Return a text as it is compared: one kind of line end, and no blanks after the last."""
    return body.replace("\r\n", "\n").rstrip() if isinstance(body, str) else ""


def _login(comment: Mapping[str, Json]) -> str:
    """Return who wrote a comment, in lower case; GitHub's names differ by more than case."""
    user = comment.get("user")
    return str(user.get("login", "")).lower() if isinstance(user, Mapping) else ""


def _id(comment: Mapping[str, Json]) -> int:
    number = comment.get("id")
    if isinstance(number, bool) or not isinstance(number, int):
        raise unreadable("a comment")
    return number


def _outputs(comment: Json, *, changed: bool) -> Mapping[str, Json]:
    if not isinstance(comment, Mapping) or not isinstance(comment.get("html_url"), str):
        raise unreadable("a comment")
    return {"id": _id(comment), "url": comment["html_url"], "changed": changed}
