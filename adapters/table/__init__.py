"""`table.profile@1`: what is in a CSV file, told by a process that reads it once."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import orjson
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
from adapters.manifest.table import MANIFEST
from adapters.settings import AdapterSettings, read

_PERMANENT, _TRANSIENT = ErrorClass.PERMANENT, ErrorClass.TRANSIENT
_PROGRAM = Path(__file__).with_name("profile.py")


class TableSettings(AdapterSettings):
    """`[adapters.table]` of the configuration.

    `parallel` is how many files are read at a time in one worker process; others wait.
    """

    parallel: Annotated[int, Field(ge=1, le=1000)] = 4


class Profile:
    """The operation."""

    manifest = MANIFEST

    def __init__(self, adapter: "Table") -> None:
        self._adapter = adapter

    async def invoke(self, call: Call) -> Outcome:
        """Read the file in a process of its own, for it takes the processor as long as it lasts."""
        file, delimiter = call.arguments.get("file"), call.arguments.get("delimiter", ",")
        if not isinstance(file, str) or not isinstance(delimiter, str) or not _may_part(delimiter):
            message = "file must be a path, and delimiter one character but quote and line break"
            return Failed("table.invalid", message, _PERMANENT)
        try:
            async with asyncio.timeout(call.timeout.total_seconds()), self._adapter.slots:
                printed = await _printed(file, delimiter)
        except TimeoutError:
            message = f"not read within {call.timeout.total_seconds():g} s"
            return Failed("table.timeout", message, _TRANSIENT)
        except OSError as error:
            message = f"no process to read the file: {error.strerror}"
            return Failed("table.lost", message, _TRANSIENT)
        return _outcome(printed)


class Table:
    """The adapter; it holds room for so many processes."""

    def __init__(self, settings: TableSettings) -> None:
        self._parallel = settings.parallel
        self.slots = asyncio.Semaphore(self._parallel)

    def operations(self) -> Sequence[Operation]:
        """Return the one operation."""
        return (Profile(self),)

    async def open(self) -> None:
        """Get ready for a running loop."""
        self.slots = asyncio.Semaphore(self._parallel)

    async def close(self) -> None:
        """Do nothing: each call has ended its process."""


def create(settings: Mapping[str, Json]) -> Adapter:
    """Return the adapter; raise SettingError if a setting is unknown or unusable."""
    return Table(read(TableSettings, settings))


def _may_part(delimiter: str) -> bool:
    return len(delimiter) == 1 and delimiter not in '"\r\n'


async def _printed(file: str, delimiter: str) -> bytes:
    """Return all that the program prints; however this ends, the program has ended."""
    # A cancellation must not come in between: nobody would know the process that was just born.
    starting = asyncio.ensure_future(_start(file, delimiter))
    try:
        process = await asyncio.shield(starting)
        printed, _ = await process.communicate()
    except BaseException:
        process = await starting
        with suppress(ProcessLookupError):
            process.kill()
        await asyncio.shield(process.wait())
        raise
    return printed


async def _start(file: str, delimiter: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-IS", str(_PROGRAM), file, delimiter,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL, env={"LANG": "C.UTF-8"}, start_new_session=True,
    )  # fmt: skip


def _outcome(printed: bytes) -> Outcome:
    try:
        told = orjson.loads(printed)
    except ValueError:
        message = "the process that read the file was killed, or died"
        return Failed("table.lost", message, _TRANSIENT)
    if "fault" in told:
        return Failed(f"table.{told['kind']}", told["fault"], _PERMANENT)
    return Succeeded(told)
