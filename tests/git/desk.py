"""A repository, a database and the reconciler between them, for tests."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from engine import operations
from engine.core.override import Asked
from engine.git.limits import Limits
from engine.reconcile.lane import Lanes
from engine.reconcile.repository import Repository
from engine.settings import Source
from engine.store import commits, leases, overrides, schedules, sources, workflows
from engine.store.commits import CommitRow
from engine.store.leases import Session
from engine.store.overrides import Override
from engine.store.pool import Connection, connect
from engine.store.sources import SourceRow
from policies.authorizer import Authorizer

# The servers of tests are inside, and so must be named.
HERE = Limits(hosts=frozenset({"127.0.0.1", "git.example"}))
CATALOGUE = operations.catalogue({})
GOOD = dict.fromkeys(
    ("SourceReady", "Compiled", "Authorised", "Unheld", "Active", "Ready"), (True, "Ok")
)


@cache
def policy() -> Authorizer:
    """Return the policies of the package; to load them takes a process."""
    return Authorizer()


def source(url: str, name: str = "shop", **more: Any) -> Source:
    """Return a source of the namespace `shop` unless told otherwise."""
    settings = {"namespace": "shop", "interval": timedelta(minutes=1), **more}
    return Source(name=name, url=url, **settings)


@dataclass(slots=True)
class Clock:
    """PostgreSQL's clock, until it is set."""

    now: datetime | None = None

    async def __call__(self, connection: Connection) -> datetime:
        return self.now or await schedules.now(connection)


@dataclass(slots=True)
class Desk:
    """What a leader has at hand, and short words to ask what has become of things."""

    session: Session
    lanes: Lanes
    state: Path
    repository: Repository
    url: str
    clock: Clock = field(default_factory=Clock)

    async def look(self) -> bool:
        return await self.repository.look(self.session)

    async def restart(self, *named: Source) -> None:
        """Be another process: one that remembers nothing."""
        await declare(self.session, *(named or self.repository.sources))
        named = named or self.repository.sources
        self.repository = repository(self.state, self.lanes, self.clock, *named)

    async def put(
        self, asked: Asked, source: str = "shop", now: datetime | None = None
    ) -> Override:
        """Put an override in the leader's turn; `now` takes the place of PostgreSQL's clock."""
        async with self.session.turn() as connection:
            return await put(connection, asked, source, now)

    async def elsewhere(self, asked: Asked, source: str = "shop") -> None:
        """Put an override as a server does: beside the leader."""
        async with await connect(self.url, "test") as connection, connection.transaction():
            await put(connection, asked, source)

    async def drop(self, kind: str, source: str = "shop") -> None:
        async with self.session.turn() as connection:
            await sources.request(connection, source, "token:ann")
            assert await overrides.drop(connection, source, kind)

    async def overrides(self, source: str = "shop") -> list[Override]:
        async with self.session.turn() as connection:
            return await overrides.of_source(connection, source)

    async def row(self, name: str = "shop") -> SourceRow:
        async with self.session.turn() as connection:
            found = await sources.read(connection, name)
        assert found is not None
        return found

    async def conditions(self, name: str = "shop") -> dict[str, tuple[bool, str]]:
        """Return status and reason of each condition."""
        told = (await self.row(name)).conditions
        return {str(each["type"]): (each["status"], each["reason"]) for each in told}

    async def message(self, kind: str = "Ready", name: str = "shop") -> str:
        told = (await self.row(name)).conditions
        return next(str(each["message"]) for each in told if each["type"] == kind)

    async def workflows(self, name: str = "shop", namespace: str = "shop") -> dict[str, str]:
        """Return the plan of each live workflow of a source."""
        async with self.session.turn() as connection:
            found = await workflows.of_source(connection, name, namespace)
        return {each.name: each.plan for each in found.values()}

    async def commit(self, sha: str) -> CommitRow:
        async with self.session.turn() as connection:
            return (await commits.find(connection, sha))[0]

    async def states(self, sha: str) -> list[str]:
        """Return the states that a commit went through."""
        return [str(each["state"]) for each in (await self.commit(sha)).history]

    async def activations(self) -> int:
        async with self.session.turn() as connection:
            return await workflows.number(connection)


@asynccontextmanager
async def desk(url: str, state: Path, *named: Source) -> AsyncIterator[Desk]:
    """Lead over these sources, which name one repository."""
    lanes = Lanes()
    async with await connect(url, "test") as connection:
        session = await leases.lead(connection, "reconcile")
        await declare(session, *named)
        clock = Clock()
        yield Desk(session, lanes, state, repository(state, lanes, clock, *named), url, clock)
    lanes.close()


def repository(state: Path, lanes: Lanes, clock: Clock, *named: Source) -> Repository:
    return Repository(named, CATALOGUE, state / "mirrors", lanes, policy(), HERE, clock)


async def put(
    connection: Connection, asked: Asked, source: str, now: datetime | None = None
) -> Override:
    """Put an override, and let it begin at another time than now."""
    await sources.request(connection, source, "token:ann")
    row = await overrides.put(connection, source, asked, "token:ann")
    if now is None:
        return row
    await connection.execute(
        "UPDATE overrides SET since = %s, until = %s WHERE source = %s AND kind = %s",
        (now, asked.span and now + asked.span, source, asked.kind),
    )
    found = await overrides.of_source(connection, source)
    return next(each for each in found if each.kind == asked.kind)


async def declare(session: Session, *named: Source) -> None:
    async with session.turn() as connection:
        for each in named:
            await sources.declare(connection, declared(each))


def declared(told: Source) -> Mapping[str, str]:
    fields = ("name", "namespace", "environment", "url", "ref", "root", "verify")
    return {field: str(getattr(told, field)) for field in fields}
