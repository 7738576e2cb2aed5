"""Ids that sort by time: the first 48 bits are milliseconds since 1970 (RFC 9562, 5.7 and 5.8)."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_LATEST = (1 << 48) - 1
_BELOW = 80


def first(at: datetime) -> UUID:
    """Return the lowest id of an instant: what is older has a lower one, what is not has none."""
    return UUID(int=_milliseconds(at) << _BELOW)


def instant(identity: UUID) -> datetime:
    """Return when an id was made. Raise OverflowError where that is beyond the calendar."""
    return _EPOCH + (identity.int >> _BELOW) * _MILLISECOND


def timed(at: datetime, name: UUID) -> UUID:
    """Return the id that has this instant and, but for the time, the bits of `name`: a version 8.

    So what is named by a hash, to be the same whenever it is asked for, sorts by time as others do.
    """
    below = name.int & ((1 << _BELOW) - 1) & ~(0xF << 76) & ~(0b11 << 62)
    return UUID(int=(_milliseconds(at) << _BELOW) | (0x8 << 76) | (0b10 << 62) | below)


def _milliseconds(at: datetime) -> int:
    return min(_LATEST, max(0, (at - _EPOCH) // _MILLISECOND))
