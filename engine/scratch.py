"""The folder of one attempt: made when it is first asked for, gone however it was left."""

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path


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
