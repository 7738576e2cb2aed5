"""Child processes that die with us, stop when told, and say where they log."""

import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
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


def stop(process: subprocess.Popen[bytes], how: signal.Signals, patience: float) -> bool:
    """End a process; kill it after `patience` seconds. True if it went by itself."""
    if process.poll() is not None:
        return True
    process.send_signal(how)
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
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
