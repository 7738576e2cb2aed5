"""The engine behind docker's or podman's command line, one command at a time."""

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TypeAlias

from adapters.contract import Call, ErrorClass, Failed, Json
from adapters.masking import mask_text
from adapters.shell.process import Ended, LostError, Nursery, Order, SpawnError

_LOG = logging.getLogger("sark.container")
_ENGINES = ("docker", "podman")
# Variables of the worker that say which engine is spoken to, and as whom.
# fmt: off
PASSED = (
    "HOME", "USER", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "DOCKER_HOST", "DOCKER_CONTEXT",
    "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY", "CONTAINER_HOST", "CONTAINERS_CONF",
    "CONTAINERS_STORAGE_CONF", "REGISTRY_AUTH_FILE",
)
# fmt: on
# Of the command line itself. Wide, for podman does the work of an engine in its own process.
_LIMITS = {
    "cpu_seconds": 7 * 24 * 3600,
    "memory": 2**40,
    "file_size": 2**40,
    "open_files": 2**20,
    "processes": 32_768,
    "user_tasks": 2**20,
}
_KEEP = 16 * 1024
# Together less than the contract's grace, the grace of the command line's own end included.
_REMOVING = timedelta(seconds=2.5)
_LEAST = timedelta(seconds=1)
_CLOSING = 0.7
_EXCERPT = 2000


class FailedError(Exception):
    """The attempt has failed."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.message)
        self.failed = failed


def invalid(message: str) -> FailedError:
    """Return the error of arguments that cannot be used; nothing has run."""
    return FailedError(Failed("container.invalid", message, ErrorClass.PERMANENT))


@dataclass(slots=True)
class Client:
    """What the calls of one process share. `command` is what the settings name."""

    command: str | None
    path: str
    environment: Mapping[str, str]
    nursery: Nursery = field(default_factory=Nursery)
    removals: set[asyncio.Task[None]] = field(default_factory=set)
    is_closed: bool = False

    async def close(self) -> None:
        """Let removals come to their end for a moment, then kill every command that still runs."""
        if self.removals:
            await asyncio.wait(self.removals, timeout=_CLOSING)
        self.is_closed = True
        await self.nursery.close()

    def found(self) -> str | None:
        """Return the command line's own path, or None if there is none now."""
        names = _ENGINES if self.command is None else (self.command,)
        return next(filter(None, (shutil.which(each, path=self.path) for each in names)), None)


class Engine:
    """The engine for one call: each command has what is left of the call's time."""

    def __init__(self, client: Client, call: Call, until: float) -> None:
        self._client = client
        self._call = call
        self._until = until
        self._begun = False
        found = client.found()
        if found is None:
            named = client.command or " or ".join(_ENGINES)
            where = "name one by command, or its folder by path, in [adapters.container]"
            raise self.unavailable(f"no {named} in {client.path}: {where}")
        self._command = found

    @property
    def is_podman(self) -> bool:
        """True for podman, which takes a few words more than docker and a few less."""
        return Path(self._command).name.startswith("podman")

    def begin(self) -> None:
        """Note that from now on something may be done that may not be done twice."""
        self._begun = self._call.arguments.get("network", "none") != "none"

    async def tell(
        self,
        *words: str,
        keep: int = _KEEP,
        least: timedelta = timedelta(0),
        env: Mapping[str, str] | None = None,
        secrets: Sequence[str] = (),
    ) -> Ended:
        """Return how a command ended, `keep` bytes of each output with it.

        It has at least the time `least`. Raise FailedError if its time is over or it was lost;
        what it said until then is told, but for `secrets`.
        """
        left = timedelta(seconds=self._until - asyncio.get_running_loop().time())
        try:
            ended = await self._run(words, max(left, least, timedelta(0)), keep, env or {})
        except (SpawnError, LostError, OSError) as error:
            raise self.unavailable(f"{words[0]} has not come to its end: {error}") from None
        if ended.reason == "timeout":
            seconds = self._call.timeout.total_seconds()
            message = f"{words[0]} was under way when the attempt's {seconds:g} s were over"
            details = said(ended, secrets)
            raise FailedError(Failed("container.timeout", message, self._class, details=details))
        if ended.reason:
            raise self.unavailable(f"{words[0]} was killed: {ended.reason}")
        return ended

    async def ask(self, *words: str) -> str:
        """Return what a command says; raise FailedError, unavailable, if it says no."""
        ended = await self.tell(*words, least=_LEAST)
        if ended.code != 0:
            raise self.unavailable(f"{words[0]} says: {last_words(ended)}")
        return ended.stdout.text()

    def unavailable(self, message: str) -> FailedError:
        """Return the error of an engine that does not do what it always can."""
        return FailedError(Failed("container.unavailable", message, self._class))

    async def remove(self, *names: str) -> None:
        """Remove containers, running or not; one that is not there is none too many.

        A cancellation meanwhile does not keep them from being removed.
        """
        task = asyncio.create_task(self._remove(names))
        self._client.removals.add(task)
        task.add_done_callback(self._client.removals.discard)
        await asyncio.shield(task)

    async def _remove(self, names: tuple[str, ...]) -> None:
        words = ("rm", "--force", "--volumes", *names)
        try:
            ended = await self._run(words, _REMOVING, _KEEP, {})
        except (SpawnError, LostError, OSError) as error:
            _LOG.warning("containers %s may be left: %s", ", ".join(names), error)
            return
        if ended.reason or (ended.code != 0 and "no such" not in ended.stderr.text().lower()):
            _LOG.warning("containers %s may be left: %s", ", ".join(names), last_words(ended))

    async def _run(
        self, words: tuple[str, ...], limit: timedelta, keep: int, env: Mapping[str, str]
    ) -> Ended:
        if self._client.is_closed:
            raise LostError("the adapter is closed")
        environment = {**self._client.environment, **env}
        # Rootless podman maps users with the help of a set-user-id program.
        order = Order(
            (self._command, *words), environment, Path("/"), _LIMITS, None, keep, gains=True,
            beat=self._call.beat,
        )  # fmt: skip
        return await self._client.nursery.run(order, limit)

    @property
    def _class(self) -> ErrorClass:
        return ErrorClass.UNKNOWN if self._begun else ErrorClass.TRANSIENT


Work: TypeAlias = Callable[[Engine, Call], Awaitable[Mapping[str, Json]]]


def last_words(ended: Ended, secrets: Sequence[str] = ()) -> str:
    """Return how standard error ends, the secrets in it covered, or that it is empty."""
    told = mask_text(ended.stderr.text(), secrets).strip()
    return told[-_EXCERPT:] if told else f"nothing, and ends with exit code {ended.code}"


def said(ended: Ended, secrets: Sequence[str]) -> dict[str, Json]:
    """Return how the outputs of a command end, the secrets in them covered."""
    return {
        "stdout": mask_text(ended.stdout.text(), secrets)[-_EXCERPT:],
        "stderr": mask_text(ended.stderr.text(), secrets)[-_EXCERPT:],
    }
