"""Who has a state folder: one `sark up`, or one command that writes to it, at a time."""

import fcntl
import os
from pathlib import Path
from typing import TextIO

from engine.errors import Misconfigured


def hold(state: Path, what: str) -> TextIO:
    """Take a state folder, made if need be, until the file that is returned is closed.

    `what` says who has it, such as "`sark up`". Raise Misconfigured if another has it.
    """
    state.mkdir(parents=True, exist_ok=True)
    lock = (state / "lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        pid, _, name = lock.read().strip().partition(" ")
        lock.close()
        raise Misconfigured(
            f"another {name or '`sark up`'} (process {pid or '?'}) uses {state}; "
            "stop it, or name another folder with --state"
        ) from None
    lock.truncate(0)
    lock.write(f"{os.getpid()} {what}")
    lock.flush()
    return lock


def is_held(state: Path) -> bool:
    """True if somebody has a state folder just now."""
    try:
        with (state / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
