"""A worker that alone is cut off from PostgreSQL."""

import asyncio
from collections import Counter
from pathlib import Path

from engine.store.pool import Connection
from tests.heart import house
from tests.proxy import Proxy
from tests.test_worker import Fleet, chain, marked, outcomes


def test_a_worker_that_is_cut_off_loses_its_runs_and_overwrites_nothing(
    tmp_path: Path, database_url: str
):
    """
    Nothing passes between a worker and PostgreSQL for longer than its lease: another has its runs.
    When all passes again, what the first had still to say changes nothing, and it begins anew.
    """
    for name in ("cut", "whole"):
        (tmp_path / name).mkdir()

    async def check() -> None:
        async with house(database_url) as here, Proxy(database_url) as proxy:
            fleets = [Fleet(tmp_path / "cut", proxy.url, None),
                      Fleet(tmp_path / "whole", database_url, None)]  # fmt: skip
            try:
                first = fleets[0].add()
                (run,) = await here.start(chain(8, 0.2))
                await marked(fleets[0], 2)
                proxy.freeze()
                fleets[1].add()
                await here.until(run, "succeeded", patience=60)
                before = await here.history(run)
                proxy.thaw()
                async with asyncio.timeout(60):
                    while (first.pid,) not in await _workers(here.connection):
                        await asyncio.sleep(0.05)
            finally:
                for each in fleets:
                    each.end()

            assert before == await here.history(run)
            assert Counter(f"s{i:02}" for i in range(8)) == await outcomes(here, run)
            assert ("lost", "", 0) in before

    asyncio.run(check())


async def _workers(connection: Connection) -> list[tuple[object, ...]]:
    return await (await connection.execute("SELECT pid FROM workers")).fetchall()
