"""What a delivery of GitHub's wants: a review looked at again, a check run again, a command heard.

The payload is signed, and yet it only says where to look: what is there is asked of GitHub anew.
Gitea and Forgejo deliver in GitHub's words, with a few of their own.
"""

import re
from collections.abc import Mapping, Set
from typing import TypeAlias

from engine.core.frozen import frozen
from engine.core.values import Json

GROUP, CHECK = "github.merge_group", "github.check_run"
_PULL, _COMMENT = "pull_request", "issue_comment"
_REVIEWED = frozenset({
    "github.pull_request_review", "gitea.pull_request_approved", "gitea.pull_request_rejected",
})  # fmt: skip
_REVIEW_ACTIONS = frozenset({"submitted", "dismissed", "reviewed"})
_PULL_ACTIONS = frozenset({
    "opened", "synchronize", "synchronized", "reopened", "ready_for_review", "converted_to_draft",
    "closed",
})  # fmt: skip
# What an edit must have changed to matter. At Gitea a draft is one by its title.
_EDITS = {"github": frozenset({"base"}), "gitea": frozenset({"ref", "title"})}
_QUEUE = "refs/heads/gh-readonly-queue/"
_HEADS_OF = {"gitlab": "merge-requests"}
_HEADS = "refs/heads/"
_SHA = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_LOGIN = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,98})(\[bot\])?")
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
    """A new comment on a pull request that begins as a command; its head is at `ref`."""

    number: int
    comment: int
    author: str
    body: str
    ref: str


Wish: TypeAlias = Look | Rerun | Heard


def wish(kind: str, payload: Mapping[str, Json]) -> Wish | None:
    """Return what a delivery wants; None for one that wants nothing, or is not what it should be.

    `payload` is GitHub's own, or as runs read it; with a kind that begins with `gitea.` it is of
    Gitea.
    """
    action, (of, _, event) = payload.get("action"), kind.partition(".")
    if event == _PULL and of in _EDITS:
        return _pull(action, payload, _EDITS[of])
    if kind in _REVIEWED and action in _REVIEW_ACTIONS:
        pull = part(payload, "pull_request")
        return _look(pull.get("number"), pull)
    if event == _COMMENT and of in _EDITS and action == "created":
        return _heard(payload)
    if kind == GROUP:
        return _group(action, part(payload, "merge_group"))
    if kind == CHECK and action == "rerequested":
        id_ = whole(part(payload, "check_run").get("id"), _MOST_ID)
        return Rerun(id_) if id_ else None
    return None


def head_ref(number: int, forge: str = "github") -> str:
    """Return where a kind of forge has the head of a pull request, in the base repository."""
    return f"refs/{_HEADS_OF.get(forge, 'pull')}/{number}/head"


def branch(name: str) -> str:
    """Return the full ref of a branch, "" for what is no name of one."""
    return f"{_HEADS}{name}" if _REF.fullmatch(name) else ""


def heard(number: int, comment: int, author: str, body: str, ref: str) -> Heard | None:
    """Return a comment if it begins as a command, and somebody can have written it."""
    is_command = body.startswith(_COMMAND) and len(body) <= _MOST_BODY and "\0" not in body
    if not is_command or not _LOGIN.fullmatch(author):
        return None
    return Heard(number, comment, author, body, ref)


def _pull(action: Json, payload: Mapping[str, Json], edits: Set[str]) -> Wish | None:
    is_moved = action == "edited" and not edits.isdisjoint(part(payload, "changes"))
    if not (action in _PULL_ACTIONS or is_moved):
        return None
    return _look(payload.get("number"), part(payload, "pull_request"))


def _look(told: Json, pull: Mapping[str, Json]) -> Look | None:
    number, base = whole(told, _MOST_NUMBER), text(part(pull, "base").get("ref"))
    return Look(head_ref(number), number, branch(base)) if number else None


def _group(action: Json, group: Mapping[str, Json]) -> Wish | None:
    ref, base = text(group.get("head_ref")), text(group.get("base_ref"))
    head, before = text(group.get("head_sha")), text(group.get("base_sha"))
    if not ref.startswith(_QUEUE) or not _REF.fullmatch(ref) or not _REF.fullmatch(base):
        return None
    if action == "destroyed":
        return Look(ref, 0, base, is_over=True)
    if action != "checks_requested" or not _SHA.fullmatch(head) or not _SHA.fullmatch(before):
        return None
    return Look(ref, 0, base, head, before)


def _heard(payload: Mapping[str, Json]) -> Wish | None:
    issue, comment = part(payload, "issue"), part(payload, "comment")
    number, id_ = whole(issue.get("number"), _MOST_NUMBER), whole(comment.get("id"), _MOST_ID)
    if not (number and id_ and isinstance(issue.get("pull_request"), Mapping)):
        return None
    author, body = text(part(comment, "user").get("login")), text(comment.get("body"))
    return heard(number, id_, author, body, head_ref(number))


def whole(value: Json, most: int) -> int:
    """Return a number from 1 to below `most`, and 0 for anything else."""
    if isinstance(value, bool) or not isinstance(value, int):
        return 0
    return value if 0 < value < most else 0


def part(told: Mapping[str, Json], key: str) -> Mapping[str, Json]:
    """Return an object in an object, an empty one for anything else."""
    value = told.get(key)
    return value if isinstance(value, Mapping) else {}


def text(value: Json) -> str:
    """Return a text, "" for anything else."""
    return value if isinstance(value, str) else ""
