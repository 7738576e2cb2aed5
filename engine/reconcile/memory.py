"""What files have compiled to: those of the last looks, and not much more."""

from collections.abc import Collection, Iterator, MutableMapping

from engine.core.commit import Unit

_ROOM = 1_000


class Memory(MutableMapping[str, Unit]):
    """A cache for `compile_files`; a key begins with the id of the content.

    `room` is how many are kept of what is in no commit, beside as many as there are in one.
    """

    def __init__(self, room: int = _ROOM) -> None:
        self._room = room
        self._units: dict[str, Unit] = {}
        self._blobs: set[str] = set()
        self._weights: dict[str, int] = {}

    def knows(self, blob: str) -> bool:
        """True if the content need not be read again."""
        return blob in self._blobs

    def weigh(self, blob: str, size: int) -> None:
        """Note how many bytes a content has."""
        self._weights[blob] = size

    def weight(self, blob: str) -> int:
        """Return how many bytes a content has, 0 if it was forgotten."""
        return self._weights.get(blob, 0)

    def forget(self, but: Collection[str]) -> None:
        """Keep what these contents came to; forget the rest once there is as much of it, and some.

        So a walk over all of it is rare, and what is taken back soon after costs nothing.
        """
        if len(self._units) <= 2 * len(but) + self._room:
            return
        kept = set(but)
        self._units = {key: unit for key, unit in self._units.items() if _blob(key) in kept}
        self._blobs = {_blob(key) for key in self._units}
        self._weights = {each: self._weights[each] for each in self._blobs & self._weights.keys()}

    def __getitem__(self, key: str) -> Unit:
        return self._units[key]

    def __setitem__(self, key: str, unit: Unit) -> None:
        self._units[key] = unit
        self._blobs.add(_blob(key))

    def __delitem__(self, key: str) -> None:
        del self._units[key]

    def __contains__(self, key: object) -> bool:
        return key in self._units

    def __iter__(self) -> Iterator[str]:
        return iter(self._units)

    def __len__(self) -> int:
        return len(self._units)


def _blob(key: str) -> str:
    return key.partition(":")[0]
