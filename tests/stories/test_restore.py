"""A machine is lost with runs in flight, and another goes on from its backup."""

import hashlib
import json
import shutil
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.stories.client import Client
from tests.stories.sink import Sink, sinking
from tests.stories.stack import Link, Stack

ANN = "the-token-of-ann-in-this-story"
CONFIG = f"""\
[[sources]]
name = "local"
namespace = "local"
url = "REPOSITORY"
[[tokens]]
name = "ann"
role = "approver"
groups = ["ops"]
sha256 = "{hashlib.sha256(ANN.encode()).hexdigest()}"
[adapters.http]
allow_hosts = ["127.0.0.1:SERVICE_PORT"]
[worker]
lease = "2s"
sweep = "300ms"
grace = "500ms"
"""
SPECS = """\
apiVersion: sark/v1
kind: Workflow
name: napping
steps:
  - {id: nap, wait: {for: 20s}}
  - {id: say, uses: echo.say@1, with: {message: awake}}
---
apiVersion: sark/v1
kind: Workflow
name: asking
steps:
  ok: {approve: {by: [group:ops], expires: 1h, show: "Send it?"}}
  send:
    needs: {ok: succeeded}
    uses: http.request@1
    with: {method: PUT, url: "SERVICE/steady"}
---
apiVersion: sark/v1
kind: Workflow
name: hearing
steps:
  paid: {await: {event: paid, within: 1h}, outputs: {id: {type: string, from: event.id}}}
outputs:
  id: {type: string, value: "{{ steps.paid.outputs.id }}"}
---
apiVersion: sark/v1
kind: Workflow
name: called
steps:
  scanned:
    await: {callback: {schema: {type: object, required: [clean]}}, within: 1h}
---
apiVersion: sark/v1
kind: Workflow
name: keyed
steps:
  work:
    uses: shell.run@1
    with: {script: "test -e FOLDER/go || sleep 300"}
    idempotency: {key: "{{ run.id }}-work"}
---
apiVersion: sark/v1
kind: Workflow
name: once
steps:
  work:
    uses: shell.run@1
    with: {script: "test -e FOLDER/go || sleep 300"}
---
apiVersion: sark/v1
kind: Workflow
name: keeping
steps:
  make:
    uses: shell.run@1
    with: {script: "(echo a,b; echo 1,2) > report"}
    idempotency: {key: "{{ run.id }}-make"}
    artifacts: {report: {path: report, retain: 30d}}
  ok:
    needs: {make: succeeded}
    approve: {by: [group:ops], expires: 1h, show: "Read it?"}
  read:
    needs: {ok: succeeded}
    uses: table.profile@1
    with: {file: "{{ steps.make.artifacts.report }}"}
---
apiVersion: sark/v1
kind: Workflow
name: often
triggers: {clock: {type: schedule, every: 5s, misfire: skip}}
steps: {say: {set: {x: {type: integer, value: 1}}}}
"""
_STARTS = """
    SELECT count(*), count(DISTINCT trigger->>'scheduled_at') FROM runs WHERE workflow = 'often'
"""
FLIGHT = ("napping", "asking", "hearing", "called", "keyed", "once", "keeping")


@pytest.fixture
def sink() -> Iterator[Sink]:
    with sinking() as found:
        yield found


def machine(sink: Sink, folder: Path) -> Stack:
    """Return a machine of its own over the same specs."""
    specs = SPECS.replace("SERVICE", sink.url).replace("FOLDER", str(folder))
    return Stack(
        {"specs.yaml": specs}, CONFIG.replace("SERVICE_PORT", str(sink.server_port))
    )  # fmt: skip


def standing(stack: Stack, run: str, path: str, *statuses: str) -> None:
    """Wait until a step stands so."""
    limit = time.monotonic() + 60
    while True:
        found = stack.link().get(f"/runs/{run}")
        if any(each["path"] == path and each["status"] in statuses for each in found["steps"]):
            return
        assert time.monotonic() < limit, found
        time.sleep(0.05)


