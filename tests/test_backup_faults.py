"""Backups that are cut off, damaged, of a later version, or none, and what each is told."""

import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.backup import restoring
from engine.errors import Invalid, Misconfigured, SarkError
from tests.test_backup import at, backed_up, contents, lived_in, quiet


@pytest.fixture
def made(database_url: str, tmp_path: Path) -> Path:
    """A backup of a database with some runs, a token and a file."""
    lived_in(database_url, tmp_path / "old")
    backed_up(at(database_url, tmp_path / "old"), tmp_path / "backup.tar")
    return tmp_path / "backup.tar"


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def cut_at_a_member(file: Path) -> None:
    """Take away the manifest, as an upload does that ends between two blocks."""
    with tarfile.open(file) as tar:
        (entry,) = [each for each in tar if each.name == "manifest.json"]
    os.truncate(file, entry.offset)


def flip(file: Path) -> None:
    """Change one bit in the middle of the database."""
    with tarfile.open(file) as tar:
        entry = tar.getmember("database.dump")
    content = bytearray(file.read_bytes())
    content[entry.offset_data + entry.size // 2] ^= 1
    file.write_bytes(content)


def empty(file: Path) -> None:
    file.write_bytes(b"")


def other(file: Path) -> None:
    file.write_text("SELECT 1;\n" * 1000)


def strange(file: Path) -> None:
    with tarfile.open(file, "w") as tar:
        tar.addfile(tarfile.TarInfo("../../etc/passwd"), io.BytesIO())


def rewritten(file: Path, change: Callable[[dict[str, object]], None]) -> None:
    """Change the manifest of a backup."""
    with tarfile.open(file) as tar:
        parts = [(each, (tar.extractfile(each) or io.BytesIO()).read()) for each in tar]
    with tarfile.open(file, "w") as tar:
        for entry, content in parts:
            told = content
            if entry.name == "manifest.json":
                manifest = json.loads(content)
                change(manifest)
                told = json.dumps(manifest).encode()
                entry.size = len(told)
            tar.addfile(entry, io.BytesIO(told))


def newer(file: Path) -> None:
    rewritten(file, lambda told: told["migrations"].append("9999_later.sql"))  # type: ignore[attr-defined]


def of_another_format(file: Path) -> None:
    rewritten(file, lambda told: told.update(format=2))


def lacking(file: Path) -> None:
    rewritten(
        file,
        lambda told: told["members"].append(  # type: ignore[attr-defined]
            {"name": "artifacts/" + "0" * 64, "bytes": 1, "sha256": "0" * 64}
        ),
    )


@pytest.mark.parametrize(
    ("harm", "error", "said"),
    [
        (cut, Invalid, "is no backup of SARK, or was damaged|ends before its manifest"),
        (cut_at_a_member, Invalid, "ends before its manifest, after .* bytes: it was cut off"),
        (flip, Invalid, r"database\.dump was damaged"),
        (empty, Invalid, "is no backup of SARK"),
        (other, Invalid, "is no backup of SARK"),
        (strange, Invalid, r"is no backup of SARK: it has '\.\./"),
        (newer, Misconfigured, r"newer than this program: it has 9999_later\.sql"),
        (of_another_format, Misconfigured, "in format 2; this program reads format 1"),
        (lacking, Invalid, "lacks artifacts/0000"),
    ],
)
def test_a_file_that_is_no_whole_backup(
    made: Path, empty_url: str, tmp_path: Path,
    harm: Callable[[Path], None], error: type[SarkError], said: str,
):  # fmt: skip
    """
    What is wrong with the file is named before anything is written: the database and the state
    folder stay empty.
    """
    harm(made)
    for look in (
        lambda: restoring.check(made),
        lambda: restoring.restore(at(empty_url, tmp_path / "new"), made, quiet),
    ):
        with pytest.raises(error, match=said):
            look()

    assert {} == contents(empty_url)
    assert not (tmp_path / "new").exists()
