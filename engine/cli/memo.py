"""What `sark check` found out about files, kept on disk for the next time.

One file for each root in the user's cache folder, never in the repository: what comes with a
repository must not be able to say that its own specs are right. It is replaced whole, so that two
checks at once never mix, and begins with its own digest, so that half a file counts for nothing.
What it holds is by the content of specs, and for this very program alone: `stamp` is the digest of
the names, sizes and times of the files of the compiler and of the adapters.
"""

import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator, MutableMapping
from contextlib import suppress
from pathlib import Path

import orjson

from engine.cli import shelved
from engine.core.commit import Unit
from engine.core.values import Json

MAX_UNITS = 50_000
_OLD = 30 * 24 * 3600.0
_PROGRAM = ("engine/core", "adapters")


class Memo(MutableMapping[str, Unit]):
    """Units without their plans, by content. A damaged or foreign file is as good as none."""

    def __init__(self, place: Path, stamp: str) -> None:
        self._place = place
        self._stamp = stamp
        self._kept: dict[str, Json] = _load(place, stamp)
        self._used: set[str] = set()
        self._is_new = False

    def save(self, *, all_: bool) -> None:
        """Write what is known, if there is anything new; a disk that refuses is let be.

        `all_`: every spec of the root was looked at, so what was not used is gone.
        """
        if not self._is_new:
            return
        if all_ or len(self._kept) > MAX_UNITS:
            self._kept = {key: each for key, each in self._kept.items() if key in self._used}
        with suppress(OSError):
            _write(self._place, orjson.dumps({"stamp": self._stamp, "units": self._kept}))
            _sweep(self._place.parent)

    def __getitem__(self, key: str) -> Unit:
        unit = shelved.taken(self._kept[key])
        self._used.add(key)
        return unit

    def __setitem__(self, key: str, unit: Unit) -> None:
        self._kept[key] = shelved.put(unit)
        self._used.add(key)
        self._is_new = True

    def __delitem__(self, key: str) -> None:
        del self._kept[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)


def opened(root: Path) -> Memo:
    """Return what is known of the specs below a root."""
    name = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:24]
    return Memo(folder() / f"{name}.json", stamp())


def folder() -> Path:
    """Return where it is kept: `$XDG_CACHE_HOME/sark/check`, or `~/.cache/sark/check`."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    home = Path(base) if os.path.isabs(base) else Path.home() / ".cache"
    return home / "sark" / "check"


def stamp() -> str:
    """Return the digest of this program, as far as it decides what a file comes to."""
    root = Path(__file__).parents[2]
    told = [sys.version, *(line for name in _PROGRAM for line in _files(str(root / name)))]
    return hashlib.sha256("\n".join(sorted(told)).encode()).hexdigest()


def _files(folder_: str) -> Iterator[str]:
    with os.scandir(folder_) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _files(entry.path)
            elif entry.name.endswith(".py"):
                facts = entry.stat()
                yield f"{entry.path} {facts.st_size} {facts.st_mtime_ns}"


def _load(place: Path, stamp_: str) -> dict[str, Json]:
    try:
        whole = place.read_bytes()
    except OSError:
        return {}
    digest, _, body = whole.partition(b"\n")
    if digest.decode("latin-1") != hashlib.sha256(body).hexdigest():
        return {}
    told = orjson.loads(body)
    return told["units"] if told["stamp"] == stamp_ else {}


def _write(place: Path, body: bytes) -> None:
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
