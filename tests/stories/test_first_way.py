"""The first way through, as a person walks it: a commit, a run, a mistake, a crash."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from benchmarks.processes import tree
from tests.stories.stack import Stack

HELLO = """\
apiVersion: sark/v1
kind: Workflow
name: hello
inputs:
  name: {type: string, default: world}
steps:
  greet:
    uses: text.render@1
    with:
      template: "Hello, {{ name }}!"
      values: {name: "{{ inputs.name }}"}
outputs:
  text: {type: string, value: "{{ steps.greet.outputs.text }}"}
"""


def slow_chain(count: int, delay: str) -> str:
    """Return a workflow of `count` steps, one after the other."""
    steps = "".join(
        f"  - id: s{i}\n    uses: echo.say@1\n    with: {{message: {i}, delay: {delay}}}\n"
        for i in range(count)
    )
    return f"apiVersion: sark/v1\nkind: Workflow\nname: chain{count}\nsteps:\n{steps}"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    files = {
        "hello.yaml": HELLO,
        "chain.yaml": slow_chain(20, "100ms"),
        "five.yaml": slow_chain(5, "50ms"),
    }
    with Stack(files) as running:
        yield running


def workers(stack: Stack) -> list[int]:
    """Return the processes of `sark worker`."""
    found = []
    for pid in tree(stack.pid):
        if Path(f"/proc/{pid}/comm").read_text().strip() == "sark-worker":
            found.append(pid)
    return found


def test_a_commit_is_active_soon(stack: Stack) -> None:
    """
    Edit a spec, commit: it is active without a word, and the next run follows it.
    """
    assert "Hello, Ann!" in stack.sark("run", "hello", "--wait", "-i", "name=Ann").stdout
    commit = stack.commit({"hello.yaml": HELLO.replace("Hello", "Good morning")})

    stack.wait_active(commit)
    assert "Good morning, world!" in stack.sark("run", "hello", "--wait").stdout
    assert commit[:12] in stack.sark("sources").stdout


def test_a_mistake_leaves_the_last_good_commit_live(stack: Stack) -> None:
    """
    A broken spec is rejected whole; `sark why` says where it is wrong, and runs go on.
    """
    before = stack.git("rev-parse", "HEAD")
    broken = stack.commit({"hello.yaml": HELLO.replace("template:", "tempalte:")})
    limit = time.monotonic() + 60
    while "hello.yaml" not in (told := stack.sark("why", broken, check=False).stdout):
        assert time.monotonic() < limit, told

    assert "is NOT live" in told
    assert "hello.yaml:10:7" in told
    assert "template" in told
    assert before[:12] in stack.sark("sources").stdout
    assert stack.sark("run", "hello", "--wait").returncode == 0
    stack.git("revert", "--no-edit", "HEAD")
    stack.wait_active(stack.git("rev-parse", "HEAD"))


def test_a_killed_worker_loses_nothing(stack: Stack) -> None:
    """
    Kill -9 the worker in the middle of a run of 20 steps: it ends, each outcome once.
    """
    link = stack.link()
    run = link.start("chain20")
    while sum(s["status"] == "succeeded" for s in link.get(f"/runs/{run}")["steps"]) < 5:
        pass
    for pid in workers(stack):
        os.kill(pid, signal.SIGKILL)
    ended = stack.wait_ended(run)

    assert ended["status"] == "succeeded"
    rows = link.get(f"/runs/{run}/journal?limit=200")["items"]
    paths = [row["path"] for row in rows if row["kind"] == "succeeded"]
    assert sorted(f"s{i}" for i in range(20)) == sorted(paths)
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))


def test_flushall_loses_nothing(stack: Stack) -> None:
    """
    FLUSHALL on Redis in the middle of 200 runs: all of them end.
    """
    from redis import Redis

    link = stack.link()
    runs = [link.start("chain5") for _ in range(100)]
    with Redis.from_url(stack.redis_url) as redis:
        redis.flushall()
        runs += [link.start("chain5") for _ in range(100)]
        redis.flushall()

    assert {"succeeded"} == {stack.wait_ended(run, 60)["status"] for run in runs}


def test_nothing_is_left_behind_and_nothing_is_lost(stack: Stack) -> None:
    """
    Kill -9 of the supervisor leaves no process; the next start takes up the run that was going.
    """
    run = stack.link().start("chain20")
    processes = tree(stack.pid)
    stack.kill()
    for _ in range(100):
        if not any(alive(pid) for pid in processes):
            break
        threading.Event().wait(0.1)

    assert [pid for pid in processes if alive(pid)] == []
    stack.start()
    assert stack.wait_ended(run)["status"] == "succeeded"


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_it_stops_cleanly(stack: Stack) -> None:
    """
    Ctrl-C stops all of it with exit code 0.
    """
    processes = tree(stack.pid)

    assert stack.stop() == 0
    assert [pid for pid in processes if alive(pid)] == []


class Sink(BaseHTTPRequestHandler):
    """A small real HTTP service that keeps what it was sent."""

    bodies: ClassVar[list[bytes]] = []

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def sink() -> Iterator[ThreadingHTTPServer]:
    Sink.bodies = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def run_file(folder: Path, text: str, *words: str) -> subprocess.CompletedProcess[str]:
    import sys

    (folder / "spec.yaml").write_text(text)
    return subprocess.run(
        [sys.executable, "-m", "engine.cli", "run", str(folder / "spec.yaml"), *words],
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip


def test_a_file_runs_with_no_server(tmp_path: Path) -> None:
    """
    `sark run FILE` needs no server; a failing step ends the command with 1 and says why.
    """
    done = run_file(tmp_path, HELLO, "-i", "name=Bo")

    assert done.returncode == 0, done.stderr
    assert "Hello, Bo!" in done.stdout
    failing = HELLO.replace("uses: text.render@1", "uses: shell.run@1").replace(
        '      template: "Hello, {{ name }}!"\n      values: {name: "{{ inputs.name }}"}\n',
        "      argv: ['false']\n",
    ).replace("outputs.text }}", "outputs.stdout }}")  # fmt: skip
    done = run_file(tmp_path, failing)
    assert done.returncode == 1
    assert "shell.exit" in done.stdout
