"""What a process gives up before it reads what a stranger has written. Linux; see capabilities(7).

It is the second fence: the process knows no secret, its environment is empty, and nothing in it
speaks to a network or a database. Where the kernel lets it, it has no network at all.
"""

import ctypes
import os
import resource
import signal

CPU_SECONDS = 120
MEMORY = 4 << 30
_FILE = 1 << 20
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_CLONE_NEWNET, _CLONE_NEWUSER = 0x40000000, 0x10000000


def confine() -> None:
    """Bound this process and its children, and let them gain nothing; call it first."""
    enclose()
    hasten()


def enclose() -> None:
    """Give up what a process needs no more that lives on: all but time. Its forks have given it up.

    Nobody else of this user may look into its memory, nor what it has begun.
    """
    _limit((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_FSIZE, _FILE), (resource.RLIMIT_CORE, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "prctl"):
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
        if libc.unshare(_CLONE_NEWNET) != 0:
            libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    follow(os.getppid())


def hasten() -> None:
    """Bound the time of this process and of each of its children."""
    _limit((resource.RLIMIT_CPU, CPU_SECONDS))


def follow(parent: int) -> None:
    """Die with a parent; a process that is forked says so anew."""
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "prctl"):
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit("the parent has ended")


def _limit(*limits: tuple[int, int]) -> None:
    for kind, most in limits:
        resource.setrlimit(kind, (most, most))
