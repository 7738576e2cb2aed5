"""The same calls of `engine.store` on the small PostgreSQL and on a real one."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from engine.store.arrays import Array
from engine.store.pool import Connection, connect
from tests.simulation.contracts import contract_of
from tests.simulation.database import Database, MustWait, Session, commit, rollback
from tests.simulation.wire import Rows

_START = datetime(2026, 1, 1, tzinfo=UTC)
_DUMPS = {
    "runs": ("id", "status", "flags", "owner", "lost", "unheard", "due_at", "wake_at", "ended_at",
             "cancel", "started_at", "suspect"),
    "journal": ("run_id", "seq", "kind", "path", "attempt"),
    "inbox": ("run_id", "kind", "path", "key", "attempt"),
    "outbox": ("run_id", "kind", "path"),
    "handouts": ("run_id", "path", "attempt", "worker", "marked", "revoked", "taken_at", "place"),
    "workers": ("id",), "events": ("id",), "watches": ("run_id", "path", "event"),
}  # fmt: skip


class DirectLink:
    """A connection to the small PostgreSQL with no network between."""

    def __init__(self, model: "Model", name: str) -> None:
        self.model = model
        self.session = model.database.connect(name)
        self.closed = False

    async def ask(
        self, name: str, contract: Any, values: Mapping[str, Any], meanwhile: object = None
    ) -> list[Any]:
        plain = {key: each.values if isinstance(each, Array) else each
                 for key, each in values.items()}  # fmt: skip
        while True:
            if self.session.is_ended:
                raise psycopg.OperationalError("the connection is lost")
            self.model.go_on.clear()
            try:
                answer = self.model.database.run(self.session, contract, plain)
            except MustWait:
                await self.model.go_on.wait()
            except psycopg.Error:
                self.model.go_on.set()
                raise
            else:
                self.model.go_on.set()
                return answer

    async def execute(self, query: str, values: Mapping[str, Any] | None = None) -> Rows:
        name, contract = contract_of(query)
        return Rows(await self.ask(name, contract, values or {}))

    def cursor(self, row_factory: Any) -> Rows:
        link: Any = self
        return Rows([], row_factory.__closure__[0].cell_contents, link)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Hold a transaction, unless one is held already."""
        is_outer = not self.session.in_block
        self.session.in_block = True
        try:
            yield
        except BaseException:
            if is_outer:
                await self.ask("", rollback, {})
            raise
        if is_outer:
            await self.ask("", commit, {})


class Model:
    """The small PostgreSQL."""

    def __init__(self) -> None:
        self._seconds = 0
        self.database = Database(self._now)
        self.go_on = asyncio.Event()
        self.links: dict[int, DirectLink] = {}

    def _now(self) -> datetime:
        self._seconds += 1
        return _START + timedelta(seconds=self._seconds)

    async def open(self, number: int, name: str) -> None:
        self.links[number] = DirectLink(self, f"sark-{name}")

    async def close(self, number: int) -> None:
        self.database.end(self.links[number].session)
        self.go_on.set()

    async def begin(self, number: int) -> None:
        self.links[number].session.in_block = True

    async def end(self, number: int, how: str) -> None:
        await self.links[number].ask("", commit if how == "COMMIT" else rollback, {})

    async def identity(self, table: str, **where: Any) -> int:
        """Return the id of a row, or one that no row has."""
        rows = self.database.tables[table].values()
        found = (row["id"] for row in rows if all(row[k] == v for k, v in where.items()))
        return int(next(found, 0))

    async def dump(self) -> dict[str, list[str]]:
        now = self.database.now()
        return {
            table: sorted(str([_plain(row[name], now) for name in names]) for row in
                          self.database.tables[table].values())
            for table, names in _DUMPS.items()
        }  # fmt: skip

    def holders(self) -> list[int]:
        """Return the sessions that somebody waits for."""
        waited: set[Session] = set().union(
            *(each.waits_for for each in self.database.sessions.values())
        )
        return [number for number, link in self.links.items() if link.session in waited]


class Real:
    """PostgreSQL itself; `look` is a connection that only looks."""

    def __init__(self, url: str, look: Connection) -> None:
        self._url = url
        self._look = look
        self.links: dict[int, Connection] = {}

    async def open(self, number: int, name: str) -> None:
        self.links[number] = await connect(self._url, name)

    async def close(self, number: int) -> None:
        """End a session, and wait until PostgreSQL has let go of it."""
        link, pid = self.links[number], self.links[number].info.backend_pid
        await link.close()
        await self._until("SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = %s", pid)

    async def begin(self, number: int) -> None:
        await self.links[number].execute("BEGIN")

    async def end(self, number: int, how: str) -> None:
        await self.links[number].execute(how.encode())

    async def until_it_waits(self, number: int) -> None:
        """Wait until a session waits for a lock."""
        pid = self.links[number].info.backend_pid
        await self._until("SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND pid = %s", pid)

    async def identity(self, table: str, **where: Any) -> int:
        asked = " AND ".join(f"{name} = %({name})s" for name in where)
        found = await self._look.execute(f"SELECT id FROM {table} WHERE {asked}".encode(), where)
        row = await found.fetchone()
        return 0 if row is None else int(row[0])

    async def dump(self) -> dict[str, list[str]]:
        told = {}
        row = await (await self._look.execute("SELECT now()")).fetchone()
        assert row is not None
        for table, names in _DUMPS.items():
            found = await self._look.execute(f"SELECT {', '.join(names)} FROM {table}".encode())
            rows = await found.fetchall()
            told[table] = sorted(str([_plain(each, row[0]) for each in one]) for one in rows)
        return told

    async def _until(self, query: str, pid: int) -> None:
        async with asyncio.timeout(60):
            while True:
                row = await (await self._look.execute(query.encode(), (pid,))).fetchone()
                if row is not None and row[0]:
                    return
                await asyncio.sleep(0.01)


def said(value: Any) -> Any:
    """Return an answer without instants, which the two have of their own, and without order."""
    if isinstance(value, datetime):
        return "instant"
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: said(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): said(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return sorted((said(each) for each in value), key=str)
    return value


def _plain(value: Any, now: datetime) -> object:
    if isinstance(value, datetime):
        return "past" if value <= now else "future"
    if isinstance(value, str) and value.startswith("{") and value.endswith("}"):
        return [each for each in value[1:-1].split(",") if each]
    return value


Side = Model | Real
Ask = Callable[[Side, Any], Any]
