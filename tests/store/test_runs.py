"""Runs as they are started: in groups, each key once."""

import asyncio
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from engine.store import runs
from engine.store.runs import NewRun
from tests.heart import house

# Each row takes its time, so that two groups surely meet.
_SLOW = """
    CREATE FUNCTION rest() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(0.02); RETURN NEW; END $$;
    CREATE TRIGGER rest BEFORE INSERT ON runs FOR EACH ROW EXECUTE FUNCTION rest();
"""


def new(key: str | None = None, **more: Any) -> NewRun:
    return NewRun(uuid7(), "local", "demo", "src", "c0ffee", "plan", {"id": "api"}, {}, key, **more)


def test_thousands_start_in_one_statement(database_url: str):
    """
    A group of any size is one round trip, and none is lost.
    """

    async def check() -> None:
        async with house(database_url) as here:
            group = [new() for _ in range(5000)]

            assert await runs.insert(here.connection, group) == {each.id for each in group}

    asyncio.run(check())


def test_a_key_starts_one_run(database_url: str):
    """
    Twice in one group, or in a later one: the first run is the one, and it is found by its key.
    """

    async def check() -> None:
        async with house(database_url) as here:
            first, second, other, none = new("k"), new("k"), new("l"), new()
            created = await runs.insert(here.connection, [first, second, other, none])
            assert len(created & {first.id, second.id}) == 1
            assert {other.id, none.id} <= created
            assert await runs.insert(here.connection, [new("k")]) == frozenset()
            found = await runs.by_key(here.connection, "local", "demo", "k")

            assert found is not None
            assert found[0] in created

    asyncio.run(check())


def test_groups_with_the_same_keys_do_not_deadlock(database_url: str):
    """
    Two servers that start the same keys at once, in whatever order, start each once.
    """

    async def group(keys: list[str]) -> frozenset[UUID]:
        async with house(database_url) as here, here.connection.transaction():
            return await runs.insert(here.connection, [new(key) for key in keys])

    async def check() -> None:
        async with house(database_url) as here:
            await here.connection.execute(_SLOW)
        keys = [f"k{i:02}" for i in range(10)]
        created = await asyncio.gather(group(keys), group(keys[::-1]))

        assert sum(map(len, created)) == 10

    asyncio.run(check())
