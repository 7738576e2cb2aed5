"""What holds a commit that nothing is wrong with: people and the calendar (R10)."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.core.override import Asked, Kind
from engine.settings import Freeze
from tests.git.desk import GOOD, desk, source
from tests.git.repo import Repo, broken, spec

HOUR = timedelta(hours=1)
FRIDAY = datetime(2026, 11, 27, 17, 30, tzinfo=UTC)
WEEKEND = Freeze(start="fri 18:00", end="mon 08:00", timezone="Europe/Oslo", reason="weekend")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


def suspend(span: timedelta = HOUR) -> Asked:
    return Asked(Kind.SUSPEND, "migration", span)


def test_a_suspended_source_judges_and_holds(repo, tmp_path, database_url):
    """
    Commits are seen and judged, an error is told at once, a good one is held: by whom, until when
    and why. It is live once the source is resumed.
    """

    async def story():
        live = repo.commit({"a.yaml": spec("a")})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            await here.put(suspend())
            await here.look()
            assert {**GOOD, "Suspended": (True, "Suspended")} == await here.conditions()
            bad = repo.commit({"a.yaml": broken("a")})
            await here.look()
            assert "Rejected" == (await here.commit(bad)).state
            held = repo.commit({"a.yaml": spec("a", "new")})
            await here.look()

            assert ["Seen", "Fetched", "Compiled", "Authorised", "Held"] == await here.states(held)
            told = (await here.commit(held)).reason
            assert told.startswith("suspended by token:ann until ")
            assert told.endswith(": migration")
            conditions = await here.conditions()
            assert (False, "Suspended") == conditions["Unheld"]
            assert (True, "Suspended") == conditions["Reconciling"]
            assert "Stalled" not in conditions
            assert live == (await here.row()).active
            await here.drop(Kind.SUSPEND)
            await here.look()
            assert held == (await here.row()).active
            assert GOOD == await here.conditions()

    asyncio.run(story())


def test_a_suspension_ends_by_itself(repo, tmp_path, database_url):
    """
    Nobody has to resume: when the time is over, the held commit is live, whoever leads by then.
    """

    async def story():
        repo.commit({"a.yaml": spec("a")})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            row = await here.put(suspend())
            head = repo.commit({"a.yaml": spec("a", "new")})
            await here.look()
            assert 3500 < (here.repository.turn or 0) <= 3600
            assert row.until is not None
            here.clock.now = row.until - timedelta(seconds=1)
            await here.restart()
            await here.look()
            assert head != (await here.row()).active
            here.clock.now = row.until
            await here.look()

            assert head == (await here.row()).active
            assert GOOD == await here.conditions()
            assert here.repository.turn is None

    asyncio.run(story())


def test_a_freeze_holds_until_it_is_over(repo, tmp_path, database_url):
    """
    What comes on Friday night is live on Monday at eight, in the zone of the window.
    """

    async def story():
        repo.commit({"a.yaml": spec("a")})
        async with desk(database_url, tmp_path, source(repo.url, freeze=(WEEKEND,))) as here:
            here.clock.now = FRIDAY - HOUR
            await here.look()
            here.clock.now = FRIDAY
            head = repo.commit({"a.yaml": spec("a", "new")})
            await here.look()
            assert (False, "Freeze") == (await here.conditions())["Unheld"]
            assert "frozen until Mon 2026-11-30 07:00:00 UTC: weekend" == await here.message()
            assert "Held" == (await here.commit(head)).state
            monday = datetime(2026, 11, 30, 7, tzinfo=UTC)
            assert (monday - FRIDAY).total_seconds() == here.repository.turn
            here.clock.now = monday
            await here.look()

            assert head == (await here.row()).active
            assert GOOD == await here.conditions()

    asyncio.run(story())


def test_a_thaw_lets_commits_through(repo, tmp_path, database_url):
    """
    While a freeze is lifted commits become live, and no longer.
    """

    async def story():
        first = repo.commit({"a.yaml": spec("a")})
        async with desk(database_url, tmp_path, source(repo.url, freeze=(WEEKEND,))) as here:
            here.clock.now = FRIDAY
            await here.look()
            assert (await here.row()).active is None
            row = await here.put(Asked(Kind.THAW, "hotfix", HOUR), now=FRIDAY)
            await here.look()
            assert first == (await here.row()).active
            assert row.until is not None
            here.clock.now = row.until
            second = repo.commit({"a.yaml": spec("a", "late")})
            await here.look()

            assert first == (await here.row()).active
            assert "Held" == (await here.commit(second)).state

    asyncio.run(story())


def test_an_outage_does_not_make_a_hold_final(repo, tmp_path, database_url):
    """
    A source that is held, and whose repository was away, still says that it goes on by itself.
    """

    async def story():
        repo.commit({"a.yaml": spec("a")})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            await here.put(suspend())
            repo.commit({"a.yaml": spec("a", "new")})
            await here.look()
            before = await here.conditions()
            repo.folder.rename(tmp_path / "away")
            await here.look()
            (tmp_path / "away").rename(repo.folder)
            await here.look()

            assert before == await here.conditions()

    asyncio.run(story())


def test_an_override_that_comes_meanwhile_holds(repo, tmp_path, database_url, monkeypatch):
    """
    Who has been told that a source is suspended sees no commit of it become live after that.
    """
    from engine.store import plans

    insert, locked = plans.insert, []

    async def story():
        live = repo.commit({"a.yaml": spec("a")})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            head = repo.commit({"a.yaml": spec("a", "new")})
            read = here.repository._reconcilers[0]._newest

            async def suspended():
                await here.elsewhere(suspend())
                return await read()

            async def insert_late(*words):
                locked.append(1)
                await insert(*words)

            with monkeypatch.context() as racing:
                racing.setattr(type(here.repository._reconcilers[0]), "_newest",
                               lambda _: suspended())  # fmt: skip
                racing.setattr(plans, "insert", insert_late)
                assert not await here.look()
            assert [] == locked
            await here.look()

            assert live == (await here.row()).active
            assert "Held" == (await here.commit(head)).state

    asyncio.run(story())


def test_a_confirmed_commit_may_remove_what_it_removes(repo, tmp_path, database_url):
    """
    The confirmation is for that commit alone, and it is used up by it (R5).
    """

    async def story():
        names = [f"w{i:02}" for i in range(20)]
        repo.commit({f"{n}.yaml": spec(n) for n in names})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            held = repo.commit({}, gone=[f"{n}.yaml" for n in names[:6]])
            await here.look()
            assert f"sark confirm shop@{held}" in await here.message()
            await here.put(Asked(Kind.CONFIRM, "meant", 24 * HOUR, "f" * 40))
            await here.look()
            assert 20 == len(await here.workflows())
            await here.put(Asked(Kind.CONFIRM, "meant", 24 * HOUR, held))
            await here.look()

            assert (held, 14) == ((await here.row()).active, len(await here.workflows()))
            assert [] == await here.overrides()
            repo.commit({}, gone=[f"{n}.yaml" for n in names[6:12]])
            await here.look()
            assert 14 == len(await here.workflows())

    asyncio.run(story())
