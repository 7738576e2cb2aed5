"""A check of what has not changed opens no file, and never takes a changed file for an old one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.cli import seen
from tests.cli.test_specs import BAD, GOOD, sark

RENDER = """\
apiVersion: sark/v1
kind: Workflow
name: note
steps:
  a: {uses: text.render@1, with: {template: note.j2}}
"""


@pytest.fixture(autouse=True)
def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock so fine that the files of a test are never too new."""
    monkeypatch.setattr(seen, "_COARSE", -(10**12))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "bad.yaml").write_text(BAD.replace("name: demo", "name: worse"))
    (tmp_path / "twice.yaml").write_text(GOOD.replace("name: demo", "name: worse"))
    return tmp_path


def kept(cache: Path) -> list[Path]:
    return list((cache / "sark" / "check").glob("*.seen"))


def test_the_same_is_said_again(folder: Path, cache: Path) -> None:
    """
    A check of the same files prints what it has printed, in every format.
    """
    for form in ("text", "json", "sarif", "github"):
        fresh = sark("check", "--no-cache", "--format", form, str(folder))
        first, second = (sark("check", "--format", form, str(folder)) for _ in range(2))

        assert [(1, fresh.stdout)] * 2 == [
            (each.exit_code, each.stdout) for each in (first, second)
        ]
    assert 1 == len(kept(cache))


def test_nothing_of_the_compiler_is_loaded(folder: Path, cache: Path) -> None:
    """
    That is what makes it fast: not even YAML can be read by a check that knows its answer.
    """
    sark("check", str(folder))
    code = (
        "import sys; from engine.cli import cli\n"
        "try: cli.main(['check', sys.argv[1]], standalone_mode=False)\n"
        "finally: print({'_ruamel_yaml', 'engine.core.commit', 'pydantic'} & set(sys.modules))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], check=False, capture_output=True, text=True
    )

    assert (1, "set()") == (done.returncode, done.stdout.splitlines()[-1])


def test_a_change_of_the_same_length_is_seen(folder: Path, cache: Path) -> None:
    """
    A file that was written again is looked at again, even if its time was put back.
    """
    file = folder / "good.yaml"
    (folder / "twice.yaml").unlink()
    assert "duplicate-name" not in sark("check", str(folder)).stdout
    before = file.stat()
    other = folder / "bad.yaml"
    other.write_text(other.read_text().replace("name: worse", "name: demos"))
    file.write_text(file.read_text().replace("name: demo", "name: demos")[: before.st_size])
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert "duplicate-name" in sark("check", str(folder)).stdout


def test_files_that_come_and_go_are_seen(folder: Path, cache: Path) -> None:
    """
    A new spec is checked, and of one that is gone nothing is told.
    """
    (folder / "twice.yaml").unlink()
    sark("check", str(folder))
    (folder / "new.yaml").write_text(GOOD)
    assert "duplicate-name" in sark("check", str(folder)).stdout

    (folder / "new.yaml").unlink()
    (folder / "bad.yaml").unlink()

    assert (0, "") == (sark("check", str(folder)).exit_code, sark("check", str(folder)).stdout)


def test_a_file_that_a_spec_names_is_looked_at(folder: Path, cache: Path) -> None:
    """
    What stands in a template file is part of the spec: a check sees it come, change and go.
    """
    (folder / "bad.yaml").write_text(RENDER)
    (folder / "twice.yaml").unlink()
    assert "missing-file" in sark("check", str(folder)).stdout

    (folder / "note.j2").write_text("Hi")
    assert 0 == sark("check", str(folder)).exit_code

    (folder / "note.j2").write_bytes(b"\xff")
    assert "bad-file" in sark("check", str(folder)).stdout


def test_a_file_of_this_very_moment_is_not_believed(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    It could change again within one tick of its clock: nothing is kept until it has settled.
    """
    monkeypatch.setattr(seen, "_COARSE", 10**12)

    sark("check", str(folder))

    assert [] == kept(cache)


def test_files_by_themselves_are_always_looked_at(folder: Path, cache: Path) -> None:
    """
    What they come to hangs on the other files below the root, which they do not name.
    """
    sark("check", str(folder / "good.yaml"))
    sark("check", "-", stdin=GOOD)

    assert [] == kept(cache)
