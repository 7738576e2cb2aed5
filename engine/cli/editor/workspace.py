"""The specs of a work tree as an editor has them: unsaved texts win, what is unchanged is kept."""

import hashlib
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path

from adapters.contract import Manifest
from engine.cli import memo
from engine.cli.folder import UNTOLD, Beside, walked
from engine.core.commit import Commit, Declared, Unit, findings
from engine.core.compiler import Survey, Visibility, compile_survey, survey
from engine.core.compiler.world import World
from engine.core.diagnostic import Diagnostic
from engine.core.document import MAX_BYTES
from engine.core.facts import Catalogue
from engine.core.frozen import frozen
from engine.tree import File, Surveyed, Tree

MAX_FILES = 20_000  # files that may be specs, below one root
_MARK = b"sark/v"
# Other files are looked at in the first so many bytes for what they are.
_HEAD = 64 * 1024


class Workspace:
    """The specs below a root. A text that is open in the editor stands for its file."""

    def __init__(self, root: Path, operations: Mapping[str, Manifest]) -> None:
        self.root = root
        self.operations = operations
        self.catalogue = Catalogue(operations)
        self.documents: list[Declared] = []
        self._visibilities: dict[str, dict[int, Visibility]] = {}
        self._files: dict[str, File] = {}
        self._open: dict[str, File] = {}
        self._units = _Kept(memo.opened(root))

    def look(self) -> None:
        """Read the specs of the work tree again."""
        self._files = {}
        with suppress(OSError):
            for path in islice(walked(str(self.root), set()), MAX_FILES):
                data = _read(path)
                if _MARK in data[:_HEAD]:
                    name = relative(Path(path), self.root)
                    self._files[name] = File(name, hashlib.sha256(data).hexdigest(), data)

    def open(self, path: str, text: str) -> None:
        """Let a text stand for the file at a path below the root, until it is closed."""
        self._open[path] = File(path, "", text.encode("utf-8", "replace"))

    def close(self, path: str) -> None:
        """Let the file speak for itself again."""
        self._open.pop(path, None)
        self._visibilities.pop(path, None)

    def findings(self) -> dict[str, list[Diagnostic]]:
        """Return what is wrong with each text that is open and is a spec, by path."""
        mine = {path: each for path, each in self._open.items() if _is_spec(each)}
        tree = {**self._files, **mine}
        for path in self._open.keys() - mine.keys():
            tree.pop(path, None)
        units = Tree(tree, self._surveyed, "", self._units, Beside(self.root)).units()
        self._units.save()
        self.documents = [told for unit in units.values() for told in unit.documents]
        found: dict[str, list[Diagnostic]] = {path: [] for path in self._open}
        for path in mine:
            found[path] += units[path].diagnostics
        for each in findings(self.documents):
            if each.span.file in mine and each.code not in UNTOLD:
                found[each.span.file].append(each)
        return found

    def visibility(self, path: str, document: int) -> Visibility | None:
        """Return what the compiler knew of a document when it could last be read."""
        return self._visibilities.get(path, {}).get(document)

    def text(self, path: str) -> str:
        """Return the text of a spec, as the editor has it or else the disk."""
        file = self._open.get(path) or self._files.get(path)
        return "" if file is None else (file.read() or b"").decode("utf-8", "replace")

    def _surveyed(self, path: str, source: bytes) -> Surveyed:
        return _Watched(survey(path, source), self, path)

    def observe(self, path: str, document: int, world: World) -> None:
        """Keep what the compiler knows of a text that is open."""
        if path in self._open:
            self._visibilities.setdefault(path, {})[document] = Visibility(world)


@frozen
class _Watched:
    """A file that was read, and who wants to know what the compiler knows of it."""

    survey: Survey
    workspace: Workspace
    path: str

    @property
    def documents(self) -> Iterable[Declared]:
        return self.survey.documents

    def compile(self, commit: Commit) -> Unit:
        def observe(document: int, world: World) -> None:
            self.workspace.observe(self.path, document, world)

        return compile_survey(self.survey, self.workspace.catalogue, commit, observe)


class _Kept(dict[str, Unit]):
    """Units in memory, and behind them what `sark check` has left on disk."""

    def __init__(self, disk: memo.Memo) -> None:
        super().__init__()
        self._disk = disk
        self._is_new = False

    def save(self) -> None:
        """Leave on disk what is new, for the next time."""
        if self._is_new:
            self._disk.save(all_=False)
        self._is_new = False

    def update(self, units: Mapping[str, Unit]) -> None:  # type: ignore[override]
        """Keep units, in memory and for the disk."""
        for key, each in units.items():
            self[key] = self._disk[key] = each
            self._is_new = True

    def get(self, key: str, default: Unit | None = None) -> Unit | None:  # type: ignore[override]
        if key not in self and key in self._disk:
            self[key] = self._disk[key]
        return super().get(key, default)


def root_of(path: Path, folders: Iterable[Path]) -> Path:
    """Return the root of a file: its repository, or else the editor's folder, or else its own."""
    for each in path.parents:
        if (each / ".git").exists():
            return each
    around = [each for each in folders if path.is_relative_to(each)]
    return max(around, key=lambda each: len(each.parts), default=path.parent)


def _read(path: str) -> bytes:
    """Return the content of a file, up to a byte more than a spec may have."""
    try:
        with open(path, "rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError:
        return b""


def _is_spec(file: File) -> bool:
    return _MARK in (file.read() or b"")[:_HEAD]


def relative(path: Path, root: Path) -> str:
    """Return the name that findings give a file below a root."""
    return os.path.relpath(path, root).replace(os.sep, "/")
