"""Workers that are killed, frozen or told to go in the middle of what they do."""

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stories.client import Client
from tests.stories.invariants import hold
from tests.stories.stack import Stack, is_alive

_HEAD = "apiVersion: sark/v1\nkind: Workflow\nname: "
_PARENT = "p=$(awk '/^PPid/ {print $2}' /proc/$p/status)"
_CHAIN = "".join(
    f"  - {{id: s{i}, uses: echo.say@1, with: {{message: 1, delay: 150ms}}}}\n" for i in range(12)
)
# A script writes its process into a file of its own; the first one stays, a later one goes.
_STAY = 'echo $$ >> "$1"; [ "$(wc -l < "$1")" -gt 1 ] || sleep 60 & wait'
FILES = {
    "chain.yaml": f"{_HEAD}chain\nsteps:\n{_CHAIN}",
    "quick.yaml": f"{_HEAD}quick\nsteps:\n{_CHAIN.replace('150ms', '40ms')}",
    "keyed.yaml": f"""{_HEAD}keyed
steps:
  work:
    uses: shell.run@1
    with: {{script: '{_STAY}', args: [MARKS/keyed]}}
    idempotency: {{key: "{{{{ run.id }}}}"}}
""",
    "once.yaml": f"""{_HEAD}once
steps:
  work:
    uses: shell.run@1
    with: {{script: '{_STAY}', args: [MARKS/once]}}
""",
    "poison.yaml": f"""{_HEAD}poison
steps:
  work:
    uses: shell.run@1
    with:
      script: |
        p=$PPID; {_PARENT}; {_PARENT}; kill -9 $p; sleep 5
    idempotency: {{key: "{{{{ run.id }}}}"}}
""",
    "short.yaml": f"""{_HEAD}short
steps:
  work: {{uses: echo.say@1, with: {{message: 1, delay: 20ms}}}}
finally:
  steps:
    tidy: {{uses: echo.say@1, with: {{message: 2}}}}
""",
}
CONFIG = """\
[[sources]]
name = "local"
namespace = "local"
url = "REPOSITORY"
[worker]
processes = 2
lease = "1500ms"
sweep = "300ms"
grace = "2s"
"""


