"""Runs as they are started: in groups, each key once."""

import asyncio
from typing import Any

from uuid_utils.compat import uuid7

from engine.store import keys
from engine.store.deliveries import Name
from engine.store.keys import Key
from engine.store.starts import NewDelivery, NewRun, Starts, Written
from tests.heart import house

NOW = 1  # how many activations a database has seen that was just made

# Each row takes its time, so that two groups surely meet.
_SLOW = """
    CREATE FUNCTION rest() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(0.02); RETURN NEW; END $$;
    CREATE TRIGGER rest BEFORE INSERT ON runs FOR EACH ROW EXECUTE FUNCTION rest();
"""


def new(key: str | None = None, **more: Any) -> NewRun:
    told = None if key is None else Key("local", "demo", key)
    about = {"id": "api"}
    return NewRun(uuid7(), "local", "demo", "src", "c0ffee", "plan", about, {}, key=told, **more)


def test_thousands_start_in_one_statement(database_url: str):
    """
    A group of any size is one round trip, and none is lost.
    """

    async def check() -> None:
        async with house(database_url) as here:
            group = [new() for _ in range(5000)]
            written = await here.starts.write(NOW, group)

            assert Written(frozenset(), frozenset(each.id for each in group)) == written

    asyncio.run(check())


def test_a_key_starts_one_run(database_url: str):
    """
    Twice in one group, or in a later one: the first run is the one, and it is found by its key.
    """

    async def check() -> None:
        async with house(database_url) as here:
            first, second, other, none = new("k"), new("k"), new("l"), new()
            written = await here.starts.write(NOW, [first, second, other, none])
            assert written is not None
            (begun,) = written.begun & {first.id, second.id}
            assert {other.id, none.id} <= written.begun
            assert Written(frozenset(), frozenset()) == await here.starts.write(NOW, [new("k")])
            key = Key("local", "demo", "k")
            found = await keys.taken(here.connection, [key])

            assert begun == found[key].run

    asyncio.run(check())


def test_a_delivery_starts_its_runs_once(database_url: str):
    """
    What a delivery sets off begins when it is recorded, and not when it is told again.
    """

    async def check() -> None:
        async with house(database_url) as here:
            name = Name("github/shop", "d-1")
            told = NewDelivery(name, "push", b"{}")
            run, again = new(delivery=name), new(delivery=name)
            first = await here.starts.write(NOW, [run], [told])
            second = await here.starts.write(NOW, [again], [told])

            assert Written(frozenset({name}), frozenset({run.id})) == first
            assert Written(frozenset(), frozenset()) == second

    asyncio.run(check())


def test_a_group_that_is_sent_again_is_written_once(database_url: str):
    """
    Whoever does not know what became of a group sends it again, and nothing is there twice.
    """

    async def check() -> None:
        async with house(database_url) as here:
            group = [new(), new("k")]
            await here.starts.write(NOW, group)

            assert Written(frozenset(), frozenset()) == await here.starts.write(NOW, group)

    asyncio.run(check())


def test_nothing_is_written_by_an_old_active_set(database_url: str):
    """
    A group that was judged before an activation is not written after it.
    """

    async def check() -> None:
        async with house(database_url) as here:
            name = Name("github/shop", "d-1")
            group = [new(), new("k")]

            told = [NewDelivery(name, "push", b"{}")]
            assert await here.starts.write(NOW - 1, group, told) is None
            written = await here.starts.write(NOW, group, told)
            assert written is not None
            assert {each.id for each in group} == written.begun

    asyncio.run(check())


def test_groups_with_the_same_keys_do_not_deadlock(database_url: str):
    """
    Two servers that start the same keys at once, in whatever order, start each once.
    """

    async def group(keys: list[str]) -> int:
        async with house(database_url) as here:
            written = await Starts(here.connection).write(NOW, [new(key) for key in keys])
            assert written is not None
            return len(written.begun)

    async def check() -> None:
        async with house(database_url) as here:
            await here.connection.execute(_SLOW)
        keys = [f"k{i:02}" for i in range(10)]
        begun = await asyncio.gather(group(keys), group(keys[::-1]))

        assert sum(begun) == 10

    asyncio.run(check())
