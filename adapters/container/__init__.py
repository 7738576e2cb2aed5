"""`container.build@1` and `container.run@1`: a commit into an image, a program in a container."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated

from pydantic import Field, field_validator

from adapters.container.build import build, check_template
from adapters.container.command import House, Limits, usual_user
from adapters.container.engine import PASSED, Client, Engine, FailedError, Work
from adapters.container.run import run
from adapters.contract import (
    Adapter,
    Call,
    ErrorClass,
    Failed,
    Json,
    Manifest,
    Operation,
    Outcome,
    Succeeded,
)
from adapters.manifest.container import BUILD, RUN
from adapters.settings import AdapterSettings, read

MANIFESTS = (BUILD, RUN)
_Positive = Annotated[int, Field(ge=1)]


class ContainerSettings(AdapterSettings):
    """`[adapters.container]` of the configuration.

    `command` is docker's or podman's command line, the first of them in `path` without it.
    `git_url` says where a repository is, `{repo}` being its `owner/name`. `user` is whom programs
    run as, `uid:gid`; without it the worker's own user, or nobody where that is root. The last
    four are the most that one container may use.
    """

    command: str | None = None
    path: str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    git_url: str = "https://github.com/{repo}.git"
    user: Annotated[str, Field(pattern=r"^[0-9]{1,9}:[0-9]{1,9}$")] | None = None
    parallel: _Positive = 16
    memory_mib: Annotated[int, Field(ge=6)] = 2048
    cpus: Annotated[float, Field(ge=0.01, le=10_000, allow_inf_nan=False)] = 2
    processes: _Positive = 512
    tmp_mib: _Positive = 256

    @field_validator("git_url")
    @classmethod
    def _must_be_a_template(cls, value: str) -> str:
        check_template(value)
        return value


class ContainerOperation:
    """One operation: how its work is done, and under which manifest."""

    def __init__(self, manifest: Manifest, work: Work, adapter: "Container") -> None:
        self.manifest = manifest
        self._work = work
        self._adapter = adapter

    async def invoke(self, call: Call) -> Outcome:
        """Wait for a place, then work, all of it within the call's time."""
        try:
            async with self._adapter.engine(call) as engine:
                return Succeeded(await self._work(engine, call))
        except FailedError as error:
            return error.failed


class Container:
    """The adapter: one nursery for the engine's command lines, and room for so many calls."""

    def __init__(self, settings: ContainerSettings) -> None:
        self._settings = settings
        self._client = self._new_client()
        self._places = asyncio.Semaphore(settings.parallel)

    def operations(self) -> Sequence[Operation]:
        """Return both operations."""
        given = self._settings
        limits = Limits(given.memory_mib, given.cpus, given.processes)
        house = House(given.user or usual_user(), limits, given.tmp_mib)
        return (
            ContainerOperation(BUILD, partial(build, given.git_url), self),
            ContainerOperation(RUN, partial(run, house), self),
        )

    @asynccontextmanager
    async def engine(self, call: Call) -> AsyncIterator[Engine]:
        """Give a call its engine; raise FailedError, unavailable, if no place becomes free."""
        until = asyncio.get_running_loop().time() + call.timeout.total_seconds()
        try:
            async with asyncio.timeout_at(until):
                await self._enter(call)
        except TimeoutError:
            message = "no free place within the attempt's time; nothing has run"
            failed = Failed("container.unavailable", message, ErrorClass.TRANSIENT)
            raise FailedError(failed) from None
        try:
            yield Engine(self._client, call, until)
        finally:
            self._places.release()

    async def _enter(self, call: Call) -> None:
        """Take a place, and let it be written down that the call begins."""
        await self._places.acquire()
        try:
            await call.begin()
        except BaseException:
            self._places.release()
            raise

    async def open(self) -> None:
        """Get ready for a running loop; the engine is looked for by each call."""
        self._client = self._new_client()
        self._places = asyncio.Semaphore(self._settings.parallel)

    async def close(self) -> None:
        """Kill every command line that still runs."""
        await self._client.close()

    def _new_client(self) -> Client:
        given = self._settings
        passed = {name: os.environ[name] for name in PASSED if name in os.environ}
        return Client(given.command, given.path, {"PATH": given.path, "LANG": "C.UTF-8", **passed})


def create(settings: Mapping[str, Json]) -> Adapter:
    """Return the adapter; raise SettingError if a setting is unknown or unusable."""
    return Container(read(ContainerSettings, settings))
