"""The folder of one attempt: made when it is first asked for, gone however it was left.

They lie in a folder of their worker's, which it holds locked: the kernel lets go of the lock when
the worker dies, however it does, and so the next one knows what nobody will remove any more.
"""

import fcntl
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from engine.errors import Misconfigured

_NEST = "sark-worker-"


class Scratch:
    """A folder in `place`, or in the system's temporary folder, that is there once it is called.

    Raise OSError where none can be made.
    """

    __slots__ = ("_place", "path")

    def __init__(self, place: Path | None) -> None:
        self._place = place
        self.path: Path | None = None

    def __call__(self) -> Path:
        """Return the folder, the same each time."""
        if self.path is None:
            if self._place is not None:
                self._place.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path = Path(tempfile.mkdtemp(prefix="sark-step-", dir=self._place))
        return self.path


@contextmanager
def nest(place: Path | None) -> Iterator[Path]:
    """Hold a folder in `place`, or in the system's temporary folder, for attempts of this process.

    Raise Misconfigured where none can be made.
    """
    place = _or_usual(place)
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder, lock = _locked(place)
    except OSError as error:
        raise Misconfigured(
            f"{error.filename or place}: {error.strerror}; attempts need folders there: mend that, "
            "or set SARK_WORKER__SCRATCH to another place"
        ) from None
    try:
        yield folder
    finally:
        remove(folder)
        os.close(lock)


def _or_usual(place: Path | None) -> Path:
    return Path(tempfile.gettempdir()) if place is None else place


def _locked(place: Path) -> tuple[Path, int]:
    """Return a new folder and its lock; one that another took for abandoned is left to it."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_NEST, dir=place))
        lock = _lock(folder)
        if lock is not None and folder.exists():
            return folder, lock
        if lock is not None:
            os.close(lock)


def clear(place: Path | None) -> None:
    """Remove the folders in `place` whose workers have died; what cannot go is left."""
    for folder in _or_usual(place).glob(f"{_NEST}*"):
        lock = _lock(folder)
        if lock is not None:
            remove(folder)
            os.close(lock)


def _lock(folder: Path) -> int | None:
    """Return the lock of a folder of ours, or None if somebody has it or it is not ours."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    with suppress(OSError):
        if os.fstat(handle).st_uid == os.geteuid():
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return handle
    os.close(handle)
    return None


def remove(folder: Path) -> None:
    """Remove a folder even if parts of it are locked; what cannot go is left.

    A folder within is moved up before it is emptied, so that neither the stack nor the longest
    path of the system bounds how deep it may lie.
    """
    mark, count = secrets.token_hex(8), 0
    folders = [str(folder)]
    while folders:
        each = folders.pop()
        with suppress(OSError):
            os.chmod(each, 0o700)
            for inner in _emptied(each):
                count += 1
                higher = f"{folder}/{mark}-{count}"
                os.rename(inner, higher)
                folders.append(higher)
            if each != str(folder):
                os.rmdir(each)
    with suppress(OSError):
        os.rmdir(folder)


def _emptied(folder: str) -> list[str]:
    """Remove every file in a folder, and return the folders in it."""
    found: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                found.append(entry.path)
                continue
            with suppress(OSError):
                os.unlink(entry.path)
    return found
