"""A pull request is told how the last recorded runs would have gone under it."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from engine.core import ids
from engine.core.whatif import MOST_ROWS
from tests.git.repo import spec
from tests.review.stage import Stage, stage, until

TITLE = "**Recorded runs under the new plans**"


@pytest.fixture
def here(tmp_path: Path, database_url: str):
    with stage(tmp_path, database_url) as made:
        yield made


def record(here: Stage, status: str = "succeeded", rows: int = 1) -> None:
    """Write a run of `a` that was told of its one step, so many times."""
    plan = until(lambda: here.rows("SELECT plan FROM workflows WHERE name = 'a'"))[0][0]
    now = datetime.now(UTC)
    run = ids.timed(now, uuid4())
    with psycopg.connect(str(here.settings.database_url)) as connection:
        connection.execute(
            """INSERT INTO runs (id, namespace, workflow, source, plan, trigger, inputs, status,
                                 started_at, ended_at)
               VALUES (%s, 'shop', 'a', 'shop', %s, '{}', '{}', %s, %s, %s)""",
            (run, plan, status, now, now),
        )
        connection.execute(
            """INSERT INTO journal SELECT %s, seq, %s, 'succeeded', 'say', 1, '{"message": "hi"}'
                 FROM generate_series(1, %s) AS seq""",
            (run, now, rows),
        )


def told(here: Stage, number: int) -> str:
    """Return what the comment says of recorded runs."""
    here.concluded(here.fork.head)
    (comment,) = here.ours(number)
    return comment.partition(f"{TITLE}\n\n")[2].partition("\n\n")[0]


def test_a_change_is_told_with_what_becomes_of_the_last_runs(here: Stage):
    """
    A call that was never made so has no recording; the check says the same as the comment.
    """
    here.start({"a.yaml": spec("a"), "b.yaml": spec("b")})
    record(here)
    record(here)
    number = here.open({"a.yaml": spec("a", "other"), "b.yaml": spec("b", "other")})
    found = told(here, number)

    assert "2 runs: 2 call `echo.say@1` with no recording" in found
    assert "arguments differ at `/message`" in found
    assert found in here.checks(here.fork.head)[-1]["output"]["summary"]
    assert "`hi`" not in found

    here.push(number, {"a.yaml": spec("a").replace("uses: echo", "timeout: 9m\n    uses: echo")})

    assert "2 runs: 2 same path" in told(here, number)


def test_a_fork_asks_nothing_of_runs(here: Stage):
    """
    The conditions of a stranger could ask for what runs hold, bit by bit: none is played for him.
    """
    here.start({"a.yaml": spec("a")})
    record(here)
    number = here.open({"a.yaml": spec("a", "other")}, fork=True)

    assert "not told of a fork, whose conditions could ask" in told(here, number)


def test_a_run_that_is_too_long_is_counted(here: Stage):
    """
    A journal that there is no room for is not read, and the comment says how many there are.
    """
    here.start({"a.yaml": spec("a")})
    record(here, rows=MOST_ROWS + 1)
    record(here)
    number = here.open({"a.yaml": spec("a", "other")})
    found = told(here, number)

    assert "1 run: 1 calls `echo.say@1` with no recording" in found
    assert "1 run not told, too long" in found


def test_a_workflow_that_is_removed_keeps_its_history_a_while(here: Stage):
    """
    Where a workflow is gone, the comment says how long its runs are still there.
    """
    here.start({"a.yaml": spec("a"), "b.yaml": spec("b")})
    number = here.open({}, gone=("a.yaml",))
    here.concluded(here.fork.head)

    assert "in flight: none; history kept 90 days |" in here.ours(number)[0]
