"""`sark up` where something is in its way, and how it ends."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.processes import tree
from engine.local.port import free_port
from tests.stories.stack import Stack, is_alive

SLEEPER = """\
apiVersion: sark/v1
kind: Workflow
name: sleeper
steps:
  sleep:
    uses: shell.run@1
    with: {script: "setsid sleep 300 & sleep 300"}
"""


def refused(state: Path, **environment: str) -> str:
    """Run `sark up`, which must not start, and return the one sentence that it says."""
    port = {"SARK_SERVER__PORT": str(free_port())}
    done = subprocess.run(
        [sys.executable, "-m", "engine.cli", "up", "--state", str(state)],
        env={**os.environ, **port, **environment}, capture_output=True, text=True, timeout=240,
        check=False,
    )  # fmt: skip

    assert 2 == done.returncode, done.stderr
    assert done.stderr.startswith("sark: ")
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_port_that_is_taken(tmp_path: Path):
    """
    Where somebody listens already, the port is named, and how to name another.
    """
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        told = refused(tmp_path, SARK_SERVER__PORT=port)

    assert port in told
    assert "SARK_SERVER__PORT" in told


def test_an_address_that_is_not_ours(tmp_path: Path):
    """
    A host that this machine does not have is named.
    """
    assert "192.0.2.1" in refused(tmp_path, SARK_SERVER__HOST="192.0.2.1")


@pytest.mark.parametrize("place", ["/proc/sark", "/dev/null/sark", "/tmp/" + "x" * 300])
def test_a_state_folder_that_cannot_be_written(place: str):
    """
    A folder that cannot be made, or not written to, is named, and how to name another.
    """
    told = refused(Path(place))

    assert place in told
    assert "--state" in told


@pytest.mark.parametrize("version", ["9", "99"])
def test_a_database_of_another_version(tmp_path: Path, version: str):
    """
    Files that an older or a newer PostgreSQL has made are left as they are, and that is said.
    """
    data = tmp_path / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text(f"{version}\n")
    told = refused(tmp_path)

    assert f"was made by PostgreSQL {version}" in told
    assert ["PG_VERSION"] == [each.name for each in data.iterdir()]


def test_one_state_one_supervisor_and_no_orphans():
    """
    A path longer than any socket's and a stale lock are no hindrance. A second `sark up` on the
    same state is refused by name. Kill -9 of the first leaves nothing, not what a script started
    in a session of its own; the next one starts, and Ctrl-C, even twice, ends it with 0.
    """
    stack = Stack({"sleeper.yaml": SLEEPER}, SARK_WORKER__GRACE="1s")
    stack.state = stack.folder / ("s" * 120)
    stack.state.mkdir()
    (stack.state / "lock").write_text("1")
    with stack:
        assert str(stack.pid) in refused(stack.state)
        stack.link().start("sleeper")
        while len(stack.pids("sleep")) < 2:
            time.sleep(0.02)
        processes = tree(stack.pid)
        stack.kill()
        killed = time.monotonic()
        while left := [pid for pid in processes if is_alive(pid)]:
            assert time.monotonic() < killed + 30, left
            time.sleep(0.02)
        stack.start()
        processes = tree(stack.pid)
        os.kill(stack.pid, signal.SIGINT)
        time.sleep(0.2)

        assert 0 == stack.stop()
        assert [] == [pid for pid in processes if is_alive(pid)]
