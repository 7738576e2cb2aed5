"""A lookout over a folder, with a clock that the test sets, and leaders that die."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.artifacts import Artifacts
from engine.core.facts import LISTING
from engine.executor import Executor
from engine.intake import Intake
from engine.lookout import Eye, Lookouts
from engine.operations import open_operation
from engine.secrets import Secrets
from engine.settings import Settings
from engine.store import leases
from engine.store.pool import connect, pool
from tests.clockwork import MINUTE, Dying, Story
from tests.webhooks.served import POLICY, activate

ARRIVALS = """
apiVersion: sark/v1
kind: Workflow
name: load
inputs:
  path: {type: string}
triggers:
  arrived:
    {type: file, connection: inbox, paths: ["**/*.csv"], with: {path: "{{ event.path }}"}, SAYS}
steps:
  say: {set: {told: {type: string, value: "{{ inputs.path }}"}}}
---
apiVersion: sark/v1
kind: Connection
name: inbox
adapter: file
with: {root: incoming, folder: orders}
"""


@asynccontextmanager
async def looking(
    url: str, settings: Settings, clock: Any, kind: type[Intake] = Intake, duty: str = "lookout"
) -> AsyncIterator[tuple[Lookouts, Intake]]:
    """Give a leader that looks when it is told to."""
    async with (
        await connect(url, "lead") as connection,
        pool(url, "test", 2) as connections,
        kind(url, connections, None, POLICY) as intake,
        open_operation(settings.adapters, LISTING) as operation,
    ):
        session = await leases.lead(connection, duty)
        artifacts = Artifacts(settings.artifact_folder)
        executor = Executor({LISTING: operation}, POLICY, Secrets(settings), artifacts)
        yield Lookouts(session, intake, Eye(executor), clock), intake


async def once(lookouts: Lookouts) -> None:
    """Look at all that is due."""
    await asyncio.gather(*(lookouts.look(each) for each in await lookouts.due()))


@dataclass
class Inbox(Story):
    """One leader after another over the folder `orders` of a root."""

    root: Path = field(default_factory=Path)

    def __post_init__(self) -> None:
        (self.root / "orders").mkdir(parents=True)

    @property
    def settings(self) -> Settings:
        adapters = {"file": {"roots": {"incoming": {"path": str(self.root)}}}}
        return Settings.model_validate({"state": self.root / "state", "adapters": adapters})

    async def activate(self, says: str = "every: 1m", spec: str = ARRIVALS) -> None:
        await activate(self.url, {"load.yaml": spec.replace("SAYS", says)}, "shop", "shop")

    def write(self, name: str, text: str = "1") -> None:
        """Let a file be there, modified at an instant of its own."""
        path = self.root / "orders" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        self.moment += 1_000_000_000
        os.utime(path, ns=(self.moment, self.moment))

    moment: int = 1_774_600_000_000_000_000

    def remove(self, name: str) -> None:
        (self.root / "orders" / name).unlink()

    async def looks(self, count: int = 2) -> None:
        """Let a new leader look again and again, a minute apart."""
        async with looking(self.url, self.settings, self.clock) as (lookouts, _):
            for _ in range(count):
                await once(lookouts)
                self.clock.now += MINUTE

    async def begins(self, says: str = "every: 1m") -> None:
        """Activate, and look for the first time."""
        await self.activate(says)
        await self.looks(1)

    async def dies_telling(self, before: bool) -> None:
        """Let a leader die while it tells of a file, `before` that is written or after."""
        async with looking(self.url, self.settings, self.clock, Dying) as (lookouts, intake):
            assert isinstance(intake, Dying)
            intake.before, intake.came = before, asyncio.Event()
            task = asyncio.create_task(once(lookouts))
            await asyncio.wait_for(intake.came.wait(), 60)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def told(self) -> list[tuple[str, str]]:
        """Return of which files there are runs, and what became of them, in their order."""
        rows = self.rows("SELECT trigger -> 'event' FROM runs ORDER BY id")
        return [(event["path"], event["change"]) for (event,) in rows]

    def faults(self) -> list[str]:
        """Return the reasons of decisions that are errors, in their order."""
        rows = self.rows("SELECT reason FROM decisions WHERE said = 'error' ORDER BY delivery")
        return [reason for (reason,) in rows]
