"""When an event has not come for too long."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from engine.core.frozen import frozen
from engine.core.values import Json, parse_duration


@frozen
class Absence:
    """An event is due `within` a span of the last one; `repeats`: and again after each such span.

    Where it does not repeat, one that comes arms it again.
    """

    within: timedelta
    repeats: bool = False

    def deadline(self, since: datetime, decided: datetime, now: datetime) -> datetime | None:
        """Return the last deadline that has passed in silence, None if that was `decided` on.

        `since` is when the last event came, or when the trigger became active. Of several
        deadlines that passed while nobody looked, the last one stands for all.
        """
        spans = (now - since) // self.within
        last = since + self.within * (spans if self.repeats else min(spans, 1))
        return last if spans > 0 and last > decided else None

    def upcoming(self, since: datetime, now: datetime) -> datetime:
        """Return when it may be too late next, for whom no event after `since` is known of.

        An event that came until `now` can be missed no earlier.
        """
        spans = (now - since) // self.within
        if spans > 0 and not self.repeats:
            return now + self.within
        return since + self.within * (max(0, spans) + 1)

    def about(self, deadline: datetime, since: datetime | None = None) -> dict[str, Json]:
        """Return what a run for a deadline reads in `trigger` besides: how long it was quiet."""
        start = deadline - self.within if since is None else since
        start, end = start.astimezone(UTC), deadline.astimezone(UTC)
        return {"interval": {"start": start.isoformat(), "end": end.isoformat()}}


def of(settings: Mapping[str, Json]) -> Absence:
    """Return the absence of a trigger's settings, as a plan has them."""
    return Absence(parse_duration(str(settings["within"])), settings["repeat"] is True)
