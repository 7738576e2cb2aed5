"""The folder of one call: made for it, and gone afterwards however it was left."""

import asyncio
import os
import secrets
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path, PurePosixPath


@asynccontextmanager
async def folder_in(place: Path | None, cwd: PurePosixPath) -> AsyncIterator[tuple[Path, Path]]:
    """Give a fresh folder and the working folder inside it; both are gone afterwards."""
    # Made at once, not in a thread: a cancellation in between would leave the folder behind.
    home = Path(tempfile.mkdtemp(prefix="sark-step-", dir=place))
    try:
        (home / cwd).mkdir(parents=True, exist_ok=True)
        yield home, home / cwd
    finally:
        await asyncio.shield(asyncio.to_thread(_remove, home))


def _remove(home: Path) -> None:
    """Remove a folder even if parts of it are locked; what cannot go is left.

    A folder within is moved up before it is emptied, so that neither the stack nor the longest
    path of the system bounds how deep it may lie.
    """
    mark, count = secrets.token_hex(8), 0
    folders = [str(home)]
    while folders:
        folder = folders.pop()
        with suppress(OSError):
            os.chmod(folder, 0o700)
            for each in _emptied(folder):
                count += 1
                higher = f"{home}/{mark}-{count}"
                os.rename(each, higher)
                folders.append(higher)
            if folder != str(home):
                os.rmdir(folder)
    with suppress(OSError):
        os.rmdir(home)


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
