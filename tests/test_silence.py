"""What starts when an event does not come."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from psycopg.types.json import Json

from tests.clockwork import HOUR, Story
from tests.webhooks.served import activate

SILENT = """
apiVersion: sark/v1
kind: Workflow
name: alarm
triggers:
  silent: {type: absent, event: acme.beat, within: 1h, SAYS}
steps:
  say: {set: {told: {type: string, value: "quiet since {{ trigger.interval.start }}"}}}
"""


@dataclass
class Quiet(Story):
    """A story whose clock goes as that of PostgreSQL, put forward."""

    began: datetime = field(default_factory=lambda: datetime.now(UTC))

    async def listens(self, says: str = "repeat: false") -> None:
        await activate(self.url, {"alarm.yaml": SILENT.replace("SAYS", says)}, "shop", "shop")
        await self.look(self.began)

    def beat(self, after: timedelta, host: object = "a") -> None:
        """Let an event have come so long after the beginning."""
        self.rows(
            "INSERT INTO events (id, namespace, type, source, data, at) VALUES"
            " (gen_random_uuid(), 'shop', 'acme.beat', 'test', jsonb_build_object('host',"
            " %s::jsonb), %s)", Json(host), self.began + after,
        )  # fmt: skip

    def silences(self) -> list[tuple[timedelta, timedelta]]:
        """Return from when to when it was quiet for each run, after the beginning."""
        told = self.rows("SELECT trigger -> 'interval' FROM runs ORDER BY id")
        return [
            (datetime.fromisoformat(each["start"]) - self.began,
             datetime.fromisoformat(each["end"]) - self.began) for (each,) in told
        ]  # fmt: skip

    async def looks(self, *hours: float) -> None:
        for hour in hours:
            await self.look(self.began + hour * HOUR)


NONE = timedelta(0)


def test_an_event_that_does_not_come_starts_a_run(database_url: str) -> None:
    """
    An hour without a beat starts one run, however long it stays quiet; a beat arms it again.
    """

    async def story() -> None:
        made = Quiet(database_url)
        await made.listens()
        await made.looks(0.5, 0.99)

        assert [] == made.silences()

        await made.looks(1, 1.5, 4, 9)

        assert [(NONE, HOUR)] == made.silences()

        made.beat(10 * HOUR)
        await made.looks(10.5, 11, 11.5)

        assert [(NONE, HOUR), (10 * HOUR, 11 * HOUR)] == made.silences()

    asyncio.run(story())


def test_beats_that_come_in_time_keep_it_quiet(database_url: str) -> None:
    """
    Each beat puts the deadline off, be it looked at in time or much later.
    """

    async def story() -> None:
        made = Quiet(database_url)
        await made.listens()
        for number in range(1, 8):
            made.beat(number * 0.75 * HOUR)
        await made.looks(1, 6)

        assert [] == made.silences()

        await made.looks(6.25)

        assert [(5.25 * HOUR, 6.25 * HOUR)] == made.silences()

    asyncio.run(story())


def test_a_silence_that_goes_on_starts_again(database_url: str) -> None:
    """
    With `repeat` each hour of silence starts a run; hours without a controller count as one.
    """

    async def story() -> None:
        made = Quiet(database_url)
        await made.listens("repeat: true")
        await made.looks(1, 1.5, 2, 5.5, 5.75)

        assert [(NONE, HOUR), (NONE, 2 * HOUR), (NONE, 5 * HOUR)] == made.silences()

    asyncio.run(story())


def test_only_events_that_match_count(database_url: str) -> None:
    """
    A beat of another host does not help; one of which that cannot be told is a decision.
    """

    async def story() -> None:
        made = Quiet(database_url)
        await made.listens("match: event.data.host.name == 'a'")
        made.beat(0.5 * HOUR, {"name": "b"})
        made.beat(0.25 * HOUR, {"name": "a"})
        await made.looks(1)

        assert [] == made.silences()

        made.beat(1.1 * HOUR, {})
        await made.looks(1.25, 1.5)

        assert [(0.25 * HOUR, 1.25 * HOUR)] == made.silences()
        ((_, said, reason),) = [each for each in made.decisions() if "/event/" in each[0]]
        assert ("error", True) == (said, reason.startswith("match: "))

    asyncio.run(story())


def test_an_event_that_was_taken_counts(database_url: str) -> None:
    """
    A beat that was answered for and not yet handed on is waited for, and is no silence.
    """

    async def story() -> None:
        made = Quiet(database_url)
        await made.listens()
        made.rows(
            "INSERT INTO outbox (namespace, kind, path, data)"
            " VALUES ('shop', 'emitted', '', '{\"type\": \"acme.beat\"}')"
        )
        await made.looks(1, 1.25)

        assert [] == made.silences()

        made.rows("DELETE FROM outbox")
        made.beat(1.3 * HOUR)
        await made.looks(1.5, 2.4)

        assert [(1.3 * HOUR, 2.3 * HOUR)] == made.silences()

    asyncio.run(story())


@pytest.mark.parametrize("before", [True, False])
def test_a_silence_is_told_once_whatever_dies(database_url: str, before: bool) -> None:
    """
    A controller that dies while it starts the run starts none twice; a late beat undoes nothing.
    """

    async def story() -> None:
        made = Quiet(database_url)
        await made.listens()
        made.clock.now = made.began + HOUR
        await made.dies(before)
        await made.looks(1.1, 1.2)
        made.beat(1.3 * HOUR)
        await made.looks(1.5)

        assert [(NONE, HOUR)] == made.silences()

    asyncio.run(story())
