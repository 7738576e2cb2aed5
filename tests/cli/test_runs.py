"""The commands that speak to a server, each against a whole stack."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stories.stack import Stack

HELLO = """\
apiVersion: sark/v1
kind: Workflow
name: hello
title: "Say \\e[31mhello"
inputs:
  name: {type: string, default: world}
  count: {type: integer, default: 1}
steps:
  greet: {uses: echo.say@1, with: {message: "Hello, {{ inputs.name }} {{ inputs.count }}!"}}
outputs:
  text: {type: string, value: "{{ steps.greet.outputs.message }}"}
"""
FAIL = """\
apiVersion: sark/v1
kind: Workflow
name: fail
steps:
  break: {uses: shell.run@1, with: {argv: [sh, -c, "exit 3"]}}
"""
SLOW = """\
apiVersion: sark/v1
kind: Workflow
name: slow
steps:
  doze: {uses: shell.run@1, with: {argv: [sleep, "30"]}}
"""
ONCE = """\
apiVersion: sark/v1
kind: Workflow
name: NAME
idempotency: {key: "{{ inputs.order }}", scope: namespaceMORE}
inputs:
  order: {type: string}
steps:
  say: {uses: echo.say@1, with: {message: "{{ inputs.order }}"}}
"""
STAGED = """\
apiVersion: sark/v1
kind: Workflow
name: staged
triggers:
  hand: {type: manual}
steps:
  - id: go
    await: {event: go, within: 1h}
  - id: greet
    uses: echo.say@1
    with: {message: gone}
