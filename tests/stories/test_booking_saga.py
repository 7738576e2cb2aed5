"""Example 3: flight, hotel and car are booked together, or nothing is."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.core.values import Json
from tests.adapters.servers import Seen, answer, json_answer
from tests.stories.world import World, world

ORDER = "3f0f8f0e-3f5a-4f0c-9d0e-0a5d6c1b2a39"
INPUTS: dict[str, Json] = {
    "order_id": ORDER, "customer": "ann", "flight": {"id": "SK1"}, "hotel": {"id": "H1"},
    "car": {"id": "C1"}, "amount": 4200,
}  # fmt: skip


@dataclass
class Travel:
    """Shops that book by key, and a bank. `held` is what is booked now, by shop and key.

    `broken` shops answer 500, `mute` ones book and hang up; the bank declines if it is `poor`.
    """

    held: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    broken: set[str] = field(default_factory=set)
    mute: set[str] = field(default_factory=set)
    poor: bool = False

    def __call__(self, seen: Seen) -> bytes:
        _, shop, *rest = seen.target.split("/")
        if shop in self.broken:
            return answer(500)
        key = seen.headers.get("idempotency-key", "")
        match seen.method, rest:
            case "POST", ["book"]:
                self.held[shop].setdefault(key, orjson.loads(seen.body)["id"])
                told = {"ref": f"{shop}-{self.held[shop][key]}"}
                return b"" if shop in self.mute else json_answer(orjson.dumps(told), 201)
            case "DELETE", ["book", "by-key", key]:
                return answer(204 if self.held[shop].pop(key, None) else 404)
            case "POST", ["charge"]:
                if self.poor:
                    return answer(402)
                self.held["pay"][key] = "paid"
                return json_answer(b'{"receipt": "R-1"}')
            case _:
                return json_answer(b"{}")

    def booked(self) -> set[str]:
        """Return the shops in which something is held."""
        return {shop for shop, held in self.held.items() if held}


@asynccontextmanager
async def travelling(url: str, folder: Path, travel: Travel) -> AsyncIterator[World]:
    async with world(url, folder, travel, {"pay_key": "key-of-the-bank"}) as made:
        yield made


def outcome(url: str, folder: Path, travel: Travel, **changed: Json) -> tuple[Any, Any, World]:
    """Return a run's row, the events that were emitted, and the world that it was in."""

    async def story() -> tuple[Any, Any, World]:
        async with travelling(url, folder, travel) as made:
            run = await made.start("book-trip", {**INPUTS, **changed})
            row = await made.ended(run)
            return row, await made.events(), made

    return asyncio.run(story())


def test_a_trip_is_booked(database_url: str, tmp_path: Path) -> None:
    """
    An order that comes in as an event is booked, paid and ticketed once, however often it comes.
    """

    async def story() -> None:
        travel = Travel()
        async with travelling(database_url, tmp_path, travel) as made:
            for _ in range(2):
                await made.emit("acme.trip.ordered", INPUTS)
            async with asyncio.timeout(60):
                while len(told := await made.events()) < 3:
                    await asyncio.sleep(0.05)

            trip = {"flight": "flights-SK1", "hotel": "hotels-H1", "car": "cars-C1"}
            assert ("acme.trip.confirmed", trip) == told[-1]
            assert {"flights", "hotels", "cars", "pay"} == travel.booked()
            assert 1 == len(made.calls("/pay/"))
            assert ["POST /flights/ticket/flights-SK1"] == made.calls("/flights/ticket")

    asyncio.run(story())


def test_a_trip_without_a_car_is_a_trip(database_url: str, tmp_path: Path) -> None:
    """
    Who wants no car gets none; the payment does not wait for one.
    """
    row, events, made = outcome(database_url, tmp_path, Travel(), car=None)

    assert {"flight": "flights-SK1", "receipt": "R-1"} == row["outputs"]
    assert ("succeeded", []) == (row["status"], row["flags"])
    assert "" == events[-1][1]["car"]
    assert [] == made.calls("/cars/")


def test_a_shop_for_cars_that_is_down_costs_only_the_car(database_url: str, tmp_path: Path) -> None:
    """
    A car that cannot be had is left out, and the run says that it is degraded.
    """
    row, events, _ = outcome(database_url, tmp_path, Travel(broken={"cars"}))

    assert ("succeeded", ["degraded"]) == (row["status"], row["flags"])
    assert ("acme.trip.confirmed", "") == (events[-1][0], events[-1][1]["car"])


def test_a_declined_payment_leaves_nothing_booked(database_url: str, tmp_path: Path) -> None:
    """
    What was booked is given back, and who ordered is told why.
    """
    travel = Travel(poor=True)
    row, events, made = outcome(database_url, tmp_path, travel)

    assert "compensated" == row["status"]
    assert set() == travel.booked()
    kind, data = events[-1]
    assert "acme.trip.declined" == kind
    assert "402" in data["reason"]
    assert 3 == len([each for each in made.calls() if each.startswith("DELETE")])


@pytest.mark.parametrize("shop", ["flights", "hotels"])
def test_a_booking_whose_reply_was_lost_is_given_back_too(
    database_url: str, tmp_path: Path, shop: str
) -> None:
    """
    The shop booked and hung up, again and again: nobody knows a reference, so it is undone by key.
    """
    travel = Travel(mute={shop})
    row, events, made = outcome(database_url, tmp_path, travel)

    assert "compensated" == row["status"]
    assert set() == travel.booked()
    assert ("acme.trip.failed", {"at": shop.removesuffix("s")}) == events[-1]
    assert [] == made.calls("/pay/")
    own = [each for each in made.calls(f"/{shop}/") if each.startswith("DELETE")]
    assert [f"DELETE /{shop}/book/by-key/{ORDER}-{shop.removesuffix('s')}"] == own
