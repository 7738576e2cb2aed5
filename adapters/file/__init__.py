"""`file.list@1`: the files of a folder of this machine, told by a process that reads it once.

Which folders there are the configuration says, by name; a spec chooses among them.
"""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, TypeAlias

import orjson
from pydantic import AfterValidator, Field

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
from adapters.manifest.file import DEFAULT_FILES, LIST
from adapters.settings import AdapterSettings, read, suggestion

_PROGRAM = Path(__file__).with_name("walk.py")
_CLASSES = {each.type: each.error_class for each in LIST.errors}
# How long a killed process is waited for; one that a dead mount holds goes once that lets it.
_ENDING = 1.0


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError(f"expected an absolute path, such as /srv/incoming, found {str(path)!r}")
    return path


class Root(AdapterSettings):
    """A folder that may be listed; with `mount`, only while a file system is mounted there."""

    path: Annotated[Path, AfterValidator(_absolute)]
    mount: bool = False


class FileSettings(AdapterSettings):
    """`[adapters.file]` of the configuration.

    `parallel` is how many calls read the same root at a time in one process; others wait.
    """

    roots: Annotated[dict[str, Root], Field(default_factory=dict)]
    parallel: Annotated[int, Field(ge=1, le=100)] = 4


Slots: TypeAlias = asyncio.Semaphore


class List:
    """The operation."""

    manifest = LIST

    def __init__(self, adapter: "File") -> None:
        self._adapter = adapter

    async def invoke(self, call: Call) -> Outcome:
        """Read the folder in a process of its own, for a disk that does not answer blocks it."""
        given = call.arguments
        name, folder = given.get("root"), given.get("folder", "")
        paths, limit = given.get("paths", ["**"]), given.get("limit", DEFAULT_FILES)
        if not isinstance(name, str) or not _is_below(folder) or not isinstance(limit, int):
            message = "root must be a name, limit a number, and folder a path below the root"
            return Failed("file.invalid", message, ErrorClass.PERMANENT)
        root = self._adapter.roots.get(name)
        if root is None:
            known = suggestion(name, list(self._adapter.roots)) or "; it names none"
            message = f"[adapters.file] names no root {name!r}{known}"
            return Failed("file.root", message, ErrorClass.PERMANENT)
        query = {
            "root": str(root.path), "mount": root.mount, "folder": folder, "paths": paths,
            "limit": limit, "after": given.get("after", ""),
        }  # fmt: skip
        return await self._asked(name, orjson.dumps(query), call.timeout.total_seconds())

    async def _asked(self, root: str, query: bytes, seconds: float) -> Outcome:
        try:
            async with asyncio.timeout(seconds):
                printed = await self._adapter.printed(root, query)
        except TimeoutError:
            message = f"root {root!r}: not listed within {seconds:g} s"
            return Failed("file.timeout", message, ErrorClass.TRANSIENT)
        except OSError as error:
            message = f"no process to read the folder: {error.strerror}"
            return Failed("file.lost", message, ErrorClass.TRANSIENT)
        return _outcome(root, printed)


class File:
    """The adapter; it holds room for so many processes of each root."""

    def __init__(self, settings: FileSettings) -> None:
        self.roots = settings.roots
        self._parallel = settings.parallel
        self._slots: dict[str, Slots] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def operations(self) -> Sequence[Operation]:
        """Return the one operation."""
        return (List(self),)

    async def open(self) -> None:
        """Get ready for a running loop."""
        self._slots = {name: Slots(self._parallel) for name in self.roots}

    async def close(self) -> None:
        """Let go of processes that were killed and have not ended."""
        for each in self._ending:
            each.cancel()

    async def printed(self, root: str, query: bytes) -> bytes:
        """Return all that the program prints; raise OSError if it cannot be started.

        A process holds its place until it has ended, however long that takes: of a root whose
        disk does not answer there are never more.
        """
        slots = self._slots[root]
        await slots.acquire()
        try:
            process = await _born()
        except BaseException:
            slots.release()
            raise
        ending = asyncio.create_task(_ended(process, slots))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
        try:
            printed, _ = await process.communicate(query)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await asyncio.wait({ending}, timeout=_ENDING)
        return printed


def create(settings: Mapping[str, Json]) -> Adapter:
    """Return the adapter; raise SettingError if a setting is unknown or unusable."""
    return File(read(FileSettings, settings))


def _is_below(folder: Json) -> bool:
    """True if a path leads nowhere but below where it begins."""
    if not isinstance(folder, str) or folder.startswith("/") or "\0" in folder:
        return False
    return not {".", ".."} & set(folder.split("/"))


async def _born() -> asyncio.subprocess.Process:
    """Return a new process; who is cancelled meanwhile leaves none behind."""
    starting = asyncio.ensure_future(_start())
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        process = await starting
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise


async def _start() -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-IS", str(_PROGRAM),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL, env={"LANG": "C.UTF-8"}, start_new_session=True,
    )  # fmt: skip


async def _ended(process: asyncio.subprocess.Process, slots: Slots) -> None:
    """Give a place back once its process has ended."""
    try:
        await process.wait()
    finally:
        slots.release()


def _outcome(root: str, printed: bytes) -> Outcome:
    try:
        told = orjson.loads(printed)
    except ValueError:
        message = "the process that read the folder was killed, or died"
        return Failed("file.lost", message, ErrorClass.TRANSIENT)
    if "fault" in told:
        kind = f"file.{told['kind']}"
        return Failed(kind, f"root {root!r}: {told['fault']}", _CLASSES[kind])
    return Succeeded(told)
