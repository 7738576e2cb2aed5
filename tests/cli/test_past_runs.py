"""`sark replay`, `bisect` and `trace`, against a whole stack and its repository."""

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from engine import recordings
from engine.core import whatif
from engine.core.whatif import Recording
from engine.store.pool import connect
from tests.stories.stack import Stack

ROUTE = """\
apiVersion: sark/v1
kind: Workflow
name: route
inputs:
  n: {type: integer}
steps:
  measure: {uses: echo.say@1, with: {message: "n={{ inputs.n }}"}}
  choose:
    uses: echo.say@1
    needs: [measure]
    if: inputs.n > 3
    with: {message: much}
outputs:
  said: {type: string, value: "{{ steps.measure.outputs.message }}"}
"""
CHILD = """\
apiVersion: sark/v1
kind: Workflow
name: child
steps:
  say: {uses: echo.say@1, with: {message: hi}}
"""
PARENT = """\
apiVersion: sark/v1
kind: Workflow
name: parent
steps:
  ask: {approve: {by: [initiator], exclude: [], expires: 1h, show: "Go?"}}
  start: {call: child, detach: true, with: {}, needs: [ask]}
  flaky:
    uses: shell.run@1
    needs: [start]
    with: {argv: [sh, -c, "exit 3"]}
    optional: true
"""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    files = {"flows/route.yaml": ROUTE, "flows/child.yaml": CHILD, "flows/parent.yaml": PARENT}
    with Stack(files) as running:
        yield running


def path(stack: Stack) -> list[str]:
    return ["--path", str(stack.repository)]


def run(stack: Stack, name: str, **inputs: int) -> str:
    """Start a run, wait for its end, and return its id."""
    given = [word for key, value in inputs.items() for word in ("-i", f"{key}={value}")]
    started = stack.sark("run", name, *given).stdout.strip()
    stack.wait_ended(started)
    return started


@pytest.fixture(scope="module")
def runs(stack: Stack) -> list[str]:
    """Return runs of `route`, of which the last one takes the step."""
    return [run(stack, "route", n=number) for number in (1, 2, 5)]


def change(stack: Stack, old: str, new: str) -> None:
    file = stack.repository / "flows/route.yaml"
    file.write_text(file.read_text().replace(old, new))


def test_the_files_here_take_the_path_of_recorded_runs(stack: Stack, runs: list[str]) -> None:
    """
    Formatting and comments change no path: one line, and exit code 0.
    """
    (stack.repository / "flows/route.yaml").write_text(f"# The route.\n{ROUTE}")

    done = stack.sark("replay", "--what-if", "route", *path(stack))
    (stack.repository / "flows/route.yaml").write_text(ROUTE)

    assert f"route  {len(runs)} runs: {len(runs)} same path\n" == done.stdout


def test_another_condition_is_told_with_its_values(stack: Stack, runs: list[str]) -> None:
    """
    The run that goes otherwise is told, with the step, its place and both texts; exit code 1.
    """
    change(stack, "inputs.n > 3", "inputs.n > 9")
    done = stack.sark("replay", "--what-if", "local/route", *path(stack), check=False)
    told = json.loads(
        stack.sark("replay", "--what-if", runs[2], "--json", *path(stack), check=False).stdout
    )
    head = stack.sark("replay", "--what-if", "route", "--against", "HEAD", *path(stack))
    (stack.repository / "flows/route.yaml").write_text(ROUTE)

    assert 1 == done.returncode
    assert f"{runs[2]}  branches elsewhere  at choose  flows/route.yaml:8\n" in done.stdout
    assert "    if                       inputs.n > 3 -> inputs.n > 9\n" in done.stdout
    assert "    inputs.n                 5\n" in done.stdout
    assert '3 runs: 2 same path, 1 branches elsewhere at "choose"\n' in done.stdout
    (one,) = told["runs"]
    assert (runs[2], "branches elsewhere", "choose") == (one["run"], one["verdict"], one["step"])
    assert "3 runs: 3 same path" in head.stdout


def test_an_argument_that_is_another_has_no_recording(stack: Stack, runs: list[str]) -> None:
    """
    A call that was never made so is told with its operation and what differs.
    """
    change(stack, "message: much", "message: more")
    done = stack.sark("replay", "--what-if", "route", "--last", "1", *path(stack), check=False)
    (stack.repository / "flows/route.yaml").write_text(ROUTE)

    assert "    echo.say@1: arguments differ\n" in done.stdout
    assert "    /message                 much -> more\n" in done.stdout
    assert "route  1 run: 1 calls echo.say@1 with no recording\n" in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["route"], 2, "Missing option '--what-if'"),
        (["--what-if", "0198c0de-0000-7000-8000-000000000000"], 1, "there is no run"),
        (["--what-if", "rout"], 1, "did you mean 'route'?"),
        (["--what-if", "route", "--against", "nothing"], 1, "has no commit 'nothing'"),
        (["--what-if", "route", "--path", "nowhere"], 2, "'nowhere' is none"),
    ],
)
def test_what_cannot_be_replayed_is_said(
    stack: Stack, runs: list[str], words: list[str], code: int, told: str
) -> None:
    """
    A wrong word is told with what would be right.
    """
    words = words if "--path" in words else [*words, *path(stack)]
    done = stack.sark("replay", *words, check=False)

    assert code == done.returncode
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_workflow_that_is_not_here_is_said(stack: Stack, runs: list[str]) -> None:
    """
    Another folder has no plan of the workflow.
    """
    (stack.repository / "other").mkdir(exist_ok=True)
    done = stack.sark(
        "replay", "--what-if", "route", "--path", str(stack.repository / "other"), check=False
    )

    assert "no workflow here is called 'route'; --path names the folder" in done.stderr


