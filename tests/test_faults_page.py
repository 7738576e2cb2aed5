"""The page of faults names tests that are there, and leaves no fault out."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parent
PAGES = TESTS.parent / "docs" / "explanation"
ROW = re.compile(r"^\| ([FS]\d\d) \| (.+) \| (.+) \| (.*) ?\|$", re.MULTILINE)
NAMED = re.compile(r"`([\w/]+\.py)(?:`: `|::)?(test_\w+)?`")


def rows() -> list[tuple[str, str, str, str]]:
    return ROW.findall((PAGES / "faults.md").read_text())


def functions(file: Path) -> set[str]:
    return {each.name for each in ast.parse(file.read_text()).body
            if isinstance(each, ast.FunctionDef)}  # fmt: skip


def test_every_fault_has_its_row() -> None:
    """
    A reader finds each fault of the list once, in its order.
    """
    told = [row[0] for row in rows()]

    assert [f"F{number:02}" for number in range(1, 81)] == [each for each in told if each[0] == "F"]


def test_every_attack_of_a_repository_has_its_row_and_a_test_that_names_it() -> None:
    """
    A reader finds each attack by its number, on the page and in the tests.
    """
    told = [row[0] for row in rows() if row[0][0] == "S"]
    texts = [file.read_text() for file in TESTS.rglob("test_*.py")]

    assert ["S79", "S80", *(f"S{number}" for number in range(82, 89))] == told
    assert [] == [
        each for each in told if not any(f"{each}:" in t or f"{each}," in t for t in texts)
    ]


def test_every_test_that_is_named_exists() -> None:
    """
    Whoever looks a test up finds it; a test that is renamed takes its name on the page along.
    """
    named = [found for row in rows() for found in NAMED.findall(row[3])]

    assert len(named) > 120
    assert [] == [
        f"{file}::{name}" for file, name in named
        if not (TESTS / file).is_file() or (name and name not in functions(TESTS / file))
    ]  # fmt: skip


def test_what_no_test_drives_is_not_promised() -> None:
    """
    A fault that nothing makes is one of which the page says so.
    """
    assert [] == [row[0] for row in rows() if not row[3] and "not promised" not in row[2]]


def test_the_fault_model_names_tests_that_exist() -> None:
    """
    The table in short does not rot either.
    """
    told = re.findall(r"`(test_\w+)`", (PAGES / "fault-model.md").read_text())
    known = {name for file in TESTS.rglob("test_*.py") for name in functions(file)}

    assert told
    assert [] == [name for name in told if name not in known]
