"""The house keeps its measures; its floors and its contracts are held by `make lint`."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("adapters", "benchmarks", "engine", "policies", "tests", "webhooks")
LONGEST_FILE = 400
LONGEST_FUNCTION = 40


def files() -> Iterator[tuple[str, str]]:
    for room in ROOMS:
        for file in sorted((ROOT / room).rglob("*.py")):
            yield str(file.relative_to(ROOT)), file.read_text()


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the statements of a file, without what they are made of."""
    for _, value in ast.iter_fields(node):
        for each in value if isinstance(value, list) else ():
            if isinstance(each, ast.stmt | ast.excepthandler | ast.match_case):
                yield each
                yield from statements(each)


def test_no_file_is_too_long() -> None:
    """
    A reader finds a file that he can hold in his head: 400 lines at most.
    """
    assert [] == [name for name, text in files() if text.count("\n") > LONGEST_FILE]


def test_no_function_is_too_long() -> None:
    """
    A function fits on a screen: 40 lines at most.
    """
    found = []
    for name, text in files():
        for node in statements(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    found.append(f"{name}: {node.name} has {length} lines")

    assert [] == found


def test_nothing_is_mocked() -> None:
    """
    What is tested is the real thing: the standard library's mocks are imported nowhere.
    """
    banned = "unittest" + ".mock"

    assert [] == [name for name, text in files() if banned in text]
