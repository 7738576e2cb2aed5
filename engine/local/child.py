"""Child processes that die with us, stop when told, and say where they log."""

import ctypes
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from engine.errors import SarkError

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_MOST_FILES = 256
_LIBC = ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> None:
    """Ask the kernel to kill this process when the thread that made it ends.

    Call between fork and exec, after any change of user, and start children from the main thread.
    """
    if hasattr(_LIBC, "prctl"):
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def spawn(
    words: Sequence[str], log: Path, environment: Mapping[str, str] | None = None,
    become: Callable[[], None] | None = None, cwd: Path | None = None,
) -> subprocess.Popen[bytes]:  # fmt: skip
    """Start a program in its own session, its output appended to `log`."""

    def prepare() -> None:
        if become is not None:
            become()
        die_with_parent()

    with log.open("ab") as sink:
        return subprocess.Popen(  # nosec B603 - a list of words, no shell
            list(words), stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, env=environment,
            cwd=cwd, start_new_session=True, preexec_fn=prepare,  # noqa: PLW1509 - one thread
        )  # fmt: skip


class Forked:
    """A process that shares the supervisor's memory until it writes: quick to start, and small."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
        return self._code

    def send_signal(self, how: int) -> None:
        """Signal it, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, how)

    def wait(self, patience: float) -> int:
        """Return the exit code; raise subprocess.TimeoutExpired after `patience` seconds."""
        limit = time.monotonic() + patience
        while (code := self.poll()) is None:
            if time.monotonic() > limit:
                raise subprocess.TimeoutExpired(str(self.pid), patience)
            time.sleep(0.005)
        return code


class Process(Protocol):
    """What a supervisor asks of a child."""

    def poll(self) -> int | None: ...

    def send_signal(self, how: int, /) -> None: ...

    def wait(self, patience: float, /) -> int: ...


def fork(name: str, work: Callable[[], None], log: Path) -> Forked:
    """Do `work` in a child of its own session, its output appended to `log`.

    Call it while this process has one thread. An error of ours is one sentence in the log; the
    child never returns into its parent's code.
    """
    pid = os.fork()
    if pid:
        return Forked(pid)
    code = 1
    try:
        _be_a_child(name, log)
        work()
        code = 0
    except SarkError as error:
        print(f"sark: {error}", file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _be_a_child(name: str, log: Path) -> None:
    """Leave the parent's session, signals and files; log to a file of our own."""
    os.setsid()
    die_with_parent()
    if hasattr(_LIBC, "prctl"):
        _LIBC.prctl(_PR_SET_NAME, f"sark-{name}".encode(), 0, 0, 0)
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
        signal.signal(each, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    os.closerange(3, _MOST_FILES)
    sink = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    os.closerange(3, _MOST_FILES)


def stop(process: Process, how: signal.Signals, patience: float) -> bool:
    """End a process; kill it after `patience` seconds. True if it went by itself."""
    if process.poll() is not None:
        return True
    process.send_signal(how)
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait(5)
        return False
    return True


def tail(log: Path, lines: int = 8) -> str:
    """Return the last lines of a log, for a message about its process."""
    try:
        return "\n".join(log.read_text("utf-8", "replace").splitlines()[-lines:])
    except OSError:
        return ""


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    beside.replace(path)
