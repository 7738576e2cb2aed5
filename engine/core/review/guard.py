"""The rule on removals (R5), which the reconciler and the review share."""

from collections.abc import Set

from engine.core.review.model import Guard

_LEAST = 5
_PERCENT = 20


def guard(before: Set[str], after: Set[str], confirmed: Set[int] = frozenset()) -> Guard | None:
    """Return what must be confirmed: more than five workflows are gone, and more than a fifth.

    `confirmed` are the counts that commit messages say; only the very count confirms.
    """
    gone = len(before - after)
    if gone <= max(_LEAST, len(before) * _PERCENT / 100) or gone in confirmed:
        return None
    return Guard(gone, len(before))
