"""What a delivery of GitHub's wants: a review looked at again, a check run again, a command heard.

The payload is signed, and yet it only says where to look: what is there is asked of GitHub anew.
"""

import re
from collections.abc import Mapping
from typing import TypeAlias

from engine.core.frozen import frozen
from engine.core.values import Json

PULL, GROUP = "github.pull_request", "github.merge_group"
CHECK, COMMENT = "github.check_run", "github.issue_comment"
_PULL_ACTIONS = frozenset({
    "opened", "synchronize", "reopened", "ready_for_review", "converted_to_draft", "closed",
})  # fmt: skip
_QUEUE = "refs/heads/gh-readonly-queue/"
_HEADS_OF = {"gitlab": "merge-requests"}
_HEADS = "refs/heads/"
_SHA = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,98})(\[bot\])?")
_COMMAND = "/sark"
_MOST_BODY = 1000
_MOST_NUMBER, _MOST_ID = 1 << 31, 1 << 63
_REF = re.compile(r"[\w./+@#=,-]{1,250}")


@frozen
class Look:
    """Look at a pull request, or at a merge group, whose `number` is 0.

    `base` is the full ref that it goes into, "" where that is not told. Of a group, `head` and
    `before` are the commits; it `is_over` once the queue has let go of it.
    """

    ref: str
    number: int
    base: str = ""
    head: str = ""
    before: str = ""
    is_over: bool = False


@frozen
class Rerun:
    """Run the check of this id again, if it is one of ours."""

    check: int


@frozen
class Heard:
    """A new comment on a pull request that begins as a command."""

    number: int
    comment: int
    author: str
    body: str


Wish: TypeAlias = Look | Rerun | Heard


def wish(kind: str, payload: Mapping[str, Json]) -> Wish | None:
    """Return what a delivery wants; None for one that wants nothing, or is not what it should be.

    `payload` is GitHub's own, or as runs read it.
    """
    action = payload.get("action")
    if kind == PULL:
        return _pull(action, payload)
    if kind == GROUP:
        return _group(action, _part(payload, "merge_group"))
    if kind == CHECK and action == "rerequested":
        id_ = _whole(_part(payload, "check_run").get("id"), _MOST_ID)
        return Rerun(id_) if id_ else None
    return _heard(payload) if kind == COMMENT and action == "created" else None


def head_ref(number: int, forge: str = "github") -> str:
    """Return where a kind of forge has the head of a pull request, in the base repository."""
    return f"refs/{_HEADS_OF.get(forge, 'pull')}/{number}/head"


def _pull(action: Json, payload: Mapping[str, Json]) -> Wish | None:
    number = _whole(payload.get("number"), _MOST_NUMBER)
    is_moved = action == "edited" and "base" in _part(payload, "changes")
    if not number or not (action in _PULL_ACTIONS or is_moved):
        return None
    base = _text(_part(_part(payload, "pull_request"), "base").get("ref"))
    return Look(head_ref(number), number, f"{_HEADS}{base}" if _REF.fullmatch(base) else "")


def _group(action: Json, group: Mapping[str, Json]) -> Wish | None:
    ref, base = _text(group.get("head_ref")), _text(group.get("base_ref"))
    head, before = _text(group.get("head_sha")), _text(group.get("base_sha"))
    if not ref.startswith(_QUEUE) or not _REF.fullmatch(ref) or not _REF.fullmatch(base):
        return None
    if action == "destroyed":
        return Look(ref, 0, base, is_over=True)
    if action != "checks_requested" or not _SHA.fullmatch(head) or not _SHA.fullmatch(before):
        return None
    return Look(ref, 0, base, head, before)


def _heard(payload: Mapping[str, Json]) -> Wish | None:
    issue, comment = _part(payload, "issue"), _part(payload, "comment")
    number, id_ = _whole(issue.get("number"), _MOST_NUMBER), _whole(comment.get("id"), _MOST_ID)
    author, body = _text(_part(comment, "user").get("login")), _text(comment.get("body"))
    is_command = body.startswith(_COMMAND) and len(body) <= _MOST_BODY and "\0" not in body
    is_pull = isinstance(issue.get("pull_request"), Mapping)
    if not (number and id_ and is_command and is_pull):
        return None
    return Heard(number, id_, author, body) if _LOGIN.fullmatch(author) else None


def _whole(value: Json, most: int) -> int:
    """Return a number from 1 to below `most`, and 0 for anything else."""
    if isinstance(value, bool) or not isinstance(value, int):
        return 0
    return value if 0 < value < most else 0


def _part(told: Mapping[str, Json], key: str) -> Mapping[str, Json]:
    value = told.get(key)
    return value if isinstance(value, Mapping) else {}


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
