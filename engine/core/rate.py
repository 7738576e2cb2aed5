"""When the next call of a group may be made, so that no period sees more than its limit.

The instants of the last calls are kept, not a level: a bucket that refills lets through nearly
twice its limit in a period that begins with it full.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from engine.core.frozen import frozen
from engine.core.plan import Rate

LONGEST_LOG = 100


@frozen
class Allowance:
    """The next call may be made `at`. `log` holds the instants that count from then on."""

    at: datetime
    log: tuple[datetime, ...]


def spread(rate: Rate) -> tuple[int, timedelta]:
    """Return a limit of at most `LONGEST_LOG` and its period, which keep to the rate.

    1,000 a minute becomes 100 every 6 s: a log of 1,000 instants would be written for each call.
    Where the parts do not divide the limit, a hundredth of it is given up at most.
    """
    parts = -(-rate.limit // LONGEST_LOG)
    return rate.limit // parts, rate.period / parts


def allow(log: Sequence[datetime], rate: Rate, now: datetime) -> Allowance:
    """Return when the next call may be made, after all that were allowed before.

    `log` is as the last allowance left it.
    """
    limit, period = spread(rate)
    at = max(now, log[-1]) if log else now
    if len(log) >= limit:
        at = max(at, log[-limit] + period)
    return Allowance(at, (*log, at)[-limit:])


def idle(log: Sequence[datetime], rate: Rate) -> datetime:
    """Return the instant from which on the log holds nothing back any more."""
    return log[-1] + spread(rate)[1]
