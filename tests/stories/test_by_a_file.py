"""Files start runs: the workflow of the how-to, and two controllers of which one is cut off."""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest

from engine.operations import catalogue
from engine.settings import Settings
from engine.source import File, compile_files
from tests.git.desk import source
from tests.git.repo import Repo
from tests.stories.test_by_the_clock import PATIENCE, serving

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "start-by-a-file.md"
# Cuts off who leads: the other session waits for its lock.
CUT = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE application_name = 'sark-lead-lookout' AND wait_event_type IS DISTINCT FROM 'Lock'
       AND datname = current_database()
"""


EXAMPLE, *TRIGGERS = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
EXAMPLE = re.sub("^   ", "", EXAMPLE, flags=re.MULTILINE)
INPUTS = """
inputs:
  path: {type: string, default: none}
  paths: {type: array, items: {type: string}, default: []}
steps:
  say: {uses: echo.say@1, with: {message: ["{{ inputs.path }}", "{{ inputs.paths }}"]}}
"""


def told(url: str, folder: Path, names: Sequence[str]) -> list[Settings]:
    """Return the settings of controllers that look at a root and follow a repository."""
    repo = Repo(folder / "repo")
    repo.commit({"load-orders.yaml": EXAMPLE.replace("every: 30s", "every: 1s")})
    roots = {"incoming": {"path": str(folder / "incoming")}}
    return [
        Settings.model_validate(
            {"database_url": url, "state": folder / name, "adapters": {"file": {"roots": roots}},
             "sources": [source(repo.url).model_dump()]}
        )
        for name in names
    ]  # fmt: skip


async def rows(url: str, statement: str) -> list[tuple[Any, ...]]:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        return await (await connection.execute(statement.encode())).fetchall()


async def until(url: str, statement: str, count: int) -> list[tuple[Any, ...]]:
    """Return the rows of a statement once there are as many."""
    async with asyncio.timeout(PATIENCE):
        while len(found := await rows(url, statement)) < count:
            await asyncio.sleep(0.1)
        return found


@pytest.mark.parametrize("triggers", TRIGGERS)
def test_the_other_triggers_of_the_page_compile(triggers: str) -> None:
    """
    Whoever takes one of them has a workflow without findings.
    """
    head, _ = EXAMPLE.split("inputs:")
    text = f"{head}{triggers}{INPUTS}"

    assert [] == compile_files([File("page.yaml", "", text.encode())], catalogue()).diagnostics


def test_files_start_runs_whoever_leads(database_url: str, tmp_path: Path) -> None:
    """
    The workflow of the page has one run for each file, though leaders are cut off in between.
    """
    orders = tmp_path / "incoming" / "orders"
    orders.mkdir(parents=True)
    (orders / "old.csv").write_text("there before")
    runs = "SELECT inputs ->> 'path' FROM runs ORDER BY 1"

    async def story() -> list[tuple[Any, ...]]:
        async with serving(*told(database_url, tmp_path, ("one", "two"))):
            await until(database_url, "SELECT FROM lookouts WHERE begun", 1)
            for number in range(1, 4):
                (orders / f"{number}.csv").write_text("a,b\n")
                (orders / f".{number}.csv").write_text("half a fi")
                await until(database_url, "SELECT FROM sightings", number + 1)
                assert await until(database_url, CUT, 1)
                await until(database_url, runs, number)
            (orders / "last.csv").write_text("a,b\n")
            return await until(database_url, runs, 4)

    assert [("1.csv",), ("2.csv",), ("3.csv",), ("last.csv",)] == asyncio.run(story())
