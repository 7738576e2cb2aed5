"""Starting what a schedule would have started in the past, and what it left out.

An instant has one name, whoever starts it: what the schedule has started is not started again.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

from engine.active import Hook
from engine.core import schedule
from engine.core.frozen import frozen
from engine.core.schedule import Schedule
from engine.errors import Invalid
from engine.intake import Intake
from engine.scheduler import ticking

MOST = 1_000
"""How many instants are started at once, at most."""
_SECOND = timedelta(seconds=1)


@frozen
class Filled:
    """An instant as its zone tells it, and its run; `known`: it had been decided on before."""

    at: str
    run: UUID | None = None
    known: bool = False


class Backfill:
    """One schedule of an active workflow, and a span of the past from `start` until `end`.

    Either end is an instant, or a date: the midnight with which it begins in the schedule's zone.
    """

    def __init__(self, hook: Hook, start: str, end: str) -> None:
        self._hook = hook
        self._schedule: Schedule = schedule.of(hook.settings)
        self._start = self._instant("from", start)
        self._end = self._instant("to", end)

    def instants(self, now: datetime) -> list[datetime]:
        """Return when it was due; raise Invalid for a span that is none, or has too many."""
        if self._start >= self._end:
            raise Invalid("the span ends before it begins", (("/to", "later than `from`"),))
        if self._end > now:
            told = self._schedule.told(now.replace(microsecond=0))
            raise Invalid("the span is not over yet", (("/to", f"not later than now, {told}"),))
        found = list(islice(self._schedule.between(self._start - _SECOND, self._end), MOST + 1))
        found = [each for each in found if each < self._end]
        if len(found) > MOST:
            last = self._schedule.told(found[MOST])
            reason = f"at most {MOST:,} starts at once: it could go `to` {last}, then on from there"
            raise Invalid("the span has too many starts", (("/to", reason),))
        return found

    def told(self, instants: Sequence[datetime]) -> list[Filled]:
        """Return what would be started."""
        return [Filled(self._schedule.told(each)) for each in instants]

    async def fill(self, intake: Intake, instants: Sequence[datetime]) -> list[Filled]:
        """Start a run for each instant that has none; raise what a delivery raises.

        Asked again after an error it goes on where it was.
        """
        key = self._hook.key
        told = await asyncio.gather(
            *(
                intake.deliver(ticking.delivery(key, self._schedule, each, kind="backfill"))
                for each in instants
            )
        )
        return [
            Filled(self._schedule.told(each), max(answer.runs, default=None), answer.duplicate)
            for each, answer in zip(instants, told, strict=True)
        ]

    def _instant(self, name: str, text: str) -> datetime:
        """Return what a text says; raise Invalid for one that is neither instant nor date."""
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            found = None
        is_date = len(text) == len("2026-01-31")
        if found is None or (found.tzinfo is None) != is_date:
            reason = "a date as 2026-01-31, or an instant with its offset as 2026-01-31T02:30:00Z"
            raise Invalid(f"{name} is no time", ((f"/{name}", f"{reason}, not {text[:40]!r}"),))
        return found.replace(tzinfo=self._schedule.zone) if is_date else found
