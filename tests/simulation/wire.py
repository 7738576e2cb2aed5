"""Connections to the small PostgreSQL: requests and answers travel, are late, and get lost."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import psycopg

from engine.errors import Unavailable
from engine.store.arrays import Array
from tests.simulation.chance import Chance, Fault
from tests.simulation.contracts import contract_of
from tests.simulation.database import Contract, Database, MustWait, Session, commit, rollback
from tests.simulation.loop import HERE, Process, VirtualLoop

_LOCK_TIMEOUT = 10.0
# What `pg_terminate_backend` waits for, and how long a session that ends badly takes at most.
_TERMINATING = 1.0


@dataclass(eq=False)
class Asked:
    """A statement under way. `is_over` once it is done, refused or given up."""

    session: Session
    name: str
    contract: Contract
    values: Mapping[str, Any]
    answer: Callable[[Any], None]
    process: str = ""
    may_wait_for_ever: bool = False
    is_over: bool = False


class Server:
    """PostgreSQL and the network before it."""

    def __init__(self, loop: VirtualLoop, chance: Chance) -> None:
        self.loop = loop
        self.chance = chance
        self.database = Database(loop.now, self._terminate)
        self.is_away = False
        self.is_over = False
        self.links: dict[Process, list[Link]] = defaultdict(list)
        self.watch: Callable[[Asked, object], None] = lambda *_: None
        self.trace: list[tuple[Any, ...]] = []
        self._waiting: list[Asked] = []

    async def connect(self, name: str) -> "Link":
        """Return a connection; raise Unavailable while PostgreSQL is away."""
        await asyncio.sleep(self.chance.delay())
        if self.is_away:
            raise Unavailable("PostgreSQL does not answer")
        link = Link(self, self.database.connect(name))
        self.links[link.process].append(link)
        return link

    def restart(self, seconds: float) -> None:
        """End every session; take no new ones for a time. What is on the disk stays."""
        self.is_away = True
        self.database.started_at = self.loop.now() + timedelta(seconds=seconds)
        self.loop.outside(seconds, setattr, self, "is_away", False)
        for each in list(self.database.sessions.values()):
            self.end(each)
        self.database.crash()

    def end(self, session: Session) -> None:
        """End a session: its statement is not done any more, unless it is done already."""
        if not session.is_ended:
            self.database.end(session)
            for each in [one for one in self._waiting if one.session is session]:
                self._waiting.remove(each)
                self._reply(each, _lost())
            self._go_on()

    def leave(self, asked: Asked | None, session: Session) -> None:
        """The client has gone; what it has asked before is done first."""
        if asked is None or asked.is_over:
            self.end(session)
        else:
            session.is_left = True

    def ask(self, asked: Asked) -> None:
        """A request has come."""
        if asked.session.is_ended:
            return self._reply(asked, _lost())
        if not asked.is_over and not self._try(asked):
            self._waiting.append(asked)
            if not asked.may_wait_for_ever:
                self.loop.outside(_LOCK_TIMEOUT, self._give_up, asked)

    def withdraw(self, asked: Asked) -> None:
        """Whoever asked waits no more; what is not done yet is not done."""
        if not asked.is_over:
            asked.is_over = True
            if asked in self._waiting:
                self._waiting.remove(asked)
            self.database.abort(asked.session)
            self._go_on()

    def _try(self, asked: Asked) -> bool:
        """Do a statement; return False if it must wait for another session."""
        try:
            told: Any = self.database.run(asked.session, asked.contract, asked.values)
        except MustWait:
            return False
        except psycopg.Error as error:
            told = error
        asked.is_over = True
        self.note(asked, told)
        self.watch(asked, told)
        self._reply(asked, told, is_done=True)
        self._go_on()
        return True

    def note(self, asked: Asked, told: Any) -> None:
        what: object = type(told).__name__ if isinstance(told, Exception) else len(told)
        self.trace.append((self.loop.time(), asked.process, asked.session.name, asked.session.pid,
                           asked.name, what))  # fmt: skip

    def _reply(self, asked: Asked, told: Any, is_done: bool = False) -> None:
        if is_done or not asked.is_over:
            asked.is_over = True
            self.loop.outside(self.chance.delay(), asked.answer, told)
            if asked.session.is_left:
                self.loop.outside(0, self.end, asked.session)

    def _go_on(self) -> None:
        """Let whoever waits for a lock try again, in the order in which they came."""
        self.loop.outside(0, self._retry)

    def _retry(self) -> None:
        for each in list(self._waiting):
            if each in self._waiting and self.database.may_go_on(each.session):
                self._waiting.remove(each)
                if not self._try(each):
                    self._waiting.append(each)

    def _give_up(self, asked: Asked) -> None:
        if asked in self._waiting:
            self._waiting.remove(asked)
            self.database.abort(asked.session)
            self._reply(asked, psycopg.errors.LockNotAvailable("lock timeout"))
            self._go_on()

    def _terminate(self, session: Session) -> None:
        """End a session as `pg_terminate_backend` does; now and then it takes too long."""
        self.loop.outside(self.chance.slowness(_TERMINATING), self.end, session)


class Link:
    """A connection as the engine uses psycopg's: in autocommit, one statement at a time."""

    def __init__(self, server: Server, session: Session) -> None:
        self.server = server
        self.session = session
        self.closed = False
        self.process = HERE.get()
        self._answer: asyncio.Future[Any] | None = None
        self._asked: Asked | None = None
        self._begins = False

    async def execute(self, query: str | bytes, values: Mapping[str, Any] | None = None) -> "Rows":
        name, contract = contract_of(query)
        return Rows(await self.ask(name, contract, values or {}))

    def cursor(self, row_factory: Any) -> "Rows":
        # Of psycopg's `class_row` nothing but the class is needed.
        return Rows([], row_factory.__closure__[0].cell_contents, self)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Hold a transaction."""
        self._begins = True
        try:
            yield
        except BaseException:
            if not self.closed and not self._begins:
                await self.ask("ROLLBACK", rollback, {})
            self._begins = False
            raise
        if self._begins:
            self._begins = False
        else:
            await self.ask("COMMIT", commit, {})

    async def __aenter__(self) -> "Link":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Say goodbye: the server hears of it after what it does now."""
        if not self.closed:
            self.lose()

    def lose(self) -> None:
        """The connection is gone; the server notices that a little later."""
        if not self.closed:
            self.closed = True
            server = self.server
            server.loop.outside(server.chance.delay(), server.leave, self._asked, self.session)
            if self._answer is not None:
                _tell(self._answer, _lost())

    async def ask(
        self, name: str, contract: Contract, values: Mapping[str, Any],
        meanwhile: Callable[[], None] | None = None,
    ) -> list[Any]:  # fmt: skip
        """Send a statement and await its answer."""
        if self.closed or self.server.is_over:
            raise psycopg.OperationalError("the connection is closed")
        server, fate = self.server, self.server.chance.fate(self.process.name)
        answer = self._answer = server.loop.create_future()
        plain = {key: each.values if isinstance(each, Array) else each
                 for key, each in values.items()}  # fmt: skip
        asked = self._asked = Asked(self.session, name, contract, plain, partial(_tell, answer))
        asked.process = self.process.name
        asked.may_wait_for_ever = name == "leases._LEAD"
        if self._begins:
            self._begins, self.session.in_block = False, True
        self._send(asked, fate)
        if meanwhile is not None:
            meanwhile()
        return await self._answered(asked, can_withdraw=meanwhile is None)

    def _send(self, asked: Asked, fate: Fault | None) -> None:
        server, kind = self.server, fate.kind if fate is not None else ""
        if kind == "cut before":
            asked.is_over = True
            return self.lose()
        if kind == "refuse" and not self.session.in_block:
            asked.is_over = True
            error = psycopg.errors.SerializationFailure("could not serialize access")
            return server.loop.outside(server.chance.delay(), asked.answer, error)
        if kind == "cut after":
            asked.answer = lambda _: self.lose()
        if kind == "stall" and fate is not None:
            server.loop.freeze(self.process, fate.span)
        slow = fate.span if kind == "slow" and fate is not None else 0.0
        return server.loop.outside(server.chance.delay() + slow, server.ask, asked)

    async def _answered(self, asked: Asked, can_withdraw: bool) -> list[Any]:
        """Await an answer; where nobody awaits it any more, the statement is withdrawn.

        libpq's own calls withdraw nothing: their connection is closed instead.
        """
        assert self._answer is not None
        try:
            told = await self._answer
        except asyncio.CancelledError:
            if can_withdraw:
                self.server.withdraw(asked)
            raise
        if isinstance(told, Exception):
            if self.session.is_ended:
                self.closed = True
            raise told
        return list(told)


