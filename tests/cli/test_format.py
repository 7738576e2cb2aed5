"""`sark fmt`: which files it rewrites, how, and what it says."""

import json
import os
import stat
from pathlib import Path

import pytest

from tests.cli.test_specs import GOOD, sark

UGLY = "a:   1 # b\r\nc:\r\n- 2"
NEAT = "a: 1 # b\nc:\n  - 2\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ugly.yaml").write_bytes(UGLY.encode())
    (tmp_path / "neat.yml").write_text("a: 1\n")
    (tmp_path / ".hidden.yaml").write_text("a:   1\n")
    (tmp_path / "other.txt").write_text("a:   1\n")
    return tmp_path


def test_a_folder_is_rewritten(folder: Path) -> None:
    """
    Specs below a folder are rewritten and named; a second time there is nothing to do.
    """
    done = sark("fmt", str(folder))

    assert (0, f"{folder}/ugly.yaml\n") == (done.exit_code, done.stdout)
    assert "1 of 2 files rewritten\n" == done.stderr
    assert NEAT == (folder / "ugly.yaml").read_text()
    assert "a:   1\n" == (folder / ".hidden.yaml").read_text() == (folder / "other.txt").read_text()
    assert "0 of 2 files rewritten\n" == sark("fmt", str(folder)).stderr


def test_check_writes_nothing(folder: Path) -> None:
    """
    `--check` names what would change and exits with 1; with 0 if nothing would.
    """
    done = sark("fmt", "--check", str(folder))

    assert (1, f"{folder}/ugly.yaml\n") == (done.exit_code, done.stdout)
    assert "1 of 2 files would be rewritten\n" == done.stderr
    assert UGLY.encode() == (folder / "ugly.yaml").read_bytes()
    assert 0 == sark("fmt", "--check", str(folder / "neat.yml")).exit_code


def test_a_diff_is_printed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    `--diff` prints what would change, for `patch` to read, and writes nothing.
    """
    (folder / "ugly.yaml").write_text("a:   1\nb: 2")
    name = folder / "ugly.yaml"
    done = sark("fmt", "--diff", str(folder))

    lines = [
        f"--- {name}", f"+++ {name}", "@@ -1,2 +1,2 @@", "-a:   1", "-b: 2",
        "\\ No newline at end of file", "+a: 1", "+b: 2",
    ]  # fmt: skip
    assert (0, lines) == (done.exit_code, done.stdout.splitlines())
    assert "a:   1\nb: 2" == name.read_text()
    assert 1 == sark("fmt", "--diff", "--check", str(folder)).exit_code
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[32m+a: 1" in sark("fmt", "--diff", str(folder)).stdout


def test_stdin_is_filtered() -> None:
    """
    `-` reads a spec and prints it in the style, as editors want it; a mistake prints nothing.
    """
    right = sark("fmt", "-", stdin="a:  1")
    assert (0, "a: 1\n") == (right.exit_code, right.stdout)
    wrong = sark("fmt", "-", stdin="a: *x\n")
    assert (1, "") == (wrong.exit_code, wrong.stdout)
    assert "error[alias]" in wrong.stderr
    assert "stdin.yaml\n" == sark("fmt", "--check", "-", stdin="a:  1").stdout
    assert 2 == sark("fmt", "-", "other", stdin="").exit_code


def test_json_lists_the_files(folder: Path) -> None:
    """
    `--json` tells of each file whether it changed.
    """
    done = sark("fmt", "--json", str(folder))
    told = {Path(each["file"]).name: each["changed"] for each in json.loads(done.stdout)}

    assert {"neat.yml": False, "ugly.yaml": True} == told
    assert "a: 1\n" == (folder / "neat.yml").read_text()


def test_a_file_with_a_mistake_is_left_alone(folder: Path) -> None:
    """
    What does not load is told and not touched; the other files are rewritten.
    """
    (folder / "bad.yaml").write_text("a:   1\na: 2\n")
    done = sark("fmt", str(folder))

    assert 1 == done.exit_code
    assert "error[duplicate-key]" in done.stderr
    assert "a:   1\na: 2\n" == (folder / "bad.yaml").read_text()
    assert NEAT == (folder / "ugly.yaml").read_text()


def test_mode_and_owner_stay(folder: Path) -> None:
    """
    A file that is replaced keeps who may read and run it, and leaves nothing beside it.
    """
    os.chmod(folder / "ugly.yaml", 0o750)
    sark("fmt", str(folder))

    assert 0o750 == stat.S_IMODE((folder / "ugly.yaml").stat().st_mode)
    assert 4 == len(list(folder.iterdir()))


def test_links_are_followed_only_by_name(folder: Path) -> None:
    """
    A link in a folder leads nowhere; one that a person names stays, and its file is rewritten.
    """
    inner = folder / "inner"
    inner.mkdir()
    (inner / "link.yaml").symlink_to(folder / "ugly.yaml")
    (inner / "folder").symlink_to(folder)
    assert "no spec" in sark("fmt", str(inner)).stderr
    assert UGLY.encode() == (folder / "ugly.yaml").read_bytes()

    sark("fmt", str(inner / "link.yaml"))
    assert (inner / "link.yaml").is_symlink()
    assert NEAT == (folder / "ugly.yaml").read_text()


def test_a_file_that_may_not_be_written_stays(folder: Path) -> None:
    """
    A file is replaced only by who may write it; the reason is told.
    """
    file = folder / "ugly.yaml"
    file.chmod(0o444)
    done = sark("fmt", str(file))

    may = os.access(file, os.W_OK)  # root may do anything
    assert (0 if may else 1) == done.exit_code
    assert (NEAT if may else UGLY).encode() == file.read_bytes()


def test_edges_are_written(tmp_path: Path) -> None:
    """
    `--explicit-needs` writes down what a step waits for because it reads it.
    """
    file = tmp_path / "a.yaml"
    file.write_text(GOOD.replace(", needs: [a]", ""))
    done = sark("fmt", "--explicit-needs", str(file))

    assert 0 == done.exit_code
    assert "  b: {needs: [a], uses: echo.say@1," in file.read_text()


def test_what_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    """
    A path that does not exist ends with code 2 and says so.
    """
    done = sark("fmt", str(tmp_path / "gone"))

    assert (2, True) == (done.exit_code, "there is no file or folder" in done.stderr)


def test_a_defect_of_ours_leaves_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A file that cannot be proved to stay the same is left as it is; the code is 70.
    """
    monkeypatch.setattr("engine.core.format.tidying.render", lambda _: "a: 2\n")
    done = sark("fmt", str(folder / "ugly.yaml"))

    assert 70 == done.exit_code
    assert "defect of sark" in done.stderr
    assert UGLY.encode() == (folder / "ugly.yaml").read_bytes()
