"""Whether a failed attempt is made again, and after what pause."""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

from engine.core.plan import Retry
from engine.core.values import Json

MAX_LOSSES = 3
MAX_SEVERED = 20
_LONGEST_WISH = timedelta(hours=1)


def backoff(retry: Retry, attempt: int, seed: str) -> timedelta:
    """Return how long to wait before `attempt` (2 or more), jitter included.

    The pause grows by `factor` from `initial` up to `max`; `seed` then picks a point between
    nothing and that ("full jitter", AWS Architecture Blog, 2015).
    Raise ValueError if `attempt` is below 2: the first never waits.
    """
    if attempt < 2:
        raise ValueError(f"attempt {attempt} never waits")
    # A power beyond 64 exceeds every allowed maximum, and a float at last.
    pause = min(retry.max, retry.initial * min(retry.factor ** min(attempt - 2, 64), 1e9))
    return pause * _fraction(seed) if retry.jitter else pause


def apart(losses: int, seed: str) -> timedelta:
    """Return how long a step waits that its worker's death has ended `losses` times (1 or more).

    Nothing the first time, then up to 1 s, then 4 s. Of the steps that died together one may be
    what killed the worker: they begin again at different times, so that it dies alone.
    """
    return timedelta(seconds=4 ** (losses - 2)) * _fraction(seed) if losses > 1 else timedelta(0)


def wished(error: Mapping[str, Json]) -> timedelta:
    """Return the pause that the far side asked for, at most an hour, or nothing."""
    seconds = error.get("retry_after")
    if not isinstance(seconds, int | float) or not seconds >= 0:
        return timedelta(0)
    return min(timedelta(seconds=min(seconds, 1e6)), _LONGEST_WISH)


def is_over(retry: Retry, tries: int, first: datetime, again: datetime) -> bool:
    """True if `tries` attempts were all that is allowed, or `again` lies too late."""
    late = retry.max_elapsed is not None and again > first + retry.max_elapsed
    return tries >= retry.max_attempts or late


def _fraction(seed: str) -> float:
    """Return a number in [0, 1) that follows from `seed` alone, so that replay gives it again."""
    return int.from_bytes(hashlib.blake2b(seed.encode(), digest_size=7).digest()) / 2**56
