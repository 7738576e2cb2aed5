"""At most so many in any span of a period, where what is over it is turned away.

The instants at which some were let through are kept, with how many each time. Up to `FINEST` they
are exact. A larger limit is counted in hundredths of its period, each as if all of it came at its
end: no span ever sees more than the limit, and a turn comes back a hundredth late at most. Limits
on calls are spread instead (`engine.core.rate`), for a call that is over one waits.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from engine.core.frozen import frozen
from engine.core.plan import Rate

FINEST = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@frozen
class Use:
    """So many were let through at an instant."""

    at: datetime
    count: int


def counted(log: Sequence[Use], rate: Rate, now: datetime) -> tuple[Use, ...]:
    """Return what of a log counts at an instant, oldest first."""
    return tuple(each for each in log if each.at > now - rate.period)


def is_free(log: Sequence[Use], rate: Rate, now: datetime) -> bool:
    """Return whether one more may be let through."""
    return sum(each.count for each in counted(log, rate, now)) < rate.limit


def use(log: Sequence[Use], rate: Rate, now: datetime) -> tuple[Use, ...]:
    """Return the log with one more, which has `FINEST` entries and one or two at most."""
    kept = counted(log, rate, now)
    at = now if rate.limit <= FINEST else _end(rate, now)
    if kept and kept[-1].at >= at:
        return (*kept[:-1], Use(kept[-1].at, kept[-1].count + 1))
    return (*kept, Use(at, 1))


def free_at(log: Sequence[Use], rate: Rate) -> datetime:
    """Return when the next is free, of a log that counts and is full."""
    return log[0].at + rate.period


def _end(rate: Rate, now: datetime) -> datetime:
    """Return the end of the hundredth of the period in which `now` lies."""
    width = rate.period / FINEST
    return _EPOCH - (_EPOCH - now) // width * width
