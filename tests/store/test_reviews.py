"""Who writes several reviews at once does so in one order: nobody waits in a circle."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from engine.store import reviews
from engine.store.pool import Connection, connect

_REF = "refs/pull/1/head"
_SOURCES = ["b", "a"]


@pytest.mark.parametrize(
    "write",
    [
        lambda link: reviews.want(link, _SOURCES, _REF, 1),
        lambda link: reviews.want_again(link, _SOURCES, _REF),
        lambda link: reviews.rerun(link, _SOURCES, 7),
        lambda link: reviews.over(link, _SOURCES, _REF),
    ],
)
def test_whoever_waits_for_the_first_holds_none_of_the_others(
    database_url: str, write: Callable[[Connection], Awaitable[None]]
):
    """
    Two servers hear of one pull request of two sources while a leader writes both: whoever comes
    second waits for the first of the rows and has none of the others, so no two wait in a circle.
    """

    async def story():
        async with (
            await connect(database_url, "one") as one,
            await connect(database_url, "two") as two,
        ):
            for each in _SOURCES:  # as they lie in the table, which is not their order
                await reviews.want(one, [each], _REF, 1)
            await one.execute("UPDATE reviews SET check_id = 7 WHERE source = 'b'")
            await one.execute("UPDATE reviews SET check_id = 7 WHERE source = 'a'")
            async with one.transaction():
                await _touch(one, "a")
                writing = asyncio.ensure_future(write(two))
                async with asyncio.timeout(60):
                    while not (await _waiting(one)):
                        await asyncio.sleep(0.01)
                await _touch(one, "b")
            await writing
            found = [await reviews.read(one, each, _REF) for each in _SOURCES]
            return [each and each.wanted for each in found]

    assert [3, 3] == asyncio.run(story())


def test_what_somebody_writes_is_forgotten_another_time(database_url: str):
    """
    A review that is over and yet written to is left by who forgets, and held up by nobody.
    """

    async def story():
        async with (
            await connect(database_url, "one") as one,
            await connect(database_url, "two") as two,
        ):
            for each in _SOURCES:
                await reviews.want(one, [each], _REF, 1)
            await one.execute(
                "UPDATE reviews SET is_open = false, handled = wanted,"
                " updated_at = now() - interval '1 year'"
            )
            async with one.transaction(), asyncio.timeout(60):
                await _touch(one, "a")
                await reviews.sweep(two)
            return [await reviews.read(one, each, _REF) for each in _SOURCES]

    gone, stays = asyncio.run(story())
    assert gone is None
    assert stays is not None


async def _touch(connection: Connection, source: str) -> None:
    await connection.execute("UPDATE reviews SET wanted = wanted + 1 WHERE source = %s", [source])


async def _waiting(connection: Connection) -> bool:
    found = await connection.execute("SELECT FROM pg_locks WHERE NOT granted")
    return await found.fetchone() is not None
