"""An intake that events come to, and a leader that lets go what waits, for the tests of both."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeAlias

import psycopg

from engine import gates
from engine.intake import Delivered, Delivery, Intake, Kind
from engine.store import leases
from engine.store.pool import connect, pool
from tests.test_intake import Bell
from tests.webhooks.served import POLICY, activate
from tests.webhooks.test_gates import spec

Fires: TypeAlias = Callable[[Intake], Awaitable[timedelta | None]]
DEBOUNCE = spec('debounce: {key: "{{ event.body.k }}", for: 1h, max_wait: 2h}')


class Rung(Bell):
    """Counts the rings for the relay, too."""

    def __init__(self) -> None:
        super().__init__()
        self.relay = 0

    def ring_relay(self) -> None:
        self.relay += 1


@asynccontextmanager
async def opened(url: str, policy: Any = POLICY, bell: Bell | None = None) -> AsyncIterator[Intake]:
    async with pool(url, "test") as connections, Intake(url, connections, bell, policy) as intake:
        yield intake


@asynccontextmanager
async def leading(url: str) -> AsyncIterator[Fires]:
    """Give what lets everything go that is due, as the relay's leader does."""
    async with await connect(url, "relay") as connection:
        session = await leases.lead(connection, "relay")
        yield lambda intake: gates.fire(session, intake)


async def come(intake: Intake, number: int, key: str = "a", **more: Any) -> Delivered:
    body = {"n": str(number), "k": key, **more}
    return await intake.deliver(
        Delivery(
            "shop/paid", f"d-{number}", Kind.WEBHOOK, "shop", json.dumps(body).encode(),
            {"id": f"d-{number}", "headers": {}, "body": body}, hooks=frozenset({("paid", "hook")}),
        )
    )  # fmt: skip


def rows(url: str, statement: str, *values: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        done = connection.execute(statement.encode(), values)
        return done.fetchall() if done.description else []


def make_due(url: str) -> None:
    """Let what waits have waited long enough."""
    rows(url, "UPDATE held SET due_at = now()")


def decisions(url: str) -> dict[str, str]:
    return dict(rows(url, "SELECT delivery, said FROM decisions"))


def texts(url: str) -> list[str]:
    return [row[0] for row in rows(url, "SELECT inputs->>'text' FROM runs ORDER BY id")]


def counting(most: int = 3) -> Mapping[str, str]:
    gates_ = f'batch: {{key: "{{{{ event.body.k }}}}", max_items: {most}, max_wait: 1h}}'
    return spec(gates_, "{{ event.items[0].body.n }}+{{ event.items | length }}")


def played(url: str, specs: Mapping[str, str], *numbers: int, policy: Any = POLICY) -> None:
    """Let events of one key come, and all that waits go."""

    async def play() -> None:
        await activate(url, specs, "shop", "shop")
        async with opened(url, policy) as intake, leading(url) as fire:
            for number in numbers:
                await come(intake, number)
            make_due(url)
            await fire(intake)

    asyncio.run(play())
