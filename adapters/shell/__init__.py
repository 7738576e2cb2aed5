"""`shell.run@1`: a program in a process group, a folder and limits of its own."""

import asyncio
import errno
import signal
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field

from adapters.contract import (
    Adapter,
    Call,
    ErrorClass,
    Failed,
    Json,
    Operation,
    Outcome,
    Succeeded,
)
from adapters.manifest.shell import MANIFEST
from adapters.masking import mask_text
from adapters.settings import AdapterSettings, read
from adapters.shell import command, contained
from adapters.shell.command import Command, InvalidError, Limits
from adapters.shell.process import Ended, LostError, Nursery, Order, SpawnError, exited, signal_name
from adapters.values import parsed

_PERMANENT, _UNKNOWN = ErrorClass.PERMANENT, ErrorClass.UNKNOWN
_NO_ROOM = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE})
_EXCERPT = 2000
_Positive = Annotated[int, Field(ge=1)]


class ShellSettings(AdapterSettings):
    """`[adapters.shell]` of the configuration: the most that a step may use.

    `user_tasks` bounds all tasks of the worker's user while a step forks; root has no such
    limit. `parallel` is how many programs run at a time in one worker process.
    """

    parallel: _Positive = 64
    path: str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    cpu_seconds: _Positive = 3600
    memory_mib: _Positive = 2048
    file_mib: _Positive = 1024
    open_files: Annotated[int, Field(ge=8)] = 1024
    processes: _Positive = 256
    user_tasks: _Positive = 4096


class Run:
    """The operation."""

    manifest = MANIFEST

    def __init__(self, adapter: "Shell") -> None:
        self._adapter = adapter

    async def invoke(self, call: Call) -> Outcome:
        """Run the program in the folder of the call, or in a container of its own."""
        if "image" in call.arguments:
            return await contained.run(self._adapter.container, call)
        try:
            found = command.read(call, self._adapter.limits)
        except InvalidError as error:
            return Failed("shell.invalid", str(error), _PERMANENT)
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            async with asyncio.timeout(call.timeout.total_seconds()):
                await self._enter(call)
        except TimeoutError:
            message = "no free slot within the attempt's time; nothing has run"
            return Failed("shell.spawn", message, ErrorClass.TRANSIENT)
        try:
            left = call.timeout - timedelta(seconds=loop.time() - started)
            return await self._run(call, found, max(left, timedelta(0)))
        finally:
            self._adapter.slots.release()

    async def _enter(self, call: Call) -> None:
        """Take a slot, and let it be written down that the program begins."""
        await self._adapter.slots.acquire()
        try:
            await call.begin()
        except BaseException:
            self._adapter.slots.release()
            raise

    async def _run(self, call: Call, found: Command, left: timedelta) -> Outcome:
        try:
            home = call.folder()
            cwd = home / found.cwd
            cwd.mkdir(parents=True, exist_ok=True)
            env = {**self._adapter.environment(call, home), **found.env}
            limits = found.limits.in_units()
            order = Order(
                found.argv, env, cwd, limits, found.stdin, found.keep, beat=call.beat
            )  # fmt: skip
            ended = await self._adapter.nursery.run(order, left)
            return _outcome(ended, found, call.timeout)
        except SpawnError as error:
            kind = ErrorClass.TRANSIENT if error.errno in _NO_ROOM else _PERMANENT
            return Failed("shell.spawn", f"the program cannot be executed: {error}", kind)
        except LostError as error:
            return Failed("shell.lost", str(error), _UNKNOWN)
        except OSError as error:
            message = f"no folder or pipe for the program: {error.strerror}"
            return Failed("shell.spawn", message, ErrorClass.TRANSIENT)


