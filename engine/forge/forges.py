"""The forges of the configuration, open for as long as a process needs them."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from adapters.http import Http, HttpSettings
from adapters.http.place import place
from adapters.tls import context
from engine.errors import Misconfigured
from engine.forge.app import AppKey, Installation, check_key
from engine.forge.contract import Forge
from engine.forge.conversation import Conversation
from engine.forge.credential import Token
from engine.forge.github import GITHUB, GitHub
from engine.secrets import resolve
from engine.settings import ForgeSettings, Source

if TYPE_CHECKING:
    from adapters.http.client import Client

_CONNECTIONS = 16


class Forges:
    """The forge of each source that has one. Sources with the same forge share it."""

    def __init__(self, sources: Sequence[Source]) -> None:
        """Raise Misconfigured, naming the source and the field, for what cannot be used."""
        self._told = {each.name: each.forge for each in sources if each.forge is not None}
        for name, told in self._told.items():
            _check(name, told)
        self._open: dict[ForgeSettings, Forge] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> "Forges":
        clients: dict[HttpSettings, Client] = {}
        for name, told in self._told.items():
            settings = _client(told)
            if settings not in clients:
                http = Http(settings)
                await http.open()
                self._stack.push_async_callback(http.close)
                clients[settings] = http.client
            if told not in self._open:
                self._open[told] = _made(name, told, clients[settings])
        return self

    async def __aexit__(self, *_: object) -> None:
        self._open.clear()
        await self._stack.aclose()

    def of(self, source: str) -> Forge | None:
        """Return a source's forge, None if it has none or nobody knows the source."""
        told = self._told.get(source)
        return None if told is None else self._open[told]

    def shared(self) -> Sequence[tuple[Forge, Sequence[str]]]:
        """Return each forge with the names of the sources that share it."""
        named: dict[ForgeSettings, list[str]] = {}
        for name, told in self._told.items():
            named.setdefault(told, []).append(name)
        return [(self._open[told], names) for told, names in named.items()]


def _check(name: str, told: ForgeSettings) -> None:
    """Raise Misconfigured for a credential or a file that is not there, or is not what it must."""
    where = f"sources.{name}.forge"
    if told.ca_file is not None:
        try:
            context(told.ca_file)
        except OSError as error:
            reason = error.strerror or "no certificates in it"
            raise Misconfigured(f"{where}.ca_file: {told.ca_file}: {reason}") from None
    if told.token is not None:
        resolve(told.token, f"{where}.token")
    if told.app is not None:
        check_key(resolve(told.app.key, f"{where}.app.key"), f"{where}.app.key")


def _client(told: ForgeSettings) -> HttpSettings:
    """Return the settings of a client that may go to the forge's API and nowhere else."""
    hosts = (place(told.url),)
    return HttpSettings(allow_hosts=hosts, max_connections=_CONNECTIONS, ca_file=told.ca_file)


def _made(name: str, told: ForgeSettings, client: "Client") -> Forge:
    where = f"sources.{name}.forge"
    if told.app is not None:
        key = AppKey(told.app.id, told.app.key, f"{where}.app.key")
        app = Installation(Conversation(client, GITHUB, told.url, key), told.repository)
        return GitHub(Conversation(client, GITHUB, told.url, app), told.repository, app)
    assert told.token is not None, "the settings want one or the other"
    token = Token(told.token, f"{where}.token")
    return GitHub(Conversation(client, GITHUB, told.url, token), told.repository)
