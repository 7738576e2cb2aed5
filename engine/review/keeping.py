"""Processes that keep what live specs came to, a source each, and fork a look at what is asked."""

import asyncio
import os
import pickle  # nosec B403 - written here, and read by a child of ours
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from engine.review.task import Ground, Unjudged

PROGRAM = "engine.review.keeper"
PLACE = Path(__file__).resolve().parents[2]
MOST = 4
"""How many sources have a process that goes on after a look; the last ones that were looked at."""
_MOST_TOLD = 16 << 10
_GRACE = 5.0


def bare() -> dict[str, str]:
    """Return the environment of a process that reads strangers' files: no word of ours."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}


class Look:
    """A fork that answers: what it is told, what it says, and how it ends."""

    def __init__(
        self, ours: tuple[asyncio.StreamReader, asyncio.StreamWriter], keeper: socket.socket
    ) -> None:
        self.reader, self.writer = ours
        self._keeper = keeper
        self._code: asyncio.Task[int] = asyncio.create_task(self._report())

    async def wait(self) -> int:
        """Return the code with which it has ended."""
        return await asyncio.shield(self._code)

    async def end(self) -> bool:
        """Let it be killed; False if the keeper does not say in time that it was."""
        self.writer.close()
        done, _ = await asyncio.wait({self._code}, timeout=_GRACE)
        self._code.cancel()
        return bool(done) and self._code.exception() is None

    async def _report(self) -> int:
        loop, told = asyncio.get_running_loop(), b""
        while not told.endswith(b"\n"):
            data = b""
            with suppress(ConnectionResetError):
                data = await loop.sock_recv(self._keeper, 64)
            if not data:
                raise Unjudged("the process that makes plans has ended")
            told += data
        return int(told)


class Keeper:
    """The process of one source. It begins with the first look, and again after its end."""

    def __init__(self, program: str = "") -> None:
        self._program = program or PROGRAM
        self._process: Process | None = None
        self._socket: socket.socket | None = None
        self.turn = asyncio.Lock()
        """Who asks for a look has it: there is one at a time."""

    @property
    def pid(self) -> int:
        """Return the id of the process, 0 where there is none."""
        process = self._process
        return 0 if process is None or process.returncode is not None else process.pid

    @asynccontextmanager
    async def look(self) -> AsyncIterator[tuple[Look, "asyncio.Task[bytes]"]]:
        """Give a fork, and what it complains of once it has ended, to who has the turn."""
        assert self.turn.locked(), "a source is looked at by one after another"
        look, told = await self._forked()
        try:
            yield look, told
        finally:
            if not await look.end():
                await self.close()
            await told

    async def stand(self, ground: Ground, seconds: float) -> None:
        """Compile what is live before anybody asks for a look, if that is done within `seconds`.

        A look that is asked for meanwhile waits for it, as it would have to do the same.
        """
        with suppress(TimeoutError, ConnectionError, Unjudged):
            async with self.turn, asyncio.timeout(seconds), self.look() as (look, _):
                look.writer.write(pickle.dumps(ground))
                look.writer.write_eof()
                await look.wait()

    async def close(self) -> None:
        """End the process, and with it what it has begun."""
        process, self._process = self._process, None
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()

    async def _forked(self) -> tuple[Look, "asyncio.Task[bytes]"]:
        """Return a look; where the process has ended meanwhile, of another one."""
        try:
            return await _asked(await self._begun())
        except OSError:
            await self.close()
            return await _asked(await self._begun())
        except BaseException:
            await self.close()
            raise

    async def _begun(self) -> socket.socket:
        if not self.pid:
            await self.close()
        if self._socket is None:
            self._socket, theirs = socket.socketpair()
            self._socket.setblocking(False)
            with theirs:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", self._program, stdin=theirs.fileno(), stdout=DEVNULL,
                    stderr=DEVNULL, env=bare(), cwd=PLACE, start_new_session=True,
                )  # fmt: skip
        return self._socket


class Keepers:
    """The keepers of sources, as many as go on. Use it as a context."""

    def __init__(self) -> None:
        self._keepers: dict[str, Keeper] = {}

    async def __aenter__(self) -> "Keepers":
        return self

    async def __aexit__(self, *_: object) -> None:
        for each in self._keepers.values():
            await each.close()

    @property
    def has_room(self) -> bool:
        """True where another source may have a process, and none ends for it."""
        return sum(each.pid > 0 for each in self._keepers.values()) < MOST

    async def of(self, source: str) -> Keeper:
        """Return a source's keeper; of those that rest, the one longest unused may end for it.

        Only its process ends: who was given a keeper and has not begun yet begins another, which
        ends with these.
        """
        keeper = self._keepers[source] = self._keepers.pop(source, Keeper())
        others = [each for each in self._keepers.values() if each.pid and each is not keeper]
        resting = [each for each in others if not each.turn.locked()]
        for each in resting[: max(len(others) + 1 - MOST, 0)]:
            await each.close()
        return keeper


async def drained(stream: asyncio.StreamReader, most: int = _MOST_TOLD) -> bytes:
    """Return what a stream says, cut after `most` bytes; the rest is read and let go."""
    kept = bytearray()
    while chunk := await stream.read(1 << 16):
        kept += chunk[: most - len(kept)]
    return bytes(kept)


async def _asked(keeper: socket.socket) -> tuple[Look, "asyncio.Task[bytes]"]:
    """Ask a keeper for a look; raise OSError if it is gone."""
    ours, theirs = socket.socketpair()
    complaints, complained = os.pipe()
    with theirs:
        try:
            socket.send_fds(keeper, [b"?"], [theirs.fileno(), complained])
        except OSError:
            ours.close()
            os.close(complaints)
            raise
        finally:
            os.close(complained)
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(complaints, "rb")
    )
    told = asyncio.create_task(drained(reader))
    return Look(await asyncio.open_connection(sock=ours), keeper), told
