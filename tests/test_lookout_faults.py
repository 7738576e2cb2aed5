"""Leaders that die, folders that are away and stores that do not answer, while files start runs."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from engine.store import deliveries
from engine.store.pool import connect
from tests.clockwork import MINUTE, Away
from tests.looking import looking, once
from tests.test_lookout import inbox


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("change", ["created", "deleted"])
def test_a_leader_that_dies_tells_nothing_twice(
    database_url: str, tmp_path: Path, before: bool, change: str
) -> None:
    """
    Wherever the controller dies, the next one tells what is not yet told, and nothing else.
    """

    async def story() -> None:
        made = inbox(database_url, tmp_path)
        if change == "deleted":
            made.write("1.csv")
        await made.begins(f"changes: [{change}]")
        made.remove("1.csv") if change == "deleted" else made.write("1.csv")
        await made.looks(1)
        await made.dies_telling(before)
        await made.looks(4)

        assert [("1.csv", change)] == made.told()
        assert 1 == len(made.decisions())

    asyncio.run(story())


def test_two_that_both_believe_to_lead_start_one_run(database_url: str, tmp_path: Path) -> None:
    """
    A leader that was frozen and goes on beside its successor doubles nothing.
    """

    async def story() -> None:
        made = inbox(database_url, tmp_path)
        await made.begins()
        told = made.settings
        async with (
            looking(database_url, told, made.clock) as (one, _),
            looking(database_url, told, made.clock, duty="frozen") as (two, _),
        ):
            for number in range(6):
                made.write(f"{number}.csv")
                await asyncio.gather(once(one), once(two))
                made.clock.now += MINUTE
        await made.looks(2)

        assert [(f"{number}.csv", "created") for number in range(6)] == made.told()

    asyncio.run(story())


def test_what_cannot_be_told_now_is_told_later(database_url: str, tmp_path: Path) -> None:
    """
    PostgreSQL takes no start for a moment: nothing more is looked at, the start comes late.
    """

    async def story() -> None:
        made = inbox(database_url, tmp_path)
        await made.begins()
        made.write("1.csv")
        made.write("2.csv")
        await made.looks(1)
        async with looking(database_url, made.settings, made.clock, Away) as (lookouts, intake):
            assert isinstance(intake, Away)
            intake.times = 2
            await once(lookouts)

            assert [] == made.told()

            await once(lookouts)

            assert [("1.csv", "created"), ("2.csv", "created")] == made.told()

            made.clock.now += MINUTE
            await once(lookouts)

        assert 2 == len(made.told())

    asyncio.run(story())


def test_a_folder_that_is_away_is_told_of_once(database_url: str, tmp_path: Path) -> None:
    """
    It leaves one decision, is looked at less and less often, and what came meanwhile is not lost.
    """

    async def story() -> None:
        made = inbox(database_url, tmp_path)
        made.write("old.csv")
        await made.begins("changes: [created, deleted]")
        away = made.root.with_name("away")
        made.root.rename(away)
        pauses: list[timedelta] = []
        for _ in range(6):
            before = made.clock.now
            await made.looks(1)
            ((due,),) = made.rows("SELECT due_at FROM lookouts")
            pauses.append(due - before)
            made.clock.now = due

        assert [
            "its files cannot be looked at, which is tried again: root 'incoming': the root cannot "
            "be read: No such file or directory (file.unreachable)"
        ] == made.faults()
        assert [2 * MINUTE, 4 * MINUTE, 8 * MINUTE] == pauses[:3]
        assert [10 * MINUTE] * 3 == pauses[3:]

        away.rename(made.root)
        made.write("new.csv")
        await made.looks(3)

        assert [("new.csv", "created")] == made.told()

        made.root.rename(away)
        await made.looks(2)

        assert 2 == len(made.faults())

    asyncio.run(story())


def test_what_is_still_to_be_told_is_not_forgotten(database_url: str, tmp_path: Path) -> None:
    """
    A start that a leader made and could not note stays known, however old, until it is noted.
    """

    async def story() -> None:
        made = inbox(database_url, tmp_path)
        await made.begins()
        made.write("1.csv")
        await made.looks(1)
        await made.dies_telling(before=False)
        made.rows("UPDATE deliveries SET received_at = now() - interval '40 days'")
        async with await connect(database_url, "test") as connection:
            await deliveries.sweep(connection)
            await made.looks(2)

            assert [("1.csv", "created")] == made.told()

            await deliveries.sweep(connection)

        assert [] == made.decisions()

    asyncio.run(story())