def test_bisect_finds_the_commit_that_made_the_difference(stack: Stack) -> None:
    """
    Of several commits, one of which does not compile, the one is told that turned the run.
    """
    good = run(stack, "route", n=4)
    texts = [
        f"# Louder.\n{ROUTE}",
        ROUTE.replace("name: route", "name: route\nnonsense: 1"),
        ROUTE.replace("if: inputs.n > 3", "if: inputs.n > 3 or fail"),
        ROUTE.replace("with: {message: much}", "with: {message: loud}"),
        ROUTE.replace("with: {message: much}", "with: {message: loud}") + "# end\n",
    ]
    commits = [
        stack.commit({"flows/route.yaml": text}, f"edit {n}") for n, text in enumerate(texts)
    ]
    stack.wait_active(commits[-1])
    bad = run(stack, "route", n=4)

    done = stack.sark("bisect", bad, *path(stack))
    told = json.loads(stack.sark("bisect", bad, "--json", *path(stack)).stdout)
    same = stack.sark("bisect", bad, "--good", commits[3], *path(stack), check=False)
    none = stack.sark("bisect", bad, "--good", commits[4], *path(stack), check=False)
    twice = stack.sark("bisect", good, *path(stack), "--good", commits[4], check=False)

    assert done.stdout.startswith(f"{commits[3]}  ")
    assert "    edit 3\n    flows/route.yaml:8\n" in done.stdout
    assert "steps.choose.with.message        much -> loud\n" in done.stdout
    assert "echo.say@1: arguments differ\n" in done.stdout
    assert "was passed over: it does not compile" in done.stderr
    assert (commits[3], "edit 3") == (told["commit"], told["subject"])
    assert told["skipped"].keys() <= {commits[1], commits[2]}
    assert (1, "") == (same.returncode, same.stdout)
    assert "no commit explains it" in same.stderr
    assert "no commit lies between" in none.stderr
    assert "is no ancestor of" in twice.stderr


def test_a_trace_tells_the_origin_of_a_run_and_all_it_did(stack: Stack) -> None:
    """
    Commit, file, plan, trigger, the decision of people, steps with their lines, and runs of it.
    """
    started = stack.sark("run", "parent").stdout.strip()
    approve(stack, started)
    stack.wait_ended(started)

    text = stack.sark("trace", started).stdout
    told: dict[str, Any] = json.loads(stack.sark("trace", started, "--json").stdout)

    steps = {each["path"]: each for each in told["steps"]}
    assert "flows/parent.yaml" == told["file"]
    assert told["commit"]["sha"] == stack.git("rev-parse", "HEAD")
    assert ("local", "api") == (told["source"], told["trigger"]["type"])
    assert ["approved"] == [each["decision"] for each in told["approvals"]]
    assert "flows/parent.yaml:5" == steps["ask"]["where"]
    assert ["failed"] == [each["end"] for each in steps["flaky"]["attempts"]]
    (child,) = told["starts"]
    assert "child" == child["workflow"]
    assert f'  "change" ({told["commit"]["author"]})' in text or '  "edit' in text
    assert told["commit"]["seen"]["at"] <= told["commit"]["live"]["at"] <= told["created_at"]
    assert f"  live      {told['commit']['live']['at'][:19]}" in text
    assert f"Z  {told['commit']['seen']['reason']}\n" in text
    assert "  ask  approved by " in text
    assert "attempt 1  failed  shell.exit" in text
    assert f"  started   child {child['run']}" in text
    where = [line.index(" flows/parent.yaml:") for line in text.splitlines() if ".yaml:" in line]
    assert [where[0]] * len(told["steps"]) == where
    stack.wait_ended(child["run"])
    below = stack.sark("trace", child["run"]).stdout
    assert f"  run of    {started}\n" in below


def approve(stack: Stack, started: str) -> None:
    """Approve what a run asks, once it does."""
    limit = time.monotonic() + 60
    while not stack.link().get(f"/runs/{started}/approvals")["items"]:
        assert time.monotonic() < limit, "nobody was asked"
        time.sleep(0.05)
    stack.sark("approve", started)


def test_a_review_may_be_told_of_recorded_runs(stack: Stack, runs: list[str]) -> None:
    """
    The server reads the last runs of a workflow that have ended, and tells lines on them.
    """
    found = asyncio.run(_newest(stack, 2))

    assert 2 == len(found)
    assert found[0].header.id > found[1].header.id
    plans = {"route": found[0].bound}
    assert ("route: 1 run: 1 same path",) == whatif.told(plans, {"route": found[:1]})


async def _newest(stack: Stack, last: int) -> tuple[Recording, ...]:
    async with await connect(stack.database_url, "test") as connection:
        stored = await recordings.newest(connection, "local", ["route"], last)
        return stored.recordings()["route"]
