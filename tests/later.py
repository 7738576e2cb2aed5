"""A later version of this program, made of it for the tests of upgrades."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.core.plan import FORMAT

_ROOT = Path(__file__).parents[1]
_PACKAGES = ("adapters", "engine", "policies", "tests")
LATER = FORMAT + 1
# What the later version does otherwise, by file: it writes plans of one format more, and reads
# both.
_PLANS = {"engine/core/plan/__init__.py": ((f"FORMAT = {FORMAT}\n", f"FORMAT = {LATER}\n"),)}
# It keeps what an attempt gave under another name, and reads both.
_JOURNAL = {
    "engine/core/event.py": (
        ('"succeeded", path, attempt, outputs)', '"gave", path, attempt, outputs)'),
        ('case "succeeded", Mapping()', 'case "succeeded" | "gave", Mapping()'),
    )
}


def later_plans(folder: Path) -> Path:
    """Return the folder of a program that knows plans of a later format as well."""
    return _made(folder, _PLANS)


def later_journal(folder: Path) -> Path:
    """Return the folder of a program whose journals have a kind of row more."""
    return _made(folder, _JOURNAL)


def _made(folder: Path, changes: Mapping[str, Sequence[tuple[str, str]]]) -> Path:
    for each in _PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__", "test_*")
        shutil.copytree(_ROOT / each, folder / each, ignore=ignored)
    for name, replaced in changes.items():
        text = (folder / name).read_text()
        for old, new in replaced:
            assert 1 == text.count(old), old
            text = text.replace(old, new)
        (folder / name).write_text(text)
    return folder
