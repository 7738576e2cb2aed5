"""The clock starts runs: the nightly load on the night without a half past two, and two leaders."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from engine.controller import Controller
from engine.settings import Settings
from tests.clockwork import Clock, scheduling
from tests.git.desk import source
from tests.git.repo import Repo
from tests.stories.test_nightly_etl import DAY, REGIONS, WAREHOUSE, Exports, loaded
from tests.stories.world import world

PATIENCE = 60.0
OFTEN = """
apiVersion: sark/v1
kind: Workflow
name: often
triggers: {clock: {type: schedule, every: 1s, overlap: allow}}
steps: {say: {set: {x: {type: integer, value: 1}}}}
"""


def test_the_night_without_a_half_past_two_is_loaded_once(
    database_url: str, tmp_path: Path
) -> None:
    """
    The example starts at three, right after the gap, and loads the day before the night.
    """
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(WAREHOUSE)

    async def story() -> tuple[Any, Any]:
        adapters = {"sql": {"allow_hosts": ["127.0.0.1"]}}
        clock = Clock(datetime(2026, 3, 28, 12, tzinfo=UTC))
        secrets = {"warehouse_dsn": database_url}
        async with (
            world(database_url, tmp_path, Exports(), secrets, adapters) as made,
            scheduling(database_url, clock) as (scheduler, _),
        ):
            for at in ((28, 12, 0), (29, 0, 59), (29, 1, 3), (29, 1, 30), (29, 12, 0)):
                day, hour, minute = at
                clock.now = datetime(2026, 3, day, hour, minute, tzinfo=UTC)
                await scheduler.look()
            cursor = await made.here.connection.execute(
                "SELECT id, trigger, inputs FROM runs WHERE workflow = 'nightly-orders-etl'"
            )
            ((run, trigger, inputs),) = await cursor.fetchall()
            assert "2026-03-29T03:00:00+02:00" == trigger["scheduled_at"]
            return await made.ended(run), inputs

    row, inputs = asyncio.run(story())

    assert {"day": DAY, "regions": REGIONS} == inputs
    assert ("succeeded", {"loaded": 8}) == (row["status"], row["outputs"])
    assert dict.fromkeys(REGIONS, 2) == loaded(database_url)


@asynccontextmanager
async def serving(*told: Settings) -> AsyncIterator[None]:
    """Run controllers in this process; all of them end in order."""
    controllers = [Controller(each) for each in told]
    tasks = [asyncio.create_task(each.serve()) for each in controllers]
    try:
        yield
    finally:
        for each in controllers:
            each.stop()
        await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE)


async def started(url: str, count: int) -> list[str]:
    """Return for which instants there are runs once there are as many."""
    async with asyncio.timeout(PATIENCE):
        while True:
            async with await psycopg.AsyncConnection.connect(url) as connection:
                cursor = await connection.execute(
                    "SELECT trigger ->> 'scheduled_at' FROM runs ORDER BY id"
                )
                found = [row[0] for row in await cursor.fetchall()]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.1)


def test_a_leader_that_is_cut_off_is_followed_by_another(database_url: str, tmp_path: Path) -> None:
    """
    Of two controllers one leads; when it loses its session starts go on, and none comes twice.
    """
    repo = Repo(tmp_path / "repo")
    repo.commit({"often.yaml": OFTEN})
    told = [
        Settings.model_validate(
            {"database_url": database_url, "state": tmp_path / name,
             "sources": [source(repo.url).model_dump()]}
        )
        for name in ("one", "two")
    ]  # fmt: skip
    cut = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name LIKE '%lead-scheduler' AND wait_event_type IS DISTINCT FROM 'Lock'"
        " AND datname = current_database()"
    )

    async def story() -> list[str]:
        async with serving(*told):
            for count in (2, 4):
                before = await started(database_url, count)
                async with await psycopg.AsyncConnection.connect(database_url) as connection:
                    assert await (await connection.execute(cut)).fetchall()
            return await started(database_url, len(before) + 2)

    instants = asyncio.run(story())

    assert sorted(set(instants)) == sorted(instants)
