"""What root becomes to run PostgreSQL, which refuses to run as root.

First choice is a user namespace: no user is made, no folder is opened. Containers and chroots
refuse that; there the process becomes nobody and keeps one right of root's, to reach its files.
Borrowed from user_namespaces(7) and capabilities(7), "Ambient".
"""

import ctypes
import os
from collections.abc import Callable
from pathlib import Path

from engine.errors import Misconfigured

_NOBODY = 65534
_CLONE_NEWUSER = 0x10000000
_PR_SET_SECUREBITS = 28
_NO_SETUID_FIXUP = 1 << 2
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION = 0x20080522
_LIBC = ctypes.CDLL(None, use_errno=True)

Become = Callable[[], None]


def enter_namespace() -> None:
    """Enter a user namespace in which root outside is nobody inside."""
    _call(_LIBC.unshare, _CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{_NOBODY} 0 1")
    Path("/proc/self/gid_map").write_text(f"{_NOBODY} 0 1")


def drop_user() -> None:
    """Become nobody, and keep the right to reach files below folders that are root's alone."""
    # Without this access(2), by which PostgreSQL looks for its programs, forgets the right.
    _call(_LIBC.prctl, _PR_SET_SECUREBITS, _NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setgid(_NOBODY)
    os.setuid(_NOBODY)
    kept = 1 << _CAP_DAC_OVERRIDE
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    _call(_LIBC.capset, header, (ctypes.c_uint32 * 6)(kept, kept, kept, 0, 0, 0))
    _call(_LIBC.prctl, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)


_WAYS: tuple[tuple[Become, int], ...] = ((enter_namespace, 0), (drop_user, _NOBODY))


def become(data: Path) -> Become | None:
    """Return what a child of root does before it runs PostgreSQL on `data`; None if not root.

    The folder is handed to whom the child becomes. Raise Misconfigured where root can become
    nobody else.
    """
    if os.geteuid() != 0:
        return None
    for way, owner in _WAYS:
        if _works(way):
            _give(data, owner)
            return way
    raise Misconfigured(
        "PostgreSQL refuses to run as root, and here root may become nobody else: "
        "run as an ordinary user, or set SARK_DATABASE_URL to a server"
    )


def _works(way: Become) -> bool:
    pid = os.fork()
    if pid:
        return os.waitpid(pid, 0)[1] == 0
    try:
        way()
    except OSError:
        os._exit(1)
    os._exit(0)


def _give(folder: Path, owner: int) -> None:
    """Hand a folder to a user, whole, unless it is that user's."""
    if not folder.exists() or folder.stat().st_uid == owner:
        return
    for place, folders, files in os.walk(folder, topdown=False):
        for name in (*folders, *files):
            os.chown(os.path.join(place, name), owner, owner, follow_symlinks=False)
    os.chown(folder, owner, owner)


def _call(function: Callable[..., int], *arguments: object) -> None:
    if function(*arguments) != 0:
        raise OSError(ctypes.get_errno(), function.__name__)