def approve(stack: Stack, run: str) -> None:
    (asked,) = stack.link().get(f"/runs/{run}/approvals")["items"]
    place = f"/runs/{run}/approvals/{asked['path']}"
    Link(stack.port, ANN).post(place, {"decision": "approved", "asked": asked["asked"]})


def post(url: str) -> int:
    request = urllib.request.Request(
        url, b'{"clean": true}', {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return int(answer.status)


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of the machine that is gone. `late` is a run that began after the backup."""

    port: int
    runs: Mapping[str, str]
    callback: str
    counts: Mapping[str, int]
    late: str


def lost(old: Stack, backup: Path, repository: Path) -> Past:
    """Make a backup of a machine with runs in flight; then let it be gone, but for the specs."""
    client = Client(old)
    runs = {name: client.start(name, key=f"key-of-{name}") for name in FLIGHT}
    for path, name in (("ok", "asking"), ("paid", "hearing"), ("scanned", "called")):
        standing(old, runs[name], path, "waiting")
    standing(old, runs["keeping"], "ok", "waiting")
    for name in ("keyed", "once"):
        standing(old, runs[name], "work", "running")
    standing(old, runs["napping"], "nap", "waiting", "succeeded")
    (told,) = old.link().get(f"/runs/{runs['called']}/callbacks")["items"]
    made = json.loads(old.sark("backup", str(backup), "--json").stdout)
    late = client.start("hearing")
    shutil.copytree(old.repository, repository)
    old.kill()
    return Past(old.port, runs, told["url"], made["runs"], late)


@contextmanager
def revived(
    new: Stack, backup: Path, repository: Path
) -> Iterator[Mapping[str, Any]]:  # fmt: skip
    """Restore on a machine that has nothing but the specs, and start it."""
    shutil.copytree(repository, new.repository)
    done = new.sark("restore", str(backup), *new.options()[2:], "--json")
    new.start()
    try:
        yield json.loads(done.stdout)
    finally:
        new.stop()
        shutil.rmtree(new.folder, ignore_errors=True)


def test_an_empty_machine_goes_on(sink: Sink, tmp_path: Path):
    """
    A backup is made while the engine works, and the machine is gone. On another, with nothing but
    the file, the specs and the settings, every run in flight ends: what waits hears what it waits
    for, at the address that was handed out too, a timer rings at its instant, what was under way
    is made again if it may be repeated and fails as `sark.lost` if not, a file that was kept is
    read. A start under a key that the backup knows is the run that it was. The clock starts each
    instant once.
    """
    backup, repository = tmp_path / "backup.tar", tmp_path / "repo"
    with machine(sink, tmp_path) as old:
        past = lost(old, backup, repository)
    (tmp_path / "go").touch()
    new = machine(sink, tmp_path)
    with revived(new, backup, repository) as told:
        assert 202 == post(past.callback.replace(f":{past.port}/", f":{new.port}/"))
        for name in ("asking", "keeping"):
            approve(new, past.runs[name])
        new.sark("emit", "paid", "--data", "{}", "--id", "order-1")
        again = Client(new).start("asking", key="key-of-asking")
        ended = {name: new.wait_ended(run) for name, run in past.runs.items()}
        ((starts, instants),) = new.rows(_STARTS)
        unknown = new.rows("SELECT id FROM runs WHERE id = %s", past.late)
        deep = json.loads(new.sark("doctor", "--deep", "--json", check=False).stdout)

    assert {name: "failed" if name == "once" else "succeeded" for name in FLIGHT} == {
        name: run["status"] for name, run in ended.items()
    }
    assert "sark.lost" == ended["once"]["error"]["type"]
    assert "order-1" == ended["hearing"]["outputs"]["id"]
    assert (past.counts, 0, 2) == (told["runs"], told["cancelled"], told["epoch"])
    assert past.runs["asking"] == again
    assert starts == instants
    assert [] == unknown
    assert ["ok"] == [each["verdict"] for each in deep if each["what"] == "journals"]
