"""Two processes that check together say what one says."""

import os
from pathlib import Path

import pytest

from engine.cli import crew
from tests.cli.test_specs import BAD, GOOD, sark


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(8):
        text = (GOOD, BAD)[number % 2].replace("name: demo", f"name: demo-{number}")
        (tmp_path / f"{number}.yaml").write_text(text)
    return tmp_path


def test_two_processes_say_what_one_says(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    However the work is shared, findings are the same, in the same order, and so is the cache.
    """
    alone = sark("check", "--no-cache", str(folder)).stdout
    forks: list[int] = []
    fork = os.fork
    monkeypatch.setattr(crew, "_ENOUGH", 2)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)

    def counted() -> int:
        forks.append(1)
        return fork()

    monkeypatch.setattr(os, "fork", counted)

    together = sark("check", str(folder)).stdout

    assert (1, alone) == (len(forks), together)
    assert (1, alone) == (len(forks), sark("check", str(folder)).stdout)


@pytest.mark.parametrize("doing", ["put_documents", "put_found"])
def test_a_helper_that_dies_is_made_up_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch, doing: str
) -> None:
    """
    If the second process is killed, early or late, the first does its work too.
    """
    alone = sark("check", "--no-cache", str(folder)).stdout
    monkeypatch.setattr(crew, "_ENOUGH", 2)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(f"engine.cli.shelved.{doing}", lambda _: os.kill(os.getpid(), 9))

    assert alone == sark("check", "--no-cache", str(folder)).stdout


def test_one_core_does_it_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Where there is no second core, a second process would only cost.
    """
    monkeypatch.setattr(crew, "_ENOUGH", 2)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    monkeypatch.delattr(os, "fork")

    assert 1 == sark("check", "--no-cache", str(folder)).exit_code