class Shell:
    """The adapter: one nursery, and room for so many programs.

    `container` is the operation that runs what names an image, where there is one.
    """

    def __init__(self, settings: ShellSettings) -> None:
        self._path = settings.path
        self._parallel = settings.parallel
        self.limits = Limits(
            settings.cpu_seconds,
            settings.memory_mib,
            settings.file_mib,
            settings.open_files,
            settings.processes,
            settings.user_tasks,
        )
        self.container: Operation | None = None
        self.nursery = Nursery()
        self.slots = asyncio.Semaphore(self._parallel)

    def operations(self) -> Sequence[Operation]:
        """Return the one operation."""
        return (Run(self),)

    async def open(self) -> None:
        """Get ready for a running loop; the nursery itself is started by the first step."""
        self.nursery = Nursery()
        self.slots = asyncio.Semaphore(self._parallel)

    async def close(self) -> None:
        """Kill whatever still runs."""
        await self.nursery.close()

    def environment(self, call: Call, home: Path) -> dict[str, str]:
        """Return all that a program is told, but for its own `env`: nothing of the worker's."""
        return {
            "PATH": self._path,
            "HOME": str(home),
            "TMPDIR": str(home),
            "LANG": "C.UTF-8",
            "SARK_RUN": call.run,
            "SARK_STEP": call.step,
            "SARK_ATTEMPT": str(call.attempt),
            "SARK_KEY": call.key,
        }


def create(settings: Mapping[str, Json]) -> Adapter:
    """Return the adapter; raise SettingError if a setting is unknown or unusable."""
    return Shell(read(ShellSettings, settings))


def _outcome(ended: Ended, found: Command, timeout: timedelta) -> Outcome:
    if ended.reason or ended.code < 0:
        return _killed(ended, found, timeout)
    if ended.code not in found.ok:
        details: dict[str, Json] = {"exit_code": ended.code}
        return _failed(
            "shell.exit", exited(ended.code, ended, found.secrets), ended, found, details
        )
    outputs: dict[str, Json] = {
        "exit_code": ended.code,
        "stdout": ended.stdout.text(),
        "stderr": ended.stderr.text(),
        "truncated": ended.stdout.truncated or ended.stderr.truncated,
    }
    if not found.json:
        return Succeeded(outputs)
    if ended.stdout.truncated:
        message = f"standard output is over max_output = {found.keep} bytes"
        return _failed("shell.output", message, ended, found, {})
    try:
        return Succeeded({**outputs, "json": parsed(ended.stdout.data())})
    except ValueError:
        return _failed("shell.output", "standard output is not one JSON value", ended, found, {})


def _killed(ended: Ended, found: Command, timeout: timedelta) -> Failed:
    """Return the failure of a program that did not end by itself."""
    number = -min(ended.code, 0)
    over = {signal.SIGXCPU: "cpu_seconds", signal.SIGXFSZ: "file_mib"}.get(number)  # type: ignore[call-overload]
    if ended.reason == "timeout":
        message = f"the program was killed after {timeout.total_seconds():g} s"
        return replace(_failed("shell.timeout", message, ended, found, {}), error_class=_UNKNOWN)
    if ended.reason == "processes" or over is not None:
        name = over or "processes"
        message = f"the program went past limits.{name} = {getattr(found.limits, name)}"
        return _failed("shell.limit", message, ended, found, {"limit": name})
    if ended.reason:
        return Failed("shell.lost", f"the program was killed: {ended.reason}", _UNKNOWN)
    message = f"the program was ended by {signal_name(number)}"
    return _failed("shell.signal", message, ended, found, {"signal": number})


def _failed(
    kind: str, message: str, ended: Ended, found: Command, details: Mapping[str, Json]
) -> Failed:
    """Return a failure with how the program's outputs end, the secrets in them covered."""
    said = {
        "stdout": mask_text(ended.stdout.text(), found.secrets)[-_EXCERPT:],
        "stderr": mask_text(ended.stderr.text(), found.secrets)[-_EXCERPT:],
    }
    return Failed(kind, message, _PERMANENT, details={**details, **said})
