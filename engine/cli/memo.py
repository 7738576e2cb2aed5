"""What `sark check` found out about files, kept on disk for the next time.

One file for each root. What it holds is by the content of specs, and for this very program alone.
"""

import hashlib
import os
from collections.abc import Iterator, MutableMapping
from pathlib import Path

from engine.cli import shelf, shelved
from engine.core.commit import Unit
from engine.core.values import Json

MAX_UNITS = 50_000


class Memo(MutableMapping[str, Unit]):
    """Units without their plans, by content. A damaged or foreign file is as good as none."""

    def __init__(self, place: Path, stamp: str) -> None:
        self._place = place
        self._stamp = stamp
        self._kept: dict[str, Json] = shelf.load(place, stamp).get("units", {})
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
        shelf.save(self._place, {"stamp": self._stamp, "units": self._kept})

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
    return Memo(shelf.folder() / f"{name}.json", shelf.stamp())
