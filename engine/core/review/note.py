"""The id of a note of GitLab's, which is found by its merge request alone: both in one number."""

_BITS = 40
# What both may be so that the id has room in 63 bits, as PostgreSQL keeps it.
MOST_NUMBER, MOST_NOTE = 1 << 23, 1 << _BITS


def joined(number: int, note: int) -> int:
    """Return the id of a note by the numbers of its merge request and its own."""
    return number << _BITS | note


def parted(id_: int) -> tuple[int, int]:
    """Return the numbers of a merge request and of its note."""
    return id_ >> _BITS, id_ & (MOST_NOTE - 1)
