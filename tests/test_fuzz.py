"""A short run of the fuzzer; `python -m tests.fuzz` runs for as long as one likes."""

from pathlib import Path
from typing import Any

import pytest

from tests.fuzz.__main__ import TARGETS
from tests.fuzz.drive import Target, fuzz


@pytest.mark.parametrize("name", TARGETS)
def test_strangers_texts_break_nothing(name: str, tmp_path: Path) -> None:
    """
    Two seconds of hostile files and expressions: findings alone, none slow, no memory lost.
    """
    figures = fuzz(TARGETS[name](), 2, 7, tmp_path)

    assert {} == figures.failures
    assert figures.executions > 100
    assert figures.compared > 0


class Broken:
    """A target that breaks a promise of each kind."""

    def seeds(self) -> list[bytes]:
        return [b"ok", b"crash", b"judge", b"differ"]

    def breed(self, *_: object) -> bytes:
        return b"ok"

    def attempt(self, data: bytes) -> bytes:
        if data == b"crash":
            raise KeyError("lost")
        return data

    def judge(self, data: bytes, result: bytes) -> bytes:
        assert data != b"judge"
        return result

    def compare(self, data: bytes, result: bytes) -> bool:
        assert result != b"differ"
        return True


def test_the_fuzzer_tells_what_it_finds(tmp_path: Path) -> None:
    """
    A crash, a broken promise and a difference are each told once, with the input kept in a file.
    """
    target: Target[Any] = Broken()
    failures = fuzz(target, 0.1, 1, tmp_path).failures

    assert [b"crash", b"judge", b"differ"] == list(failures.values())
    for told, data in failures.items():
        assert data == Path(told.rpartition(" -> ")[2]).read_bytes()
