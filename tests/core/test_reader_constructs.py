"""What is wrong with each construct of the language, and how that is worded (`wrong.txt`).

A case is a document without its head, then each finding as `! line:column code: message` and
`= hint`. `python -m tests.core.test_reader_constructs` writes the findings anew.
"""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import jsonschema_rs
import pytest
from ruamel.yaml import YAML

from engine.core import spec
from engine.core.document import load
from engine.core.published import json_schema
from engine.core.reader import read

FILE = Path(__file__).parent / "wrong.txt"
EXAMPLES = sorted((Path(__file__).parents[2] / "specs").glob("[1-5]-*.yaml"))


@cache
def published() -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(json_schema({}))


def whole(body: str) -> str:
    kind = "" if body.startswith("kind:") else "kind: Workflow\n"
    return f"apiVersion: sark/v1\nname: w\n{kind}{body}"


def findings(body: str) -> Iterator[str]:
    [document], found = load(whole(body).encode(), "w.yaml")
    assert found == []
    for each in read(document)[1]:
        yield f"! {each.span.line}:{each.span.column} {each.code}: {each.message}"
        if each.hint:
            yield f"= {each.hint}"


def cases() -> Iterator[tuple[str, list[str]]]:
    for block in FILE.read_text().split("\n\n"):
        lines = block.strip("\n").split("\n")
        told = [line for line in lines if line[0] in "!="]
        yield "\n".join(line for line in lines if line[0] not in "!=") + "\n", told


CASES = dict(cases())


@pytest.mark.parametrize("body", CASES)
def test_a_mistake_is_told_in_these_words(body: str) -> None:
    """
    Each mistake has its code, its place, plain words, and a way to mend it where there is one.
    """
    assert CASES[body] == list(findings(body))


@pytest.mark.parametrize("body", CASES)
def test_what_the_reader_refuses_an_editor_underlines(body: str) -> None:
    """
    The published schema and the reader say the same of what is allowed.
    """
    value = YAML(typ="safe", pure=True).load(whole(body))
    value = json.loads(json.dumps(value, default=str))

    assert not published().is_valid(value)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_whole_specs_read_without_a_complaint(file: Path) -> None:
    """
    Specs with every construct of the language are read, and there is nothing to say of them.
    """
    [document], found = load(file.read_bytes(), file.name)
    made, told = read(document)

    assert isinstance(made, spec.Workflow)
    assert [] == [*found, *told]


if __name__ == "__main__":
    FILE.write_text("\n\n".join(body + "\n".join(findings(body)) for body in CASES) + "\n")