@pytest.fixture(scope="module")
def marks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which scripts write down that they run."""
    return tmp_path_factory.mktemp("marks")


@pytest.fixture(scope="module")
def stack(marks: Path) -> Iterator[Stack]:
    files = {name: text.replace("MARKS", str(marks)) for name, text in FILES.items()}
    with Stack(files, CONFIG) as running:
        yield running


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    """A client; when its test is over, what it was promised must hold."""
    client = Client(stack)
    yield client
    hold(stack, client.acknowledged)
    assert client.strange == []


def owner(stack: Stack, run: str, patience: float = 40) -> int:
    """Wait until a run has an owner and return its process."""
    limit = time.monotonic() + patience
    statement = "SELECT pid FROM runs JOIN workers ON owner = workers.id WHERE runs.id = %s"
    while not (found := stack.rows(statement, run)):
        assert time.monotonic() < limit, f"run {run} has no owner"
        time.sleep(0.02)
    return int(found[0][0])


def processes(marks: Path, count: int, patience: float = 60) -> list[int]:
    """Wait until that many scripts have written down their process."""
    limit = time.monotonic() + patience
    while not marks.exists() or len(told := marks.read_text().split()) < count:
        assert time.monotonic() < limit, f"{marks} has not {count} lines"
        time.sleep(0.02)
    return [int(each) for each in told]


def rows(stack: Stack, run: str) -> list[tuple[object, ...]]:
    return stack.rows("SELECT seq, kind, path, attempt FROM journal WHERE run_id = %s", run)


@pytest.mark.parametrize(
    ("workflow", "ends", "scripts"), [("keyed", "succeeded", 2), ("once", "failed", 1)]
)
def test_a_script_dies_with_its_worker(
    stack: Stack, client: Client, marks: Path, workflow: str, ends: str, scripts: int
):
    """
    Kill -9 the worker of a script: the script is dead at once. One that has a key is run
    again, one that must not be repeated is not: the run fails as lost.
    """
    run = client.start(workflow)
    (script,) = processes(marks / workflow, 1)
    os.kill(owner(stack, run), signal.SIGKILL)
    killed = time.monotonic()
    while is_alive(script):
        assert time.monotonic() < killed + 15
        time.sleep(0.01)
    ended = stack.wait_ended(run)

    assert ends == ended["status"]
    assert ends == "succeeded" or ended["error"]["type"] == "sark.lost"
    assert scripts == len(processes(marks / workflow, 1))


def test_a_poison_step_is_stopped(stack: Stack, client: Client):
    """
    A step that kills its worker each time fails as poison; runs that shared its workers do not
    fail with it.
    """
    poison, chains = client.start("poison"), [client.start("quick") for _ in range(3)]
    ended = stack.wait_ended(poison, 60)

    assert ("failed", "sark.poison") == (ended["status"], ended["error"]["type"])
    assert {"succeeded"} == {stack.wait_ended(chain)["status"] for chain in chains}


def test_a_frozen_worker_comes_back_as_another(stack: Stack, client: Client):
    """
    A worker that is frozen beyond its lease loses its runs to another; thawed, it changes nothing
    of them, begins anew, and takes new runs.
    """
    run = client.start("chain")
    frozen = owner(stack, run)
    os.kill(frozen, signal.SIGSTOP)
    try:
        stack.wait_ended(run)
        before = rows(stack, run)
    finally:
        os.kill(frozen, signal.SIGCONT)
    limit = time.monotonic() + 40
    while not stack.rows("SELECT 1 FROM workers WHERE pid = %s", frozen):
        assert time.monotonic() < limit
        time.sleep(0.05)

    assert before == rows(stack, run)
    assert "lost" in {row[1] for row in before}
    assert is_alive(frozen)


def test_sigterm_hands_over(stack: Stack, client: Client):
    """
    A worker that is told to go ends its short steps and hands over the rest of its runs: they
    all end, and the worker has taken no longer than its grace.
    """
    runs = [client.start("chain") for _ in range(20)]
    leaving = owner(stack, runs[-1])
    os.kill(leaving, signal.SIGTERM)
    began = time.monotonic()
    while is_alive(leaving):
        assert time.monotonic() < began + 20
        time.sleep(0.02)

    assert {"succeeded"} == {stack.wait_ended(run)["status"] for run in runs}


def test_recovery_takes_a_sweep(stack: Stack, client: Client):
    """
    Kill -9 both workers with 200 runs in flight: each is owned again within seconds, and ends.
    """
    runs = [client.start("chain") for _ in range(200)]
    pids = stack.pids("sark-worker")
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    statement = (
        "SELECT count(*) FROM runs WHERE ended_at IS NULL AND"
        " (owner IS NULL OR owner NOT IN (SELECT id FROM workers WHERE NOT pid = ANY(%s)))"
    )
    while stack.rows(statement, pids)[0][0]:
        assert time.monotonic() < killed + 40
        time.sleep(0.02)
    print(f"200 runs had an owner again after {time.monotonic() - killed:.2f} s")

    assert {"succeeded"} == {stack.wait_ended(run, 60)["status"] for run in runs}


def test_a_cancellation_and_an_end_are_one_end(stack: Stack, client: Client):
    """
    Whatever comes first, a run that is cancelled as it ends has one end, and the answer to the
    cancellation agrees with it: what was taken as a cancellation too late is 409.
    """
    dice, told = random.Random(7), {}
    for _ in range(60):
        run = client.start("short")
        threading.Event().wait(dice.uniform(0, 0.06))
        told[run] = client.send("POST", f"/api/v1/runs/{run}/cancel", {"reason": "race"}).status

    assert {202, 409} >= set(told.values())
    for run, status in told.items():
        ended = stack.wait_ended(run)["status"]
        assert ended in ("succeeded", "cancelled")
        assert status == 202 or ended == "succeeded"
