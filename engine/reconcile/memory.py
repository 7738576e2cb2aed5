"""What files have compiled to, as long as one of the last two looks has used it."""

from collections.abc import Iterator, MutableMapping

from engine.core.commit import Unit


class Memory(MutableMapping[str, Unit]):
    """A cache for `compile_files` in two generations; a key begins with the id of the content."""

    def __init__(self) -> None:
        self._young: dict[str, Unit] = {}
        self._old: dict[str, Unit] = {}
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

    def grow_old(self) -> None:
        """Forget what neither this look nor the one before has used."""
        self._young, self._old = {}, self._young
        self._blobs = {_blob(key) for key in self._old}
        self._weights = {each: self._weights[each] for each in self._blobs & self._weights.keys()}

    def __getitem__(self, key: str) -> Unit:
        unit = self._young.get(key)
        if unit is None:
            unit = self._young[key] = self._old[key]
        return unit

    def __setitem__(self, key: str, unit: Unit) -> None:
        self._young[key] = unit
        self._blobs.add(_blob(key))

    def __delitem__(self, key: str) -> None:
        del self._young[key]

    def __contains__(self, key: object) -> bool:
        return key in self._young or key in self._old

    def __iter__(self) -> Iterator[str]:
        return iter({**self._old, **self._young})

    def __len__(self) -> int:
        return len({**self._old, **self._young})


def _blob(key: str) -> str:
    return key.partition(":")[0]
