"""The forges of the configuration, open for as long as a process needs them."""

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, assert_never

from pydantic import ValidationError

from adapters.contract import SettingError
from adapters.github import GitHubSettings
from adapters.http import Http, HttpSettings
from adapters.http.place import place
from adapters.settings import read
from adapters.tls import context
from engine.core.values import Json
from engine.errors import Misconfigured
from engine.forge.app import AppKey, Installation, check_key
from engine.forge.contract import Forge
from engine.forge.conversation import Conversation
from engine.forge.credential import Token
from engine.forge.gitea import GITEA, Gitea
from engine.forge.github import GITHUB, GitHub
from engine.forge.gitlab import GITLAB, GitLab
from engine.secrets import resolve
from engine.settings import ForgeSettings, Source

if TYPE_CHECKING:
    from adapters.http.client import Client

_CONNECTIONS = 16
# Repositories of other people that a source is told of: an organization has one webhook for all.
_MOST_OTHERS = 100
_NONE: Mapping[str, Json] = {}


class Forges:
    """The forge of each source that has one. Sources with the same forge share it."""

    def __init__(self, sources: Sequence[Source], adapters: Mapping[str, Json] = _NONE) -> None:
        """Raise Misconfigured, naming the source and the field, for what cannot be used.

        `adapters` are the settings of adapters: those of GitHub's count where a source has an
        `api_token` and no forge.
        """
        self._own = {each.name: each.forge for each in sources if each.forge is not None}
        self._told: dict[str, Mapping[str, Json]] = {
            name: told.model_dump() for name, told in self._own.items()
        }
        for each in sources:
            if each.forge is None and each.api_token is not None:
                self._told[each.name] = _by_api_token(each.api_token, adapters)
        for name, told in self._told.items():
            _check(self._prefix(name), _settings(told, told.get("repository", "a/b")))
        self._clients: dict[HttpSettings, Client] = {}
        self._open: dict[ForgeSettings, Forge] = {}
        self._others: dict[ForgeSettings, Forge] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> "Forges":
        for told in self._told.values():
            settings = _client(_settings(told, told.get("repository", "a/b")))
            if settings not in self._clients:
                http = Http(settings)
                await http.open()
                self._stack.push_async_callback(http.close)
                self._clients[settings] = http.client
        for name, own in self._own.items():
            if own not in self._open:
                self._open[own] = self._made(name, own)
        return self

    async def __aexit__(self, *_: object) -> None:
        for kept in (self._open, self._others, self._clients):
            kept.clear()
        await self._stack.aclose()

    def of(self, source: str) -> Forge | None:
        """Return a source's forge, None if it has none or nobody knows the source."""
        own = self._own.get(source)
        return None if own is None else self._open[own]

    def at(self, source: str, repository: str) -> Forge | None:
        """Return the forge of any repository that a source was told of, by its credential.

        None where it has none, and where no repository can have that name. A source with an
        `api_token` alone has this and no other.
        """
        own = self._own.get(source)
        if own is not None and own.repository.lower() == repository.lower():
            return self._open[own]
        try:
            told = _settings(self._told[source], repository)
        except (LookupError, ValidationError):
            return None
        if told not in self._others:
            if len(self._others) >= _MOST_OTHERS:
                self._others.pop(next(iter(self._others)))
            self._others[told] = self._made(source, told)
        return self._others[told]

    def shared(self) -> Sequence[tuple[Forge, Sequence[str]]]:
        """Return each forge with the names of the sources that share it."""
        named: dict[ForgeSettings, list[str]] = {}
        for name, told in self._own.items():
            named.setdefault(told, []).append(name)
        return [(self._open[told], names) for told, names in named.items()]

    def _made(self, source: str, told: ForgeSettings) -> Forge:
        return _forge(self._prefix(source), told, self._clients[_client(told)])

    def _prefix(self, source: str) -> str:
        """Return how the names of a source's keys begin that say who asks."""
        return f"sources.{source}." + ("forge." if source in self._own else "api_")


def _settings(told: Mapping[str, Json], repository: Json) -> ForgeSettings:
    return ForgeSettings.model_validate({**told, "repository": repository})


def _by_api_token(token: str, adapters: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return the settings of GitHub as its adapter has them, by a source's own token."""
    given = adapters.get("github", {})
    try:
        found = read(GitHubSettings, given if isinstance(given, Mapping) else {})
    except SettingError as error:
        raise Misconfigured(f"adapters.github: {error}") from None
    ca_file = None if found.ca_file is None else str(found.ca_file)
    return {"kind": "github", "api": found.api_url, "token": token, "ca_file": ca_file}


def _check(prefix: str, told: ForgeSettings) -> None:
    """Raise Misconfigured for a credential or a file that is not there, or is not what it must."""
    if told.ca_file is not None:
        try:
            context(told.ca_file)
        except OSError as error:
            reason = error.strerror or "no certificates in it"
            raise Misconfigured(f"{prefix}ca_file: {told.ca_file}: {reason}") from None
    if told.token is not None:
        resolve(told.token, f"{prefix}token")
    if told.app is not None:
        check_key(resolve(told.app.key, f"{prefix}app.key"), f"{prefix}app.key")


def _client(told: ForgeSettings) -> HttpSettings:
    """Return the settings of a client that may go to the forge's API and nowhere else."""
    hosts = (place(told.url),)
    return HttpSettings(allow_hosts=hosts, max_connections=_CONNECTIONS, ca_file=told.ca_file)


def _forge(prefix: str, told: ForgeSettings, client: "Client") -> Forge:
    if told.app is not None:
        key = AppKey(told.app.id, told.app.key, f"{prefix}app.key")
        app = Installation(Conversation(client, GITHUB, told.url, key), told.repository)
        return GitHub(Conversation(client, GITHUB, told.url, app), told.repository, app)
    assert told.token is not None, "the settings want one or the other"
    token = Token(told.token, f"{prefix}token")
    match told.kind:
        case "github":
            return GitHub(Conversation(client, GITHUB, told.url, token), told.repository)
        case "gitlab":
            return GitLab(Conversation(client, GITLAB, told.url, token), told.repository)
        case "gitea":
            return Gitea(Conversation(client, GITEA, told.url, token), told.repository)
        case unknown:
            assert_never(unknown)
