"""`smtp.send@1`: an e-mail by the operator's own mail server."""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from adapters.contract import (
    Adapter,
    Call,
    ErrorClass,
    Failed,
    Json,
    Operation,
    Outcome,
    SettingError,
    Succeeded,
)
from adapters.manifest.smtp import MANIFEST
from adapters.settings import AdapterSettings, Reference, read, reveal
from adapters.smtp.message import InvalidError, Letter, compose, read_address
from adapters.tls import CaFile, context

_PORTS = {"none": 25, "starttls": 587, "tls": 465}


class SmtpSettings(AdapterSettings):
    """`[adapters.smtp]` of the configuration. Without `host` nothing can be sent.

    `password` is a reference, `env:NAME` or `file:PATH`, read anew for each message.
    """

    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,253}$")] | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    security: Literal["none", "starttls", "tls"] = "starttls"
    username: Annotated[str, Field(min_length=1, max_length=320)] | None = None
    password: Reference | None = None
    from_: str | None = Field(default=None, alias="from")
    max_connections: Annotated[int, Field(ge=1, le=100)] = 4
    ca_file: CaFile = None

    @field_validator("from_")
    @classmethod
    def _must_be_an_address(cls, value: str | None) -> str | None:
        try:
            if value is not None:
                read_address("from", value)
        except InvalidError as error:
            raise ValueError(str(error)) from None
        return value

    @model_validator(mode="after")
    def _must_be_whole(self) -> Self:
        if (self.host is None) != (self.from_ is None):
            raise ValueError("host and from are set together")
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password are set together")
        if self.username is not None and self.security == "none":
            raise ValueError("a password is never sent in the clear: set security to starttls")
        return self


class Send:
    """The operation."""

    manifest = MANIFEST

    def __init__(self, adapter: "Smtp") -> None:
        self._adapter = adapter

    async def invoke(self, call: Call) -> Outcome:
        """Hand one message over to the server."""
        return await self._adapter.send(call)


class Smtp:
    """The adapter. Each message has a connection of its own, and so many go at a time."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._room = asyncio.Semaphore(settings.max_connections)
        self._context: ssl.SSLContext | None = None

    def operations(self) -> Sequence[Operation]:
        """Return the one operation."""
        return (Send(self),)

    async def open(self) -> None:
        """Get ready for a running loop; a call before it is a defect of the caller."""
        self._room = asyncio.Semaphore(self._settings.max_connections)
        self._context = context(self._settings.ca_file)

    async def close(self) -> None:
        """Do nothing: no connection outlives its message."""

    async def send(self, call: Call) -> Outcome:
        """Make one attempt. The client is loaded here: a manifest needs none of it."""
        settings = self._settings
        if settings.host is None or settings.from_ is None:
            message = "no mail server is set: write host and from into [adapters.smtp]"
            return Failed("smtp.settings", message, ErrorClass.PERMANENT)
        try:
            sender = read_address("from", settings.from_)
            letter = compose(call, sender, datetime.now(UTC))
            password = reveal(settings.password) if settings.password else None
        except InvalidError as error:
            return Failed("smtp.invalid", str(error), ErrorClass.PERMANENT)
        except SettingError as error:
            message = f"password of [adapters.smtp]: {error}"
            return Failed("smtp.settings", message, ErrorClass.PERMANENT)
        return await self._converse(call, letter, settings.host, password)

    async def _converse(
        self, call: Call, letter: Letter, host: str, password: str | None
    ) -> Outcome:
        from adapters.smtp import failures
        from adapters.smtp.conversation import Progress, Server, converse

        settings = self._settings
        port = settings.port or _PORTS[settings.security]
        if self._context is None:
            raise RuntimeError("the smtp adapter is not open")
        server = Server(host, port, settings.security, settings.username, password, self._context)
        progress = Progress()
        limit = asyncio.timeout(call.timeout.total_seconds())
        try:
            async with limit, self._room:
                return Succeeded(await converse(server, letter, progress))
        except Exception as error:
            if limit.expired() or isinstance(error, TimeoutError):
                return failures.timed_out(server, call.timeout, progress)
            secrets = (*letter.secrets(), *filter(None, (password, settings.username)))
            return failures.from_exception(server, error, progress, secrets)


def create(settings: Mapping[str, Json]) -> Adapter:
    """Return the adapter; raise SettingError if a setting is unknown or unusable."""
    return Smtp(read(SmtpSettings, settings))
