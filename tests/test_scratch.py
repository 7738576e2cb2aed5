"""The folder of an attempt: there when it is asked for, gone however it was left."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import Misconfigured
from engine.scratch import Scratch, clear, nest, remove


@pytest.fixture
def deep() -> Iterator[Path]:
    """A folder that goes away however deep it has become: Python's own rmtree would fail."""
    folder = Path(tempfile.mkdtemp(prefix="sark-test-"))
    yield folder
    subprocess.run(["rm", "-rf", str(folder)], check=True)


def test_a_folder_is_made_when_it_is_asked_for(tmp_path: Path) -> None:
    """
    Nothing is made before; then it is one private folder, the same each time.
    """
    place = tmp_path / "state" / "scratch"
    scratch = Scratch(place)
    assert [] == list(tmp_path.iterdir())

    folder = scratch()
    assert [folder, 0o700] == [scratch(), folder.stat().st_mode & 0o777]
    assert [folder] == list(place.iterdir())


def test_a_folder_goes_however_it_was_left(deep: Path) -> None:
    """
    Folders three thousand deep, folders that were locked, and a link that leads out of them.
    """
    outside, inside = deep / "outside", deep / "inside"
    outside.mkdir()
    inside.mkdir()
    (outside / "kept").write_text("x")
    folder = Scratch(inside)()
    code = "import os\nfor _ in range(3000): os.mkdir('d'); os.chdir('d')"
    script = """
        mkdir locked; touch locked/x; chmod 0 locked; ln -s "$1" link; ln -s "$1/kept" file
        "$2" -c "$3"
    """
    words = ["sh", "-euc", script, "sh", str(outside), sys.executable, code]
    subprocess.run(words, cwd=folder, check=True)

    remove(folder)
    assert os.listdir(inside) == []
    assert os.listdir(outside) == ["kept"]


def test_what_a_dead_worker_has_left_is_removed(tmp_path: Path) -> None:
    """
    Kill -9 a worker: the folders of its attempts go when another starts; those of one that lives,
    and what others keep beside, stay.
    """
    text = (
        "import pathlib, sys; from engine.scratch import Scratch, nest\n"
        "with nest(pathlib.Path(sys.argv[1])) as place:\n"
        "    print(Scratch(place)(), flush=True); input()"
    )
    dead, alive = (
        subprocess.Popen([sys.executable, "-c", text, str(tmp_path)], stdin=-1, stdout=-1)
        for _ in range(2)
    )
    left, used = (Path(each.stdout.readline().decode().strip()) for each in (dead, alive))  # type: ignore[union-attr]
    (left / "file").write_text("left")
    (tmp_path / "sark-worker-of-a-friend").write_text("no folder")
    dead.kill()
    dead.wait()
    clear(tmp_path)

    assert not left.parent.exists()
    assert used.exists()
    assert (tmp_path / "sark-worker-of-a-friend").exists()
    alive.communicate(b"\n")
    assert not used.parent.exists()


def test_a_worker_without_a_place_says_so(tmp_path: Path) -> None:
    """
    Where no folder can be made a worker does not start, and names the place and the setting.
    """
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(Misconfigured, match=r"file.*SARK_WORKER__SCRATCH"), nest(tmp_path / "file"):
        pass
