"""`sql.query@1` and `sql.load@1`: PostgreSQL, by connections that the calls of a process share."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, field_validator

from adapters.contract import Adapter, Call, Json, Operation, Outcome
from adapters.egress.gate import read_gate
from adapters.manifest.sql import LOAD, QUERY
from adapters.settings import AdapterSettings, read

if TYPE_CHECKING:
    from adapters.sql.session import Session


class SqlSettings(AdapterSettings):
    """`[adapters.sql]` of the configuration.

    `max_connections` bounds those of a worker process, `max_per_database` those by one dsn.
    """

    allow_hosts: tuple[str, ...] = ()
    max_connections: Annotated[int, Field(ge=1, le=1000)] = 64
    max_per_database: Annotated[int, Field(ge=1, le=1000)] = 8
    idle_seconds: Annotated[int, Field(ge=0, le=3600)] = 30
    ca_file: Path | None = None

    @field_validator("allow_hosts")
    @classmethod
    def _must_be_readable(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        read_gate(value, None)
        return value

    @field_validator("ca_file")
    @classmethod
    def _must_be_there(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError(f"{value} is no file")
        return value


class Query:
    """One statement."""

    manifest = QUERY

    def __init__(self, adapter: "Sql") -> None:
        self._adapter = adapter

    async def invoke(self, call: Call) -> Outcome:
        """Run the statement in a transaction of its own."""
        from adapters.sql.query import query

        return await query(self._adapter.session.pool, call)


class Load:
    """One file into one table."""

    manifest = LOAD

    def __init__(self, adapter: "Sql") -> None:
        self._adapter = adapter

    async def invoke(self, call: Call) -> Outcome:
        """Load the file in a transaction of its own."""
        from adapters.sql.load import load

        return await load(self._adapter.session.pool, call)


class Sql:
    """The adapter."""

    def __init__(self, settings: SqlSettings) -> None:
        self._settings = settings
        self._session: Session | None = None

    @property
    def session(self) -> "Session":
        """Return the open session; a call before `open` is a defect of the caller."""
        if self._session is None:
            raise RuntimeError("the sql adapter is not open")
        return self._session

    def operations(self) -> Sequence[Operation]:
        """Return the two operations."""
        return (Query(self), Load(self))

    async def open(self) -> None:
        """Get ready. The driver is loaded here: a manifest needs none of it."""
        from adapters.sql.session import open_session

        self._session = open_session(self._settings)

    async def close(self) -> None:
        """Close every connection."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def create(settings: Mapping[str, Json]) -> Adapter:
    """Return the adapter; raise SettingError if a setting is unknown or unusable."""
    return Sql(read(SqlSettings, settings))
