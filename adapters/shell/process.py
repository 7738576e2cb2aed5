"""The worker's side of the nursery: start a program, follow it, and be sure that it is gone."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess  # nosec B404: the one program started is our own nursery
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from adapters.contract import unheard
from adapters.masking import mask_text
from adapters.shell.capture import Capture

GRACE = timedelta(seconds=2)
_KILLING = 3.0
_DRAINING = 0.5
_LONGEST_LINE = 200
_PROGRAM = Path(__file__).with_name("nursery.py")


class LostError(Exception):
    """The nursery or a monitor died; what its program did before it was killed is unknown."""


class SpawnError(Exception):
    """The program was not executed."""

    def __init__(self, number: int) -> None:
        super().__init__(os.strerror(number))
        self.errno = number


@dataclass(frozen=True, slots=True)
class Order:
    """A program to run, everything checked. `cwd` exists.

    `gains`: it may gain privileges, which no program of a spec's author may. `beat` is called
    whenever it has written something.
    """

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    limits: Mapping[str, int]
    stdin: bytes | None
    keep: int
    gains: bool = False
    beat: Callable[[], None] = unheard


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: `code` is minus the signal where one ended it.

    `reason` is empty if it ended by itself, `timeout`, or the limit that it broke.
    """

    code: int
    reason: str
    stdout: Capture
    stderr: Capture


def exited(code: int, ended: Ended, secrets: Sequence[str]) -> str:
    """Return in words how a program exited and what it said last, the secrets in that covered."""
    lines = mask_text(ended.stderr.text(), secrets).split("\n")
    last = next((line for each in reversed(lines) if (line := each.strip())), "")
    told = f"the program ended with exit code {code}"
    return f"{told}: {last[:_LONGEST_LINE]}" if last else told


