"""`python -m engine.review.keeper`: keeps what a source's live specs came to, and forks a look.

Its input is a socket. Each byte on it brings two descriptors: a socket over which the task of a
look comes and its answers go, and where its complaints go. What is live is compiled here, and
nothing else: all that a stranger has written is read in a fork, which has neither the socket nor
a way into this process. When the parent closes the socket of a look, its fork is killed; how it
ended is told by a line.
"""

import gc
import os
import pickle  # nosec B403 - it is the parent's own, and nobody else's
import select
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import BinaryIO, TypeAlias

from engine.cycles import look_seldom
from engine.review import child
from engine.review.confinement import enclose, follow, hasten
from engine.review.kept import Kept, grounded
from engine.review.task import Answer, Task

Judge: TypeAlias = Callable[[Task, Kept, BinaryIO], Iterator[Answer]]
"""Who answers a task; what is told later is read from the file."""
_FAILED = 1


def main(judge: Judge = child.judge) -> None:
    """Serve one look after the other, until the parent closes the socket."""
    enclose()
    parent = socket.socket(fileno=os.dup(sys.stdin.fileno()))
    os.dup2(os.open(os.devnull, os.O_RDONLY), sys.stdin.fileno())
    look_seldom()
    kept: Kept | None = None
    while True:
        _, given, _, _ = socket.recv_fds(parent, 1, 2)
        if len(given) < 2:
            return
        look, complaints = socket.socket(fileno=given[0]), given[1]
        with look, look.makefile("rb") as told:
            try:
                kept = grounded(kept, told)
                code = _served(parent, look, told, complaints, kept, judge)
            except Exception:
                kept, code = None, _FAILED
                os.write(complaints, traceback.format_exc().encode())
            os.close(complaints)
        parent.sendall(b"%d\n" % code)


def _served(
    parent: socket.socket, look: socket.socket, told: BinaryIO, complaints: int, kept: Kept,
    judge: Judge,
) -> int:  # fmt: skip
    """Let a fork answer; return how it ended, as a process's code is told."""
    _settle()
    keeper = os.getpid()
    ends, end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os._exit(_answered(keeper, parent, look, told, complaints, kept, judge))
    os.close(end)
    watch = select.poll()
    watch.register(ends, 0)
    watch.register(look, 0)
    watch.poll()
    for kill in (os.killpg, os.kill):
        with suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)
    os.close(ends)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _answered(
    keeper: int, parent: socket.socket, look: socket.socket, told: BinaryIO, complaints: int,
    kept: Kept, judge: Judge,
) -> int:  # fmt: skip
    """Answer a task in this fork; return its exit code."""
    try:
        os.setsid()
        parent.close()
        os.dup2(complaints, sys.stderr.fileno())
        follow(keeper)
        hasten()
        task: Task = pickle.load(told)  # nosec B301
        for answer in judge(task, kept, told):
            look.sendall(answer.encode() + b"\n")
    except EOFError:
        return 0  # only the ground was told of, for a look that is yet to come
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        return _FAILED
    return 0


def _settle() -> None:
    """Be one thread, and let what is kept lie still, so that a fork shares its memory."""
    for each in threading.enumerate():
        if each is not threading.current_thread():
            each.join()
    gc.freeze()


if __name__ == "__main__":
    main()