"""
SPECS = {
    "staged.yaml": STAGED,
    "hello.yaml": HELLO,
    "fail.yaml": FAIL,
    "slow.yaml": SLOW,
    "once.yaml": ONCE.replace("NAME", "once").replace("MORE", ""),
    "only.yaml": ONCE.replace("NAME", "only").replace("MORE", ", on_duplicate: reject"),
}
ABSENT = "0198c0de-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack(SPECS) as running:
        yield running


def test_inputs_are_typed_by_the_workflow(stack: Stack) -> None:
    """
    `-i name=5` is the text "5" where a string is wanted, and `-i count=2` is a number.
    """
    done = stack.sark("run", "hello", "-i", "name=5", "-i", "count=2", "--wait", "--json")
    run = json.loads(done.stdout)

    assert {"name": "5", "count": 2} == run["inputs"]
    assert {"text": "Hello, 5 2!"} == run["outputs"]


def test_inputs_that_do_not_fit_are_named(stack: Stack) -> None:
    """
    A wrong input is told with its place, what was expected and what comes near.
    """
    wrong = stack.sark("run", "hello", "-i", "count=many", check=False)
    unknown = stack.sark("run", "hello", "-i", "nmae=x", check=False)

    assert 1 == wrong.returncode
    assert "/inputs/count: expected an integer" in wrong.stderr
    assert "did you mean `name`?" in unknown.stderr


def test_a_run_is_data_on_stdout_and_talk_on_stderr(stack: Stack) -> None:
    """
    Without --wait stdout is the run's id alone; with it, steps are told on stderr as they end.
    """
    started = stack.sark("run", "hello")
    waited = stack.sark("run", "local/hello", "--wait")

    assert 36 == len(started.stdout.strip())
    assert "" == started.stderr
    assert "greet  succeeded" in waited.stderr
    assert "local/hello  succeeded" in waited.stdout
    assert "\x1b" not in waited.stdout + waited.stderr


def test_a_failed_run_ends_with_1_and_says_where(stack: Stack) -> None:
    """
    `--wait` ends as the run ends.
    """
    done = stack.sark("run", "fail", "--wait", check=False)

    assert 1 == done.returncode
    assert "shell.exit in break" in done.stdout


def test_waiting_has_an_end_and_cancelling_ends_the_run(stack: Stack) -> None:
    """
    `--timeout` ends the wait with 3 and leaves the run; `sark cancel` ends that.
    """
    done = stack.sark("run", "slow", "--wait", "--timeout", "0.2", check=False)
    run = done.stderr.split()[1]
    stack.sark("cancel", run, "--reason", "enough")

    assert 3 == done.returncode
    assert "`sark cancel` ends it" in done.stderr
    assert "cancelled" == stack.wait_ended(run)["status"]
    again = stack.sark("cancel", run, check=False)
    assert (1, f"sark: run {run} has ended: cancelled\n") == (again.returncode, again.stderr)


def wait_started(stack: Stack, run: str) -> None:
    """Return once a worker has begun a run."""
    limit = time.monotonic() + 60
    while json.loads(stack.sark("show", run, "--json").stdout)["started_at"] is None:
        assert time.monotonic() < limit
        time.sleep(0.05)


def test_a_paused_run_begins_nothing_until_it_is_resumed(stack: Stack) -> None:
    """
    `sark pause` tells until when; an event is taken in meanwhile, and `sark resume` lets the next
    step begin. One that has ended can be neither.
    """
    run = stack.sark("run", "staged").stdout.strip()
    wait_started(stack, run)
    paused = stack.sark("pause", run, "--for", "2h", "--reason", "the bank is down")
    shown = stack.sark("show", run).stdout

    assert f"{run} paused until " in paused.stdout
    assert paused.stdout.endswith("Z by token:admin: the bank is down\n")
    assert "paused   until " in shown
    stack.sark("emit", "go", "--data", "1")
    limit = time.monotonic() + 60
    while "go     succeeded" not in (shown := stack.sark("show", run).stdout):
        assert time.monotonic() < limit, shown
        time.sleep(0.1)
    assert "greet  pending" in shown
    assert f"{run} paused" in stack.sark("pause", run, "--for", "3h").stdout
    assert run in stack.sark("runs", "--status", "paused").stdout
    resumed = json.loads(stack.sark("resume", run, "--json").stdout)
    assert resumed["paused"] is None
    assert "succeeded" == stack.wait_ended(run)["status"]
    again = stack.sark("pause", run, check=False)
    assert (1, f"sark: run {run} has ended: succeeded\n") == (again.returncode, again.stderr)
    kinds = [line.split()[1] for line in stack.sark("logs", run).stdout.splitlines()]
    assert ["pause", "arrived", "pause", "resume", "succeeded"] == kinds


def test_a_cancelled_run_is_paused_no_more(stack: Stack) -> None:
    """
    `sark cancel` ends a pause with its run.
    """
    run = stack.sark("run", "staged").stdout.strip()
    wait_started(stack, run)
    stack.sark("pause", run)
    stack.sark("cancel", run)

    assert "cancelled" == stack.wait_ended(run)["status"]


def test_a_span_that_is_none_is_refused(stack: Stack) -> None:
    """
    A wrong `--for` is told with what is expected, and `sark resume` knows a run from a source.
    """
    run = stack.sark("run", "staged").stdout.strip()
    wait_started(stack, run)
    wrong = stack.sark("pause", run, "--for", "soon", check=False)

    assert "/for: expected a span such as 30m or 2h, up to 30d, found 'soon'" in wrong.stderr
    assert "there is no run" in stack.sark("resume", ABSENT, check=False).stderr
    assert "there is no source nobody" in stack.sark("resume", "nobody", check=False).stderr


def test_a_key_starts_once(stack: Stack) -> None:
    """
    The same `--key` gives the same run.
    """
    told = [stack.sark("run", "hello", "--key", "once").stdout for _ in range(2)]

    assert told[0] == told[1]


def test_a_second_start_is_told_of_the_first_run(stack: Stack) -> None:
    """
    Of starts with one key of the workflows the second shows the first one's run, on stdout as if
    it had started it, and says so on stderr; a workflow that rejects it ends with 1.
    """
    first = stack.sark("run", "only", "-i", "order=7", "--wait", "--json")
    run = json.loads(first.stdout)["id"]
    plain = stack.sark("run", "once", "-i", "order=7")
    waited = stack.sark("run", "once", "-i", "order=7", "--wait", "--json")
    refused = stack.sark("run", "only", "-i", "order=7", check=False)

    why = f"is not started: run {run} of local/only, which is succeeded, has its idempotency.key"
    assert [f"{run}\n", f"sark: local/once {why}\n"] == [plain.stdout, plain.stderr]
    assert [run, "only"] == [json.loads(waited.stdout)[each] for each in ("id", "workflow")]
    assert [1, ""] == [refused.returncode, refused.stdout]
    assert f"sark: local/only {why}, and on_duplicate is reject\n" == refused.stderr


def test_every_list_is_json_too(stack: Stack) -> None:
    """
    Whatever prints data prints it as JSON with --json.
    """
    run = stack.sark("run", "hello").stdout.strip()
    stack.wait_ended(run)
    head = stack.git("rev-parse", "HEAD")

    for words in (["runs"], ["workflows"], ["sources"], ["why", head]):
        assert json.loads(stack.sark(*words, "--json").stdout)["items"], words
    assert run == json.loads(stack.sark("show", run, "--json").stdout)["id"]
    (row,) = map(json.loads, stack.sark("logs", run, "--json").stdout.splitlines())
    assert "greet" == row["path"]
    assert "local" == json.loads(stack.sark("sync", "local", "--json").stdout)["name"]
    assert {"ok"} == {f["verdict"] for f in json.loads(stack.sark("doctor", "--json").stdout)}


def test_what_an_author_writes_does_not_steer_the_terminal(stack: Stack) -> None:
    """
    An escape sequence in a title is shown and not obeyed, as text and as JSON.
    """
    assert "Say \\x1b[31mhello" in stack.sark("workflows").stdout
    assert "\x1b" not in stack.sark("workflows", "--json").stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["run", "helo"], "did you mean 'hello'?"),
        (["show", ABSENT], f"there is no run {ABSENT}"),
        (["show", "a b/../?x"], "there is no"),
        (["logs", "\x1b[31m"], "there is no run \\x1b[31m"),
        (["sync", "nowhere"], "there is no source nowhere"),
        (["why", "beef"], "no source has shown a commit that begins with beef"),
    ],
)
def test_what_does_not_exist_is_said(stack: Stack, words: list[str], told: str) -> None:
    """
    A name that nothing has ends with 1 and one sentence, whatever characters are in it.
    """
    done = stack.sark(*words, check=False)

    assert 1 == done.returncode
    assert told in done.stderr
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize(
    ("environment", "code", "told"),
    [
        ({"SARK_TOKEN": "wrong"}, 4, "it was read from SARK_TOKEN"),
        ({"SARK_TOKEN": "two\nlines"}, 2, "is no token"),
        ({"SARK_SERVER": "http://127.0.0.1:1"}, 5, "(Connection refused); start one"),
        ({"SARK_SERVER": "http://127.0.0.1:99999"}, 2, "http://HOST[:PORT]"),
        ({"SARK_SERVER": "ftp://x"}, 2, "http://HOST[:PORT]"),
    ],
)
def test_a_server_that_cannot_be_used_is_told(
    stack: Stack, environment: dict[str, str], code: int, told: str
) -> None:
    """
    A refused token is 4, a silent server 5, an address that is none 2.
    """
    done = stack.sark("runs", check=False, **environment)

    assert code == done.returncode
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_status_that_is_none_is_a_usage_error(stack: Stack) -> None:
    """
    `--status` lists what it takes.
    """
    done = stack.sark("runs", "--status", "done", check=False)

    assert 2 == done.returncode
    assert "'succeeded'" in done.stderr


def test_a_full_disk_is_a_sentence(stack: Stack) -> None:
    """
    Output that cannot be written ends with 1 and no traceback.
    """
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "engine.cli", "runs"],
            env={**os.environ, "SARK_STATE": str(stack.state)},
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip

    assert (1, "sark: output: No space left on device\n") == (done.returncode, done.stderr)


def test_ctrl_c_ends_the_wait_and_not_the_run(stack: Stack) -> None:
    """
    Whoever stops waiting is told that the run goes on.
    """
    # A shell that puts us into the background has the signal ignored, by all who follow.
    heard = ("env", "--default-signal=INT")
    waiting = subprocess.Popen(
        [*heard, sys.executable, "-m", "engine.cli", "run", "slow", "--wait"],
        env={**os.environ, "SARK_STATE": str(stack.state)}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert waiting.stderr is not None
    run = waiting.stderr.readline().split()[1]
    time.sleep(0.2)
    waiting.send_signal(signal.SIGINT)
    _, told = waiting.communicate(timeout=120)

    assert 130 == waiting.returncode
    assert f"{run} goes on" in told
    stack.sark("cancel", run)
