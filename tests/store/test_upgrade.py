"""A database that has rows is brought up to this version, and keeps them."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4, uuid5

import psycopg
import pytest
from uuid_utils.compat import uuid7

from engine.core import ids
from engine.core.machine import IDS
from engine.store import journal, migrate, partitions, workers
from engine.store.pool import Connection, connect
from engine.store.starts import NewRun, Starts
from engine.store.turns import Claim, Claimed, Turns, Written
from tests.database import another

_CUT_IN = "0022_history.sql"
_LINE = {"0020_line.sql", "0021_suspect.sql"}
# As the program of before the line has it.
_BEGIN = """
    INSERT INTO runs (id, namespace, workflow, plan, trigger, inputs, due_at, started_at, owner,
                      slot_group, slot_rules)
    VALUES (%(id)s, 'local', 'demo', 'p', '{}', '{}', now() + %(due)s * interval '1 s',
            CASE WHEN %(begun)s THEN now() END, %(owner)s,
            %(group)s, CASE WHEN %(group)s::text IS NOT NULL THEN '{}'::json END)
"""
_CLAIM = """
    UPDATE runs SET owner = 9, started_at = coalesce(started_at, now()) WHERE id IN (
        SELECT id FROM runs
         WHERE owner IS NULL AND ended_at IS NULL AND due_at <= now() AND pool = 'default'
         ORDER BY due_at LIMIT %s FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING id
"""
_WORKER = (
    "INSERT INTO workers (pool, host, pid, backend) VALUES ('default', 'h', 1, 0) RETURNING id"
)
_LET_GO = "UPDATE runs SET owner = NULL, due_at = now() + %s * interval '1 s' WHERE id = %s"


Lacks = Callable[[migrate.Migration], bool]


@contextmanager
def old_database(url: str, monkeypatch: pytest.MonkeyPatch, lacks: Lacks) -> Iterator[str]:
    """Give a database that lacks some of the migrations."""
    before = [each for each in migrate.migrations() if not lacks(each)]
    with another(url) as empty:
        with monkeypatch.context() as patched:
            patched.setattr(migrate, "migrations", lambda: before)
            asyncio.run(migrate.migrate(empty))
        yield empty


@pytest.fixture
def old_url(template_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A database as it was before the journal was cut, without runs."""
    with old_database(template_url, monkeypatch, lambda each: each.name >= _CUT_IN) as url:
        yield url


@pytest.fixture
def unordered_url(template_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A database that knows of no line of runs, without runs."""
    with old_database(template_url, monkeypatch, lambda each: each.name in _LINE) as url:
        yield url


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


async def begin(
    link: Connection, due: float, *, begun: bool = False, owner: int | None = None,
    group: str | None = None,
) -> UUID:  # fmt: skip
    run = uuid7()
    told = {"id": run, "due": due, "begun": begun, "owner": owner, "group": group}
    await link.execute(_BEGIN, told)
    return run


async def claim(turns: Turns, limit: int = 256) -> list[Claimed]:
    asked = Claim("default", limit, datetime.now(UTC), "running")
    return await turns.write(Written(), asked)


def test_runs_in_flight_get_into_the_line(unordered_url: str):
    """
    What waits begins in its order, what wakes goes on, what sleeps sleeps on, what waits for its
    group still does, and a worker that dies meanwhile leaves its run to others.
    """

    async def check() -> None:
        async with await connect(unordered_url, "test") as link:
            turns, worker = Turns(link, 99), 0
            for row in await (await link.execute(_WORKER)).fetchall():
                worker = row[0]
            owned = await begin(link, -60, begun=True, owner=worker)
            late = await begin(link, -60)
            early = await begin(link, -70)
            await begin(link, 3600, begun=True)
            woken = await begin(link, -5, begun=True)  # with its lead it goes before one of -60
            grouped = await begin(link, 0, group="g")
            await link.execute("UPDATE runs SET due_at = '9999-01-01Z' WHERE id = %s", (grouped,))
            assert set(await migrate.migrate(unordered_url)) == _LINE
            taken = [[each.id for each in await claim(turns, 1)] for _ in range(4)]
            assert [[early], [woken], [late], []] == taken
            await workers.bury(link, [worker])
            (found,) = await claim(turns)

            assert (owned, True) == (found.id, found.lost)

    asyncio.run(check())


def test_both_programs_take_each_others_runs(unordered_url: str):
    """
    While servers and workers of before and of this version are at work side by side: what one
    starts, lets go or leaves behind the other takes, and no sleeper is woken early by this one.
    """

    async def check() -> None:
        await migrate.migrate(unordered_url)
        async with await connect(unordered_url, "test") as link:
            turns = Turns(link, 1)
            theirs = await begin(link, -60)
            assert [theirs] == [each.id for each in await claim(turns)]
            new = [NewRun(uuid7(), "local", "demo", "", "", "p", {}, {}, fair_key=key)
                   for key in ("", "a", "a")]  # fmt: skip
            assert await Starts(link).write(1, new) is not None
            taken = await (await link.execute(_CLAIM, (3,))).fetchall()
            assert {each.id for each in new} == {row[0] for row in taken}
            await link.execute(_LET_GO, (3600, new[0].id))
            await link.execute(_LET_GO, (-1, new[1].id))

            assert [new[1].id] == [each.id for each in await claim(turns)]

    asyncio.run(check())
