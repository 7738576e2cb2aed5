"""Example 2: yesterday's orders are loaded, a file a region, and published once all is well."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from engine.core.values import Json
from tests.adapters.servers import Seen, answer
from tests.stories.world import world

DAY = "2026-03-28"
REGIONS = ["fr", "de", "us", "no"]
WAREHOUSE = """
    CREATE TABLE orders_raw (order_id int, region text, day date, total numeric);
    CREATE TABLE orders (region text, day date, count int);
    CREATE PROCEDURE publish_orders(wanted text) LANGUAGE sql AS $$
        INSERT INTO orders SELECT region, day, count(*) FROM orders_raw
         WHERE day = wanted::date GROUP BY region, day
    $$;
"""


@dataclass
class Exports:
    """A file for each region: two orders. `late` ones are not there at first, `gone` ones never.

    Half of the order ids of `bad` ones are missing.
    """

    late: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    bad: set[str] = field(default_factory=set)
    asked: Counter[str] = field(default_factory=Counter)

    def __call__(self, seen: Seen) -> bytes:
        _, _, _, region, file = seen.target.split("/")
        self.asked[region] += 1
        if file != f"{DAY}.csv" or region in self.gone:
            return answer(404)
        if region in self.late and self.asked[region] < 3:
            return answer(404)
        second = "" if region in self.bad else "2"
        text = f"order_id,total\n1,10.50\n{second},20\n"
        return answer(200, text.encode(), ("Content-Type: text/csv",))


def night(url: str, folder: Path, exports: Exports, runs: int = 1) -> tuple[Any, Any]:
    """Return the row of the last of some runs for one day, and the events of all of them."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(WAREHOUSE)

    async def story() -> tuple[Any, Any]:
        adapters = {"sql": {"allow_hosts": ["127.0.0.1"]}}
        async with world(url, folder, exports, {"warehouse_dsn": url}, adapters) as made:
            inputs: dict[str, Json] = {"day": DAY, "regions": REGIONS}
            for _ in range(runs):
                row = await made.ended(await made.start("nightly-orders-etl", inputs))
            return row, await made.events()

    return asyncio.run(story())


def rows(url: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(statement.encode()).fetchall()


def loaded(url: str) -> dict[str, int]:
    """Return how many orders of each region are in the warehouse."""
    told = "SELECT region, count(*) FROM orders_raw GROUP BY region"
    return dict(rows(url, told))


def test_a_night_loads_every_region(database_url: str, tmp_path: Path) -> None:
    """
    Each region is loaded, the day is published, and all hear how much there is of it; the same
    day again leaves what once left.
    """
    row, events = night(database_url, tmp_path, Exports(), runs=2)

    assert ("succeeded", []) == (row["status"], row["flags"])
    assert {"loaded": 8} == row["outputs"]
    assert dict.fromkeys(REGIONS, 2) == loaded(database_url)
    told = {"day": DAY, "loaded": 8, "missing": []}
    assert [("acme.orders.loaded", told)] * 2 == events
    assert 8 == len(rows(database_url, "SELECT * FROM orders"))


def test_a_file_that_is_late_is_waited_for(database_url: str, tmp_path: Path) -> None:
    """
    A file that is not there yet is no fault: it is asked for again.
    """
    exports = Exports(late={"no"})
    row, _ = night(database_url, tmp_path, exports)

    assert ("succeeded", []) == (row["status"], row["flags"])
    assert 3 == exports.asked["no"]
    assert {"loaded": 8} == row["outputs"]


def test_two_regions_may_fail(database_url: str, tmp_path: Path) -> None:
    """
    One without a file and one with bad data are left out, told by name, and nothing of theirs is
    loaded.
    """
    row, events = night(database_url, tmp_path, Exports(gone={"fr"}, bad={"us"}))

    assert ("succeeded", ["degraded"]) == (row["status"], row["flags"])
    assert {"de": 2, "no": 2} == loaded(database_url)
    told = {"day": DAY, "loaded": 4, "missing": ["fr", "us"]}
    assert [("acme.orders.loaded", told)] == [
        (kind, {**data, "missing": sorted(data["missing"])}) for kind, data in events
    ]


@pytest.mark.parametrize("third", ["de", "no"])
def test_the_third_region_that_fails_stops_the_night(
    database_url: str, tmp_path: Path, third: str
) -> None:
    """
    More than two are too many: nothing is published, and nobody is told that it was.
    """
    row, events = night(database_url, tmp_path, Exports(gone={"fr", third}, bad={"us"}))

    assert ("failed", "sark.items") == (row["status"], row["error"]["type"])
    assert "load" == row["error"]["step"]
    assert [] == events
    assert [] == rows(database_url, "SELECT * FROM orders")
