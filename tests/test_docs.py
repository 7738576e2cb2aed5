"""What the pages show is what the program takes."""

import json
import re
from pathlib import Path

import pytest

from engine.cli.specs import compile_one
from engine.core import bounds, document
from engine.core.picture import as_text
from engine.core.reader import read
from engine.operations import catalogue
from engine.settings import load
from engine.source import File, compile_files
from tests.core.trial.authored import suite_of

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)


def blocks(language: str, word: str) -> list[str]:
    """Return the fenced blocks of a language that hold a word."""
    found = [match for page in PAGES for match in BLOCK.findall(page.read_text())]
    return [
        re.sub(rf"^{indent}", "", text, flags=re.MULTILINE)
        for indent, named, text in found
        if named == language and word in text
    ]


@pytest.mark.parametrize("text", blocks("yaml", "kind: Workflow\n"))
def test_a_workflow_in_the_docs_compiles(text: str) -> None:
    """
    Whoever copies a whole workflow from a page gets one without findings.
    """
    assert [] == compile_files([File("page.yaml", "", text.encode())], catalogue()).diagnostics


def test_the_tests_of_the_how_to_pass() -> None:
    """
    Whoever copies the workflow and its tests from the page sees them pass.
    """
    page = (ROOT / "docs" / "how-to" / "test-a-workflow.md").read_text()
    texts = [text for _, named, text in BLOCK.findall(page) if named == "yaml"]
    suite, tests = suite_of({f"{n}.yaml": text for n, text in enumerate(texts)}, catalogue())

    results = [suite.judge(each) for each in tests]

    assert [(), ()] == [each.findings for each in results]
    assert [] == suite.uncovered(tests)


LANGUAGE = ROOT / "docs" / "reference" / "language.md"
HEAD = "apiVersion: sark/v1\nkind: Workflow\nname: page\n"
PARTS = [text for _, named, text in BLOCK.findall(LANGUAGE.read_text()) if named == "yaml"]


@pytest.mark.parametrize("text", PARTS)
def test_every_part_on_the_page_of_the_language_reads(text: str) -> None:
    """
    Each fragment is spelt right: with a head, and steps if it has none, it reads clean.
    """
    if not text.startswith("apiVersion:"):
        steps = "" if text.startswith("steps:") else "steps: {a: {uses: echo.say@1}}\n"
        text = HEAD + steps + text

    documents, found = document.load(text.encode(), "page.yaml")

    assert [] == [*found, *(each for one in documents for each in read(one)[1])]


@pytest.mark.parametrize("text", blocks("toml", "[sources]]") + blocks("toml", "[secrets."))
def test_settings_in_the_docs_load(tmp_path: Path, text: str) -> None:
    """
    Whoever copies settings from a page can start with them.
    """
    (tmp_path / "sark.toml").write_text(text)
    load(tmp_path / "sark.toml", {}, {})


def test_the_bounds_of_the_reference_are_those_of_its_example() -> None:
    """
    The page of the plan as JSON shows what `sark plan --json` prints.
    """
    (told,) = blocks("json", '"per_step"')
    made = compile_one(ROOT / "specs" / "hello.yaml")

    assert json.loads(told) == bounds.as_json(bounds.of(made))


def test_the_plan_of_the_how_to_is_printed_so() -> None:
    """
    Whoever follows the page sees what it shows.
    """
    (told,) = blocks("text", "at worst\n")
    made = compile_one(ROOT / "specs" / "release-note.yaml")
    printed = as_text(made, bounds.of(made)).replace(f"{ROOT}/", "")

    assert told == printed


def test_every_decision_is_told_alike() -> None:
    """
    A decision has its number and its title on top, and says why, what, and at which cost.
    """
    told = {}
    for path in sorted((ROOT / "docs" / "explanation" / "decisions").glob("*.md")):
        heads = re.findall(r"^#+ .*|^\*\*\w+\.\*\*", path.read_text(), re.M)
        number = int(path.name[:4])
        is_titled = bool(heads) and re.fullmatch(rf"# {number}\. .+", heads[0])
        if not is_titled or heads[1:] != ["## Context", "## Decision", "## Cost"]:
            told[path.name] = heads
    assert {} == told
