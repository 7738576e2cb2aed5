"""Files beside the specs, as a test has them at hand."""

from collections.abc import Mapping
from pathlib import Path


class Files:
    """Files by their paths; None is one that is too large. Their content is their own stamp."""

    def __init__(self, files: Mapping[str, bytes | None]) -> None:
        self._files = files

    def stamp(self, path: str) -> str:
        return repr(self._files[path]) if path in self._files else ""

    def read(self, path: str) -> bytes | None:
        return self._files.get(path)


def below(folder: Path) -> Files:
    """Return the files of a folder."""
    found = (each for each in folder.rglob("*") if each.is_file())
    return Files({str(each.relative_to(folder)): each.read_bytes() for each in found})