@dataclass
class Rows:
    """What a statement has answered, or a cursor that will ask."""

    found: list[Any]
    kind: Any = None
    link: Link | None = None

    async def __aenter__(self) -> "Rows":
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def execute(self, query: str, values: Mapping[str, Any] | None = None) -> None:
        assert self.link is not None
        self.found = (await self.link.execute(query, values)).found

    async def fetchall(self) -> list[Any]:
        return self.found if self.kind is None else [self.kind(*row) for row in self.found]

    async def fetchone(self) -> Any:
        found = await self.fetchall()
        return found[0] if found else None


class PreparedStatement:
    """Stands in for `engine.store.statement.Statement`, which talks to libpq."""

    def __init__(self, connection: Any, name: str, text: str, kinds: object) -> None:
        self._link: Link = connection
        self._name, self._contract = contract_of(name)

    async def ask(
        self, values: Mapping[str, Any], meanwhile: Callable[[], None] | None = None
    ) -> list[Any]:
        try:
            then = meanwhile or _nothing
            return await self._link.ask(self._name, self._contract, values, then)
        except asyncio.CancelledError:
            self._link.lose()
            raise


def _tell(answer: asyncio.Future[Any], told: Any) -> None:
    """Answer a question; one that nobody awaits any more answers no later one."""
    if not answer.done():
        answer.set_result(told)


def _nothing() -> None:
    """Nothing is to be done meanwhile."""


def _lost() -> psycopg.Error:
    return psycopg.OperationalError("the connection is lost")
