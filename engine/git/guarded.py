"""Files of the server that trust hangs on: there, readable, and in nobody else's hand."""

import os
import stat
from pathlib import Path

from engine.errors import Misconfigured

_MOST_BYTES = 1 << 20


def read_guarded(what: str, file: Path | None) -> bytes:
    """Return what a file holds, nothing for None; raise Misconfigured as `check_guarded` does."""
    if file is None:
        return b""
    check_guarded(what, file)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise Misconfigured(f"{what}: {file}: {error.strerror}") from None
    if len(data) > _MOST_BYTES:
        raise Misconfigured(f"{what}: {file} is over {_MOST_BYTES >> 20} MiB")
    return data


def check_guarded(what: str, file: Path) -> None:
    """Raise Misconfigured if a file is not there, not readable, or everybody may write it."""
    if _mode(what, file) & stat.S_IWOTH:
        raise Misconfigured(f"{what}: everybody may write {file}: chmod o-w {file}")


def check_private(what: str, file: Path) -> None:
    """Raise Misconfigured for a key that ssh would not use, for others may read it.

    That is ssh's own rule: the owner must keep it to himself (sshkey_perm_ok). A key of another
    owner, as in a mounted secret, may be read by the group; nobody's may be read by everybody.
    """
    mode = _mode(what, file)
    others = 0o077 if file.stat().st_uid == os.getuid() else 0o007
    if mode & others:
        raise Misconfigured(f"{what}: others may read {file} ({mode:04o}): chmod 600 {file}")


def _mode(what: str, file: Path) -> int:
    """Return the permissions of a plain file that we may read."""
    try:
        mode = file.stat().st_mode
    except OSError as error:
        raise Misconfigured(f"{what}: {file}: {error.strerror}") from None
    if not stat.S_ISREG(mode):
        raise Misconfigured(f"{what}: {file} is no file")
    if not os.access(file, os.R_OK):
        raise Misconfigured(f"{what}: {file}: this process may not read it")
    return stat.S_IMODE(mode)
