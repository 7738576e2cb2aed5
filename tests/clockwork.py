"""A scheduler with a clock that the test sets, real PostgreSQL, and leaders that die."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from engine.errors import Unavailable
from engine.intake import Delivered, Delivery, Intake
from engine.scheduler import Scheduler
from engine.store import leases, schedules
from engine.store.pool import Connection, connect, pool
from engine.store.schedules import Moment
from tests.webhooks.served import POLICY, activate

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
START = datetime(2026, 3, 27, 12, tzinfo=UTC)
NIGHTLY = """
apiVersion: sark/v1
kind: Workflow
name: load
inputs:
  day: {type: string, format: date, default: "{{ trigger.interval.start | date }}"}
  kind: {type: string, default: "{{ trigger.kind }}"}
triggers:
  nightly: {type: schedule, TIMES}
steps:
  say: {set: {told: {type: string, value: "{{ inputs.day }} {{ inputs.kind }}"}}}
"""


@dataclass
class Clock:
    """A clock that stands still until it is set."""

    now: datetime = START

    async def __call__(self, connection: Connection) -> Moment:
        return replace(await schedules.moment(connection), at=self.now)


class Dying(Intake):
    """An intake whose process ends in a delivery, `before` it is written or after."""

    before: bool = True
    came: asyncio.Event

    async def deliver(self, delivery: Delivery) -> Delivered:
        told = Delivered((), False) if self.before else await super().deliver(delivery)
        self.came.set()
        await asyncio.Event().wait()
        return told


class Away(Intake):
    """An intake that cannot reach PostgreSQL the first time."""

    times: int = 1

    async def deliver(self, delivery: Delivery) -> Delivered:
        self.times -= 1
        if self.times >= 0:
            raise Unavailable("not now")
        return await super().deliver(delivery)


@asynccontextmanager
async def scheduling(
    url: str, clock: Clock, kind: type[Intake] = Intake, duty: str = "scheduler"
) -> AsyncIterator[tuple[Scheduler, Intake]]:
    """Give a leader that looks when it is told to."""
    async with (
        await connect(url, "lead") as connection,
        pool(url, "test", 2) as connections,
        kind(url, connections, None, POLICY) as intake,
    ):
        session = await leases.lead(connection, duty)
        yield Scheduler(session, intake, None, clock), intake


@dataclass
class Story:
    """One leader after another, as the test says."""

    url: str
    clock: Clock = field(default_factory=Clock)

    async def activate(
        self, times: str = 'cron: "30 2 * * *", timezone: Europe/Oslo', file: str = "load.yaml"
    ) -> None:
        await activate(self.url, {file: NIGHTLY.replace("TIMES", times)}, "shop", "shop")

    async def look(self, at: datetime | None = None) -> None:
        """Let a new leader look once, at an instant."""
        self.clock.now = at or self.clock.now
        async with scheduling(self.url, self.clock) as (scheduler, _):
            await scheduler.look()

    async def pass_time(self, until: datetime, step: timedelta = 10 * MINUTE) -> None:
        """Let one leader look again and again."""
        async with scheduling(self.url, self.clock) as (scheduler, _):
            while self.clock.now < until:
                self.clock.now += step
                await scheduler.look()

    async def dies(self, before: bool) -> None:
        """Let a leader die while it starts a run."""
        async with scheduling(self.url, self.clock, Dying) as (scheduler, intake):
            assert isinstance(intake, Dying)
            intake.before, intake.came = before, asyncio.Event()
            looking = asyncio.create_task(scheduler.look())
            await asyncio.wait_for(intake.came.wait(), 60)
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            done = connection.execute(statement.encode(), values)
            return done.fetchall() if done.description else []

    def runs(self) -> list[str]:
        """Return for which instants there are runs, in the order of their starts."""
        told = self.rows("SELECT trigger ->> 'scheduled_at' FROM runs ORDER BY id")
        return [each[0] for each in told]

    def ended(self, status: str = "succeeded") -> None:
        """End the oldest run that goes on."""
        self.rows(
            "UPDATE runs SET status = %s, ended_at = now() WHERE id ="
            " (SELECT id FROM runs WHERE ended_at IS NULL ORDER BY id LIMIT 1)", status,
        )  # fmt: skip

    def decisions(self) -> list[tuple[str, str, str]]:
        """Return the id, the word and the reason of each decision, by id."""
        return self.rows("SELECT delivery, said, reason FROM decisions ORDER BY delivery")