class Nursery:
    """The process that step processes are born in; started on first use, again if it dies."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._starting = asyncio.Lock()

    async def run(self, order: Order, limit: timedelta) -> Ended:
        """Run a program to its end, at most `limit` and the grace after it.

        When this returns or raises, cancelled or not, nothing of the program is left. Raise
        SpawnError if it could not be executed, LostError if its fate is unknown.
        """
        control = await self._open()
        async with contextlib.AsyncExitStack() as stack:
            run = _Run(order)
            stack.callback(run.close)
            await run.hand_over(control)
            try:
                async with asyncio.timeout(limit.total_seconds()):
                    reply = await run.reply()
            except TimeoutError:
                return await run.end("timeout")
            except asyncio.CancelledError:
                await run.end("cancelled")
                raise
            return await run.result(reply)

    async def close(self) -> None:
        """End the nursery and, with it, whatever still runs."""
        process, control = self._process, self._control
        self._process = self._control = None
        if control is not None:
            control.close()
        if process is not None:
            try:
                await asyncio.to_thread(process.wait, _KILLING)
            except subprocess.TimeoutExpired:
                process.kill()
                await asyncio.to_thread(process.wait)

    async def _open(self) -> socket.socket:
        async with self._starting:
            if self._control is None or self._process is None or self._process.poll() is not None:
                await self.close()
                self._process, control = await asyncio.to_thread(_start_nursery)
                self._control = control
            return self._control


class _Run:
    """The descriptors of one program, and the talk with its monitor."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._status, self._theirs = socket.socketpair()
        self._status.setblocking(False)
        (stdin, self._stdin), (out, stdout), (err, stderr) = _input(order), os.pipe(), os.pipe()
        self._standard = [stdin, stdout, stderr]
        self._stdout = Capture(out, order.keep, order.beat)
        self._stderr = Capture(err, order.keep, order.beat)
        self._feeder: asyncio.Task[None] | None = None

    async def hand_over(self, control: socket.socket) -> None:
        """Give the nursery its ends of everything, and the monitor its order."""
        try:
            await _send_descriptors(control, [self._theirs.fileno(), *self._standard])
        except OSError as error:
            raise LostError(str(error)) from error
        finally:
            self._close_theirs()
        body = json.dumps(
            {
                "argv": list(self._order.argv),
                "env": dict(self._order.env),
                "cwd": str(self._order.cwd),
                "limits": dict(self._order.limits),
                "grace": GRACE.total_seconds(),
                "gains": self._order.gains,
            }
        ).encode()
        with contextlib.suppress(ConnectionError):
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(self._status, struct.pack("!I", len(body)) + body)
        if self._order.stdin is not None:
            self._feeder = asyncio.create_task(_feed(self._stdin, self._order.stdin))
            self._stdin = -1

    async def reply(self) -> bytes:
        """Return the monitor's one line, empty if the monitor died."""
        loop, line = asyncio.get_running_loop(), bytearray()
        with contextlib.suppress(ConnectionError):
            while not line.endswith(b"\n") and (chunk := await loop.sock_recv(self._status, 4096)):
                line += chunk
        return bytes(line)

    async def end(self, reason: str) -> Ended:
        """Have the program told to end, and killed after the grace."""
        with contextlib.suppress(OSError):
            self._status.send(b"T")
        limit = GRACE.total_seconds() + _KILLING
        try:
            reply = await asyncio.wait_for(self.reply(), limit)
        except TimeoutError:
            raise LostError("the monitor does not answer") from None
        return await self.result(reply, reason)

    async def result(self, reply: bytes, reason: str = "") -> Ended:
        """Return how the program ended, once all that it wrote has been read."""
        message: dict[str, Any] = (
            json.loads(reply) if reply.endswith(b"\n") else {"lost": "monitor"}
        )
        if "errno" in message:
            raise SpawnError(message["errno"])
        if "lost" in message:
            raise LostError("the monitor of the program died")
        # Every writer is dead, so the end comes at once; a stranger that was handed the
        # pipe could still hold it, and is not waited for.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAINING):
                await self._stdout.ended.wait()
                await self._stderr.ended.wait()
        return Ended(message["code"], reason or message["reason"], self._stdout, self._stderr)

    def close(self) -> None:
        """Let go of every descriptor. A monitor that still runs takes it as the order to kill."""
        self._close_theirs()
        if self._feeder is not None:
            self._feeder.cancel()
        if self._stdin >= 0:
            os.close(self._stdin)
        self._stdout.close()
        self._stderr.close()
        self._status.close()

    def _close_theirs(self) -> None:
        self._theirs.close()
        for descriptor in self._standard:
            os.close(descriptor)
        self._standard = []


def _start_nursery() -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start the nursery with an environment that holds nothing of ours."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(  # nosec B603: a fixed program, no shell
            [sys.executable, "-I", "-S", str(_PROGRAM), str(theirs.fileno())],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={"PATH": os.defpath, "LANG": "C.UTF-8"},
            cwd="/",
            start_new_session=True,
        )
    ours.setblocking(False)
    return process, ours


async def _send_descriptors(control: socket.socket, descriptors: Sequence[int]) -> None:
    """Send descriptors to the nursery, waiting while its socket is full."""
    while True:
        try:
            socket.send_fds(control, [b"+"], descriptors)
            return
        except BlockingIOError:
            await asyncio.sleep(0.002)


def _input(order: Order) -> tuple[int, int]:
    """Return the program's standard input, and our end of it or -1."""
    if order.stdin is None:
        return os.open(os.devnull, os.O_RDONLY), -1
    return os.pipe()


async def _feed(descriptor: int, data: bytes) -> None:
    """Write `data` to a pipe as it empties, then close it; stop if nobody reads."""
    loop, left = asyncio.get_running_loop(), memoryview(data)
    os.set_blocking(descriptor, False)
    try:
        while left:
            try:
                left = left[os.write(descriptor, left) :]
            except BlockingIOError:
                writable: asyncio.Future[None] = loop.create_future()
                loop.add_writer(descriptor, _wake, writable)
                try:
                    await writable
                finally:
                    loop.remove_writer(descriptor)
    except OSError:
        return
    finally:
        os.close(descriptor)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def signal_name(number: int) -> str:
    """Return `SIGSEGV` for 11, and the bare number for one without a name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
