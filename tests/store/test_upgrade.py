"""A database that has rows is brought up to this version, and keeps them."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4, uuid5

import psycopg
import pytest

from engine.core import ids
from engine.core.machine import IDS
from engine.store import journal, migrate, partitions
from engine.store.pool import connect

_CUT_IN = "0022_history.sql"


@pytest.fixture
def old_url(template_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A database as it was before the journal was cut, with three runs of four rows each."""
    place, _, _ = template_url.rpartition("/")
    name = f"old_{uuid4().hex[:12]}"
    before = [each for each in migrate.migrations() if each.name < _CUT_IN]
    with psycopg.connect(f"{place}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0'.encode())
        with monkeypatch.context() as patched:
            patched.setattr(migrate, "migrations", lambda: before)
            asyncio.run(migrate.migrate(f"{place}/{name}"))
        yield f"{place}/{name}"
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def test_the_journals_that_there_are_stay(old_url: str):
    """
    Every run has its rows as before, also one whose id tells no time; the old table has become the
    first partition, and nothing is left to do.
    """
    now = datetime.now(UTC)
    told = [
        ids.timed(now - timedelta(days=400), uuid4()),
        ids.timed(now, uuid4()),
        uuid5(IDS, "a run that another one started"),
    ]
    with psycopg.connect(old_url) as connection:
        for run in told:
            connection.execute(
                "INSERT INTO journal SELECT %s, seq, now(), 'succeeded', 'a', 1, '{}' "
                "FROM generate_series(1, 4) AS seq",
                (run,),
            )

    async def upgraded() -> tuple[dict[UUID, int], list[str], int]:
        applied = await migrate.migrate(old_url)
        assert _CUT_IN in applied
        assert [] == await migrate.migrate(old_url)
        async with await connect(old_url, "test") as link:
            found = await journal.read_many(link, told)
            there, _ = await partitions.listed(link)
            cursor = await link.execute("SELECT count(*) FROM journal_default")
            loose = await cursor.fetchone()
            assert loose is not None
            assert there[0].span.end > now + timedelta(days=1)
            return (
                {run: len(rows) for run, rows in found.items()},
                [each.name for each in there],
                loose[0],
            )

    assert (dict.fromkeys(told, 4), ["journal_before"], 4) == asyncio.run(upgraded())


def test_a_database_without_runs_begins_anew(old_url: str):
    """
    No empty table is left over.
    """

    async def upgraded() -> list[str]:
        await migrate.migrate(old_url)
        async with await connect(old_url, "test") as link:
            return [each.name for each in (await partitions.listed(link))[0]]

    assert [] == asyncio.run(upgraded())
