"""Where checks keep what they have found out: the user's cache folder.

It is never in the repository: what comes with a repository must not be able to say that its own
specs are right. A file is replaced whole, so that two checks at once never mix, and begins with its
own digest, so that half a file counts for nothing. It counts for this very program alone: `stamp`
is the digest of the names, sizes and times of the files of the compiler and of the adapters.
"""

import hashlib
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from engine.core.values import Json

_OLD = 30 * 24 * 3600.0
_PROGRAM = ("engine/core", "adapters")


def folder() -> Path:
    """Return where it is kept: `$XDG_CACHE_HOME/sark/check`, or `~/.cache/sark/check`."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    home = Path(base) if os.path.isabs(base) else Path.home() / ".cache"
    return home / "sark" / "check"


def stamp() -> str:
    """Return the digest of this program, as far as it decides what a file comes to."""
    root = Path(__file__).parents[2]
    told = [sys.version, *(line for name in _PROGRAM for line in _sources(str(root / name)))]
    return hashlib.sha256("\n".join(sorted(told)).encode()).hexdigest()


def _sources(folder_: str) -> Iterator[str]:
    with os.scandir(folder_) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _sources(entry.path)
            elif entry.name.endswith(".py"):
                facts = entry.stat()
                yield f"{entry.path} {facts.st_size} {facts.st_mtime_ns}"


def load(place: Path, stamp_: str) -> dict[str, Any]:
    """Return what a file holds; nothing if it is not whole, or of another program."""
    try:
        whole = place.read_bytes()
    except OSError:
        return {}
    digest, _, body = whole.partition(b"\n")
    if digest.decode("latin-1") != hashlib.sha256(body).hexdigest():
        return {}
    told: dict[str, Any] = orjson.loads(body)
    return told if told["stamp"] == stamp_ else {}


def save(place: Path, told: Mapping[str, Json]) -> None:
    """Write a file, and take away what is old; a disk that refuses is let be."""
    with suppress(OSError):
        _write(place, orjson.dumps(told))
        _sweep(place.parent)


def _write(place: Path, body: bytes) -> None:
    import tempfile

    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, half = tempfile.mkstemp(dir=place.parent, suffix=".half")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
        os.replace(half, place)
    except OSError:
        os.unlink(half)
        raise


def _sweep(folder_: Path) -> None:
    """Take away what no check has written for a month, halves of files included."""
    before = time.time() - _OLD
    for each in folder_.iterdir():
        if each.stat().st_mtime < before:
            each.unlink(missing_ok=True)
