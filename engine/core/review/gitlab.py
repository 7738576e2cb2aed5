"""What a delivery of GitLab's wants: a merge request looked at again, or a command heard.

Source: docs.gitlab.com, "Webhook events". It says what it is in `object_kind`.
"""

from collections.abc import Mapping

from engine.core.review import note
from engine.core.review.wish import Heard, Look, Wish, branch, head_ref, heard, part, text, whole
from engine.core.values import Json

PUSHES = frozenset({"push", "tag_push"})
_ACTIONS = frozenset({"open", "close", "reopen", "merge"})
# What an update must have changed to matter; new commits are told by `oldrev` besides.
_CHANGES = frozenset({"target_branch", "draft", "work_in_progress"})


def wish(payload: Mapping[str, Json]) -> Wish | None:
    """Return what a delivery wants; None for one that wants nothing, or is not what it should be.

    Of pushes the reconciler hears, and no review.
    """
    match payload.get("object_kind"):
        case "merge_request":
            return _look(part(payload, "object_attributes"), part(payload, "changes"))
        case "note":
            return _heard(payload, part(payload, "object_attributes"))
    return None


def _look(told: Mapping[str, Json], changes: Mapping[str, Json]) -> Look | None:
    number = whole(told.get("iid"), note.MOST_NUMBER)
    action = told.get("action")
    is_moved = action == "update" and (bool(told.get("oldrev")) or not _CHANGES.isdisjoint(changes))
    if not number or not (action in _ACTIONS or is_moved):
        return None
    return Look(head_ref(number, "gitlab"), number, branch(text(told.get("target_branch"))))


def _heard(payload: Mapping[str, Json], told: Mapping[str, Json]) -> Heard | None:
    number = whole(part(payload, "merge_request").get("iid"), note.MOST_NUMBER)
    id_ = whole(told.get("id"), note.MOST_NOTE)
    if (told.get("action"), told.get("noteable_type")) != ("create", "MergeRequest"):
        return None
    if not (number and id_):
        return None
    author = text(part(payload, "user").get("username"))
    ref = head_ref(number, "gitlab")
    return heard(number, note.joined(number, id_), author, text(told.get("note")), ref)
