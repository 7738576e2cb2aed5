"""For how long a run may be paused."""

from datetime import timedelta

from engine.core.values import Json, format_duration, parse_duration

DEFAULT = timedelta(days=1)
LONGEST = timedelta(days=30)


def span(told: Json) -> timedelta:
    """Return for how long, as in `2h`, a day if it is None; raise ValueError for what is none."""
    if told is None:
        return DEFAULT
    try:
        found = parse_duration(told) if isinstance(told, str) else timedelta(0)
    except (ValueError, OverflowError):
        found = timedelta(0)
    if not timedelta(0) < found <= LONGEST:
        most = format_duration(LONGEST)
        raise ValueError(f"expected a span such as 30m or 2h, up to {most}, found {told!r}")
    return found
