"""The reference pages of operations: true to the manifests, with examples that run."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from adapters import container, echo, file, github, http, pages, shell, table, text
from adapters.contract import Json, Manifest
from adapters.manifest.echo import MANIFEST as ECHO
from adapters.manifest.smtp import MANIFEST as SEND
from adapters.manifest.sql import LOAD, QUERY
from engine.manifest import MANIFEST as RUNS
from tests.adapters.containing import REF
from tests.adapters.engine import image_of, standing
from tests.adapters.forge import TOKEN, GitHub
from tests.adapters.servers import Seen, answer, json_answer, serve
from tests.adapters.speaking import call, opened, outputs

FOLDER = Path(__file__).parents[2] / "docs" / "reference" / "operations"
TABLE = Path(__file__).parent / "orders.csv"
_OFFERED = [
    (each.manifest, module)
    for module in (container, echo, file, github, http, shell, table, text)
    for each in module.create({}).operations()
]
MODULES: Mapping[str, Any] = {manifest.name: module for manifest, module in _OFFERED}
# Their examples need servers of their own, and run beside their other tests.
_OTHERS = (LOAD, QUERY, RUNS, SEND)
MANIFESTS: Mapping[str, Manifest] = {
    **{manifest.name: manifest for manifest, _ in _OFFERED},
    **{each.name: each for each in _OTHERS},
}
EXPECTED: Mapping[str, Mapping[str, Json]] = {
    "container.build@1": {"digest": image_of(f"https://github.com/acme/web.git#{REF}:app")},
    "container.run@1": {"exit_code": 0, "stdout": '<testsuite name="unit"/>\n'},
    "github.comment@1": {"id": 1, "changed": True},
    "github.files@1": {"files": [], "cut": False},
    "github.status@1": {"id": 1, "state": "success"},
    "echo.say@1": {"message": {"greeting": "hello", "to": ["ann", "bo"]}},
    "file.list@1": {"files": [], "next": None},
    "http.download@1": {"status": 200, "bytes": 9, "media_type": "text/csv"},
    "http.request@1": {"status": 201, "body": {"id": 7}},
    "shell.run@1": {"exit_code": 0, "json": {"owner": "team; rm -rf /", "most": 2}},
    "table.profile@1": {"rows": 4, "null_counts": {"order_id": 1, "region": 0, "amount": 1}},
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


@pytest.mark.parametrize("name", MODULES)
def test_the_example_runs(name: str, tmp_path: Path) -> None:
    """
    The example that opens a page is valid, and does what the page says.
    """
    step = example(name)

    async def story() -> Mapping[str, Json]:
        async with far_side(name, tmp_path) as (settings, url):
            given = _at(step["with"], url)
            Draft202012Validator(dict(MANIFESTS[name].arguments)).validate(given)
            async with opened(MODULES[name].create(settings), name) as operation:
                return outputs(await operation.invoke(call(**given)))

    found = asyncio.run(story())
    assert EXPECTED[name] == {each: found[each] for each in EXPECTED[name]}


def test_files_are_on_the_page() -> None:
    """
    A page names the files that an operation gives, and the arguments that take one.
    """
    assert "## Files\n\n`file`: kept by a step's" in pages.reference(MANIFESTS["http.download@1"])
    assert "## Files" not in pages.reference(MANIFESTS["echo.say@1"])
    assert "It is an artifact of an earlier step." in pages.reference(MANIFESTS["table.profile@1"])


@asynccontextmanager
async def far_side(name: str, folder: Path) -> AsyncIterator[tuple[Mapping[str, Json], str]]:
    """Give the settings that lead to somebody who answers, and the URL of a server."""
    kept = GitHub() if MODULES[name] is github else None
    async with serve(kept or _anything) as server:
        if MODULES[name] is github:
            yield {"api_url": server.url}, server.url
        elif MODULES[name] is container:
            with standing(folder) as engine:
                yield {"command": engine.command}, server.url
        elif MODULES[name] is file:
            (folder / "orders").mkdir()
            yield {"roots": {"incoming": {"path": str(folder)}}}, server.url
        else:
            yield {"allow_hosts": [server.host]} if MODULES[name] is http else {}, server.url


def test_a_page_is_made_from_nothing_and_keeps_what_is_written(tmp_path: Path) -> None:
    """
    A new operation gets a page; the part above the mark is never touched.
    """
    pages.renew(tmp_path, [ECHO])
    path = tmp_path / "echo.say.md"
    path.write_text(path.read_text().replace("# echo.say@1\n", "# echo.say@1\n\nMine.\n"))
    pages.renew(tmp_path, [ECHO])

    written, made = pages.split(path.read_text())
    assert written == "# echo.say@1\n\nMine.\n\n"
    assert pages.reference(ECHO) == made


def example(name: str) -> Any:
    """Return the one step of the example that opens a page."""
    page = (FOLDER / pages.file_name(MANIFESTS[name])).read_text()
    found = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert found is not None
    (step,) = YAML(typ="safe").load(found[1])["steps"].values()
    assert name == step["uses"]
    return step


def _anything(seen: Seen) -> bytes:
    """Answer with a file to a GET, and with what was made to all else."""
    if seen.method == "GET":
        return answer(200, b"id,n\n1,2\n", ("Content-Type: text/csv",))
    return json_answer(b'{"id": 7}', 201)


def _at(arguments: Mapping[str, Json], url: str) -> dict[str, Json]:
    """Return arguments with the example's host, file and secret replaced by what is there."""
    text_of = orjson.dumps(arguments).decode().replace("https://deployer.acme.example", url)
    text_of = text_of.replace("{{ steps.fetch.artifacts.raw }}", str(TABLE))
    text_of = text_of.replace("{{ secrets.github_app }}", TOKEN)
    found: dict[str, Json] = orjson.loads(text_of)
    return found
