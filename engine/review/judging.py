"""A change judged in a process of its own, which is bounded and can be killed at any time."""

import asyncio
import logging
import os
import pickle  # nosec B403 - written here, and read by a child of ours
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TypeAlias

from engine.core.whatif import Stored
from engine.review.keeping import PLACE, Keeper, Look, bare, drained
from engine.review.task import REPLAY_SECONDS, Answer, Task, Unjudged, decode

Recall: TypeAlias = Callable[[Sequence[str]], Awaitable[Stored]]
"""Who knows the recorded runs of workflows."""

_LOG = logging.getLogger("sark.review")
_SECONDS = 180.0
_MOST_OUTPUT = 4 << 20


async def nothing(_: Sequence[str]) -> Stored:
    """Recall no run at all."""
    return Stored()


async def judge(
    task: Task, keeper: Keeper, recall: Recall = nothing, seconds: float = _SECONDS
) -> Answer:
    """Return what a fork of a keeper says of a change, which may ask once for recorded runs.

    Raise Unjudged if it does not within `seconds`, or dies of its bounds; what it has said before
    it plays runs stands, whatever comes of these. Whatever ends the wait, nothing is left of it.
    """
    try:
        async with keeper.turn, asyncio.timeout(seconds), keeper.look() as (look, told):
            first = await _asked(look, pickle.dumps(task.ground) + pickle.dumps(task))
            if not first:
                raise Unjudged(_why(await look.wait(), await told, "plan"))
            answer = decode(first)
            if not answer.replays:
                return answer
            again = await _replayed(look, await recall(answer.replays))
            if again is None:
                _LOG.warning("recorded runs were not played under a plan of %s", task.place.source)
            return again or answer
    except TimeoutError:
        raise Unjudged(f"the plan was not made within {seconds:g} s, and given up") from None


async def told_by(program: str, what: str, data: bytes, seconds: float) -> bytes:
    """Return what a child writes that runs a module of ours on `data`, to make `what`.

    Raise Unjudged if it does not within `seconds`, or dies of its bounds. Whatever ends the wait,
    nothing is left of it. Its environment holds no word of ours, and so no secret.
    """
    process = await _begun(program)
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


async def _begun(program: str) -> Process:
    """Begin a module of ours as a process that has a bare environment, and is a group's head."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", program, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=bare(), cwd=PLACE,
        start_new_session=True,
    )  # fmt: skip


async def _replayed(look: Look, stored: Stored) -> Answer | None:
    """Return the answer that tells of recorded runs, None if there is none in time."""
    try:
        async with asyncio.timeout(REPLAY_SECONDS):
            second = await _asked(look, pickle.dumps(stored))
    except TimeoutError:
        return None
    return decode(second) if second else None


async def _asked(look: Look, data: bytes) -> bytes:
    """Return the line that answers, b"" if the fork has ended without one."""
    with suppress(BrokenPipeError, ConnectionResetError):
        look.writer.write(data)
        await look.writer.drain()
    kept = bytearray()
    while len(kept) < _MOST_OUTPUT and not kept.endswith(b"\n"):
        try:
            chunk = await look.reader.read(1 << 16)
        except ConnectionResetError:
            chunk = b""
        if not chunk:
            return b"" if await look.wait() else bytes(kept)
        kept += chunk
    return bytes(kept)


async def _converse(process: Process, data: bytes) -> tuple[bytes, bytes]:
    assert process.stdout is not None
    assert process.stderr is not None
    _, out, told = await asyncio.gather(
        _feed(process, data),
        drained(process.stdout, _MOST_OUTPUT),
        drained(process.stderr),
    )
    return out, told


async def _feed(process: Process, data: bytes) -> None:
    assert process.stdin is not None
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(data)
        await process.stdin.drain()
    process.stdin.close()


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
