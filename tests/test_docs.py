"""What the pages show is what the program takes."""

import re
from pathlib import Path

import pytest

from engine.core import document
from engine.core.reader import read
from engine.operations import catalogue
from engine.settings import load
from engine.source import File, compile_files

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
