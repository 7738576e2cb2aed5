"""What is shipped is whole: a wheel serves without the checkout that it was built from."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("adapters", "engine", "policies", "schemas", "specs", "webhooks")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's files, and nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_every_file_is_in_the_wheel(installed: Path) -> None:
    """
    Migrations, policies, schemas, specs, pages and styles are shipped, and the licence.
    """
    for name in PACKAGES:
        assert files(ROOT / name) == files(installed / name)
    assert list(installed.glob("*.dist-info/licenses/LICENSE"))


def test_the_wheel_runs_a_workflow(installed: Path, tmp_path: Path) -> None:
    """
    Away from the checkout, `init`, `check` and `run FILE` work.
    """
    for words in (["init", "flows"], ["check", "flows"], ["run", "flows/workflows/hello.yaml"]):
        done = subprocess.run(
            [sys.executable, "-P", "-m", "engine.cli", *words],
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(installed)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert 0 == done.returncode, done.stderr

    assert "Hello, world!" in done.stdout


def files(folder: Path) -> set[str]:
    return {
        str(each.relative_to(folder))
        for each in folder.rglob("*")
        if each.is_file() and "__pycache__" not in each.parts
    }
