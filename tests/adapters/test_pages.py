"""The reference pages of operations: true to the manifests, with examples that run."""

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from adapters import echo, http, pages, shell, text
from adapters.contract import Json, Manifest
from tests.adapters.servers import json_answer, serve
from tests.adapters.speaking import call, opened, outputs

FOLDER = Path(__file__).parents[2] / "docs" / "reference" / "operations"
MODULES: Mapping[str, Any] = {each.MANIFEST.name: each for each in (echo, http, shell, text)}
MANIFESTS: Mapping[str, Manifest] = {name: each.MANIFEST for name, each in MODULES.items()}
EXPECTED: Mapping[str, Mapping[str, Json]] = {
    "echo.say@1": {"message": {"greeting": "hello", "to": ["ann", "bo"]}},
    "http.request@1": {"status": 201, "body": {"id": 7}},
    "shell.run@1": {"exit_code": 0, "json": {"owner": "team; rm -rf /", "most": 2}},
    "text.render@1": {"text": "# RELEASE NOTES\n1. It starts faster (ann)\n2. It ends\n"},
}


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_page_says_what_the_manifest_says(name: str) -> None:
    """
    The lower part of each page is what the manifest makes of it today.
    """
    page = (FOLDER / pages.file_name(MANIFESTS[name])).read_text()

    assert pages.reference(MANIFESTS[name]) == pages.split(page)[1], (
        "run: python -m adapters.pages docs/reference/operations"
    )


def test_every_page_belongs_to_an_operation() -> None:
    """
    No page is left of an operation that is gone.
    """
    expected = {pages.file_name(each) for each in MANIFESTS.values()}

    assert expected == {path.name for path in FOLDER.iterdir()}


@pytest.mark.parametrize("name", MANIFESTS)
def test_the_example_runs(name: str) -> None:
    """
    The example that opens a page is valid, and does what the page says.
    """
    step = example(name)

    async def story() -> Mapping[str, Json]:
        async with serve(lambda _: json_answer(b'{"id": 7}', 201)) as server:
            given = _at(step["with"], server.url)
            Draft202012Validator(dict(MANIFESTS[name].arguments)).validate(given)
            module = MODULES[name]
            settings: dict[str, Json] = {"allow_hosts": [server.host]} if module is http else {}
            async with opened(module.create(settings)) as operation:
                return outputs(await operation.invoke(call(**given)))

    found = asyncio.run(story())
    assert EXPECTED[name] == {each: found[each] for each in EXPECTED[name]}


def test_a_page_is_made_from_nothing_and_keeps_what_is_written(tmp_path: Path) -> None:
    """
    A new operation gets a page; the part above the mark is never touched.
    """
    pages.renew(tmp_path, [echo.MANIFEST])
    path = tmp_path / "echo.say.md"
    path.write_text(path.read_text().replace("# echo.say@1\n", "# echo.say@1\n\nMine.\n"))
    pages.renew(tmp_path, [echo.MANIFEST])

    written, made = pages.split(path.read_text())
    assert written == "# echo.say@1\n\nMine.\n\n"
    assert pages.reference(echo.MANIFEST) == made


def example(name: str) -> Any:
    """Return the one step of the example that opens a page."""
    page = (FOLDER / pages.file_name(MANIFESTS[name])).read_text()
    found = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert found is not None
    (step,) = YAML(typ="safe").load(found[1])["steps"].values()
    assert name == step["uses"]
    return step


def _at(arguments: Mapping[str, Json], url: str) -> dict[str, Json]:
    """Return arguments with the example's host replaced by a server that is there."""
    text_of = orjson.dumps(arguments).decode().replace("https://deployer.acme.example", url)
    found: dict[str, Json] = orjson.loads(text_of)
    return found
