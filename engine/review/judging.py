"""A change judged in a process of its own, which is bounded and can be killed at any time."""

import asyncio
import logging
import os
import pickle  # nosec B403 - written here, and read by a child of ours
import signal
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from pathlib import Path

from engine.review.task import Answer, Task, Unjudged, decode

_LOG = logging.getLogger("sark.review")
_PROGRAM = "engine.review.child"
_PLACE = Path(__file__).resolve().parents[2]
_SECONDS = 180.0
_MOST_OUTPUT = 4 << 20
_MOST_TOLD = 16 << 10


async def judge(task: Task, seconds: float = _SECONDS) -> Answer:
    """Return what a child says of a change; raise Unjudged as `told_by` does."""
    return decode(await told_by(_PROGRAM, "plan", pickle.dumps(task), seconds))


async def told_by(program: str, what: str, data: bytes, seconds: float) -> bytes:
    """Return what a child writes that runs a module of ours on `data`, to make `what`.

    Raise Unjudged if it does not within `seconds`, or dies of its bounds. Whatever ends the wait,
    nothing is left of it. Its environment holds no word of ours, and so no secret.
    """
    bare = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", program, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=bare, cwd=_PLACE,
        start_new_session=True,
    )  # fmt: skip
    try:
        async with asyncio.timeout(seconds):
            out, told = await _converse(process, data)
            code = await process.wait()
    except TimeoutError:
        raise Unjudged(f"the {what} was not made within {seconds:g} s, and given up") from None
    finally:
        await _end(process)
    if code != 0:
        raise Unjudged(_why(code, told, what))
    return out


async def _converse(process: Process, data: bytes) -> tuple[bytes, bytes]:
    assert process.stdout is not None
    assert process.stderr is not None
    _, out, told = await asyncio.gather(
        _feed(process, data),
        _drained(process.stdout, _MOST_OUTPUT),
        _drained(process.stderr, _MOST_TOLD),
    )
    return out, told


async def _feed(process: Process, data: bytes) -> None:
    assert process.stdin is not None
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(data)
        await process.stdin.drain()
    process.stdin.close()


async def _drained(stream: asyncio.StreamReader, most: int) -> bytes:
    """Return what a stream says, cut after `most` bytes; the rest is read and let go."""
    kept = bytearray()
    while chunk := await stream.read(1 << 16):
        kept += chunk[: most - len(kept)]
    return bytes(kept)


async def _end(process: Process) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _why(code: int, told: bytes, what: str) -> str:
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        return (
            f"the {what} took more time or memory to make than there is for one, and was given up"
        )
    last = (told.decode("utf-8", "replace").strip().splitlines() or ["no word"])[-1]
    if last.startswith("MemoryError"):
        return f"the {what} took more memory to make than there is for one, and was given up"
    _LOG.error("a child that makes a %s ended with %d: %s", what, code, ascii(last[:300]))
    return f"the process that makes {what}s ended with {code}; the log of the controller says why"
