"""`smtp.send@1`: an e-mail by the operator's own mail server, or one of a connection."""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

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
from adapters.settings import read
from adapters.smtp.message import InvalidError, Letter, compose
from adapters.smtp.place import Server, SmtpSettings, read_server
from adapters.tls import context


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
        if self._context is None:
            raise RuntimeError("the smtp adapter is not open")
        try:
            server, sender = read_server(self._settings, call.arguments, self._context)
            letter = compose(call, sender, datetime.now(UTC))
        except InvalidError as error:
            return Failed("smtp.invalid", str(error), ErrorClass.PERMANENT)
        except SettingError as error:
            return Failed("smtp.settings", str(error), ErrorClass.PERMANENT)
        return await self._converse(call, letter, server)

    async def _converse(self, call: Call, letter: Letter, server: Server) -> Outcome:
        from adapters.smtp import failures
        from adapters.smtp.conversation import Progress, converse

        progress = Progress()
        limit = asyncio.timeout(call.timeout.total_seconds())
        try:
            async with limit, self._room:
                return Succeeded(await converse(server, letter, progress))
        except Exception as error:
            if limit.expired() or isinstance(error, TimeoutError):
                return failures.timed_out(server, call.timeout, progress)
            secrets = (*letter.secrets(), *filter(None, (server.password, server.username)))
            return failures.from_exception(server, error, progress, secrets)


def create(settings: Mapping[str, Json]) -> Adapter:
    """Return the adapter; raise SettingError if a setting is unknown or unusable."""
    return Smtp(read(SmtpSettings, settings))
