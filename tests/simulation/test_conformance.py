"""The small PostgreSQL says what a real one says: random calls on both, in turns and at once."""

import asyncio
import random
from contextlib import ExitStack
from itertools import count
from typing import Any

import psycopg
import pytest

import engine.store.starts
import engine.store.turns
from engine.store import workers
from engine.store.pool import OWNER, connect
from engine.store.statement import Statement
from tests.simulation.calls import Call, Calls
from tests.simulation.seams import replaced
from tests.simulation.sides import DirectLink, Model, Real, said
from tests.simulation.wire import PreparedStatement

_SESSIONS = 4
_CALLS = 120
_NUMBERS = count(1)


def _statement(connection: Any, name: str, *about: Any) -> Any:
    """Return a statement of either; on a real connection each has a name of its own."""
    if isinstance(connection, DirectLink):
        return PreparedStatement(connection, name, *about)
    return Statement(connection, f"{name}_{next(_NUMBERS)}", *about)


async def _play(url: str, seed: int) -> None:
    async with await connect(url, "test") as look:
        await Duel(Real(url, look), seed).play()


class Duel:
    """The two, with the same sessions; at most one of them holds a transaction open."""

    def __init__(self, real: Real, seed: int) -> None:
        self.model, self.real = Model(), real
        self.dice = random.Random(seed)
        self.calls = Calls(self.dice)
        self.block: int | None = None

    async def play(self) -> None:
        for number in range(_SESSIONS):
            await self._open(number)
        for _ in range(_CALLS):
            await self._one()
        await self._settle()
        for number in range(_SESSIONS):
            await self.real.links[number].close()

        assert await self.real.dump() == await self.model.dump()

    async def _one(self) -> None:
        number = self.dice.randrange(_SESSIONS)
        match self.dice.randint(0, 19):
            case 0 | 1 if self.block is None:
                self.block = number
                await self.real.begin(number)
                await self.model.begin(number)
            case 2 | 3:
                await self._end_block()
            case 4:
                await self._reopen(number)
            case _:
                name, call = self.calls.draw()
                call_ends = name == "_terminate"
                # Nobody ends the connection on which he asks for that.
                await self._both(0 if call_ends else number, name, call)
        if self.block is None:
            assert await self.real.dump() == await self.model.dump()

    async def _both(self, number: int, name: str, call: Call) -> None:
        """Make a call on both; where one waits for a lock the other must wait as well."""
        model = asyncio.create_task(_outcome(call, self.model, self.model.links[number]))
        for _ in range(50):
            await asyncio.sleep(0)
        real = asyncio.create_task(_outcome(call, self.real, self.real.links[number]))
        while not model.done():
            waits = asyncio.create_task(self.real.until_it_waits(number))
            await asyncio.wait({waits, real}, return_when=asyncio.FIRST_COMPLETED)
            assert not real.done(), (name, real)
            await self._let_go(number)
            for _ in range(50):
                await asyncio.sleep(0)

        assert await asyncio.wait_for(real, 60) == model.result(), name
        if self.block == number and model.result()[0] == "error":
            await self._end_block()
        await self._reopen_ended()

    async def _let_go(self, number: int) -> None:
        """Let whoever is waited for end what it holds."""
        if self.block is not None and self.block != number:
            return await self._end_block()
        for each in self.model.holders():
            if each != number:
                await self._reopen(each)

    async def _settle(self) -> None:
        await self._end_block()

    async def _end_block(self) -> None:
        if self.block is not None:
            number, self.block = self.block, None
            how = self.dice.choice(["COMMIT", "COMMIT", "ROLLBACK"])
            await self.real.end(number, how)
            await self.model.end(number, how)

    async def _open(self, number: int) -> None:
        """Open a session; half of them are workers."""
        name = OWNER if number % 2 else "sweep"
        await self.real.open(number, name)
        await self.model.open(number, name)
        if number % 2:
            for link in (self.real.links[number], self.model.links[number]):
                kept: Any = link
                await workers.register(kept, "default", "h", 1)

    async def _reopen(self, number: int) -> None:
        if self.block == number:
            await self._end_block()
        await self.real.close(number)
        await self.model.close(number)
        await self._open(number)

    async def _reopen_ended(self) -> None:
        """Whoever was terminated comes again as another."""
        for number, link in list(self.model.links.items()):
            if link.session.is_ended:
                if self.block == number:
                    self.block = None
                await self.real.close(number)
                await self._open(number)


async def _outcome(call: Call, side: Any, link: Any) -> tuple[str, Any]:
    try:
        return "answer", said(await call(side, link))
    except psycopg.Error as error:
        return "error", type(error).__name__


@pytest.mark.parametrize("seed", range(6))
def test_the_small_postgresql_is_like_the_real_one(database_url: str, seed: int) -> None:
    """
    What the simulation believes of PostgreSQL is so: every statement answers, writes, waits and is
    refused as it is there, whoever else has what under way.
    """
    with ExitStack() as stack:
        for module in (engine.store.turns, engine.store.starts):
            stack.enter_context(replaced(module, "Statement", _statement))
        asyncio.run(_play(database_url, seed))
