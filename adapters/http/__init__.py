"""HTTP calls that go only where they may, and cost little while they wait."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, field_validator

from adapters.contract import Adapter, Call, Json, Operation, Outcome
from adapters.egress.gate import Gate, read_gate
from adapters.egress.names import Lookup, look_up
from adapters.manifest.http import DOWNLOAD, MANIFEST
from adapters.settings import AdapterSettings, read
from adapters.tls import CaFile, context

if TYPE_CHECKING:
    from adapters.http.client import Client


class HttpSettings(AdapterSettings):
    """`[adapters.http]` of the configuration.

    `ca_file` adds certificate authorities, in PEM, to those of the system.
    """

    allow_hosts: tuple[str, ...] = ()
    allow_public: bool | None = None
    max_connections: Annotated[int, Field(ge=1, le=100_000)] = 4096
    ca_file: CaFile = None
    user_agent: Annotated[str, Field(pattern=r"^[\x21-\x7e][\x20-\x7e]{0,199}$")] = "sark"

    @field_validator("allow_hosts")
    @classmethod
    def _must_be_readable(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        read_gate(value, None)
        return value


class HttpRequest:
    """The operation that gives the answer as a value."""

    manifest = MANIFEST

    def __init__(self, adapter: "Http") -> None:
        self._adapter = adapter

    async def invoke(self, call: Call) -> Outcome:
        """Send the request and read its answer."""
        return await self._adapter.client.request(call)


class HttpDownload:
    """The operation that gives the answer as a file."""

    manifest = DOWNLOAD

    def __init__(self, adapter: "Http") -> None:
        self._adapter = adapter

    async def invoke(self, call: Call) -> Outcome:
        """Send the request and write its answer into the folder of the call."""
        return await self._adapter.client.download(call)


class Http:
    """The adapter. `lookup` is how names are resolved."""

    def __init__(self, settings: HttpSettings, lookup: Lookup = look_up) -> None:
        self._settings = settings
        self._lookup = lookup
        self._client: Client | None = None

    @property
    def client(self) -> "Client":
        """Return the open client; a call before `open` is a defect of the caller."""
        if self._client is None:
            raise RuntimeError("the http adapter is not open")
        return self._client

    @property
    def gate(self) -> Gate:
        """Return where requests may go."""
        return read_gate(self._settings.allow_hosts, self._settings.allow_public)

    def operations(self) -> Sequence[Operation]:
        """Return both operations."""
        return (HttpRequest(self), HttpDownload(self))

    async def open(self) -> None:
        """Make the session. The client library is loaded here: a manifest needs none of it."""
        from adapters.http.client import open_client

        settings = self._settings
        self._client = open_client(
            self.gate,
            self._lookup,
            settings.max_connections,
            context(settings.ca_file),
            settings.user_agent,
        )

    async def close(self) -> None:
        """Close every connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()


def create(settings: Mapping[str, Json]) -> Adapter:
    """Return the adapter; raise SettingError if a setting is unknown or unusable."""
    return Http(read(HttpSettings, settings))
