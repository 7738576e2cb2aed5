"""A peer that is slow, wrong, killed or not to be had never ends a benchmark, and is told."""

import json
import os
import sys
import time
from pathlib import Path

import pytest

from benchmarks.figures import Row
from benchmarks.peers import environment
from benchmarks.peers.__main__ import report
from benchmarks.peers.catalogue import PEERS
from benchmarks.peers.comparison import compare
from benchmarks.peers.driving import Told, listen
from tests.stories.stack import is_alive

SHAPES = ["flow40", "fan1000", "runs1000", "latency"]


def drive(kind: str, folder: Path, cap: float = 0.5, patience: float = 60) -> Told:
    """Drive the peer of these tests in a process of its own."""
    asked = {
        "database_url": "", "redis_url": "", "folder": str(folder), "logs": str(folder),
        "shapes": SHAPES, "repeats": 2, "cap": cap, "stores": [],
    }  # fmt: skip
    words = [sys.executable, "-m", "tests.benchmarks.peer", kind]
    told = {**os.environ, "SARK_BENCH_PEER": json.dumps(asked)}
    return listen("it", words, told, folder, patience)


def notes(rows: list[Row]) -> dict[object, object]:
    return {row["shape"]: row.get("note") for row in compare("it", rows, {})}


def test_a_shape_that_takes_too_long_is_stopped_and_says_how_far_it_came(tmp_path: Path):
    """
    What is told are tasks, and not runs; what comes next says beside what it was measured.
    """
    slow, after = drive("slow", tmp_path).rows

    assert 0.5 == slow["stopped_after"]
    assert slow["counted"] in (5, 10, 15)
    assert "beside what was left of runs1000" == notes([after])["flow40"]


def test_a_server_that_never_answers_is_not_waited_for(tmp_path: Path):
    """
    A request has as long as its shape has, give or take, and then what was asked for is told.
    """
    (row,) = drive("silent", tmp_path, cap=0.1).rows

    assert "stopped after 0.1 s: 0 of 100 requests" == notes([row])["latency"]


def test_a_shape_that_fails_takes_no_other_with_it(tmp_path: Path):
    """
    Its row says why, a wrong count is told, and the next shape is measured.
    """
    rows = drive("wrong", tmp_path).rows

    assert {
        "flow40": "failed: ValueError: invalid literal for int() with base 10: 'none'",
        "fan1000": "1002 counted of 1001 tasks",
        "runs1000": None,
    } == notes(rows)
    assert "ValueError" in (tmp_path / "driver.log").read_text()


def test_a_process_that_is_killed_is_told_at_once_and_nothing_is_left(tmp_path: Path):
    """
    Nobody waits for what a dead process would do, and its children are ended with all else.
    """
    began = time.monotonic()
    rows = drive("killed", tmp_path, cap=50).rows
    child = (tmp_path / "worker.log").read_text().strip()

    assert time.monotonic() - began < 25
    assert dict.fromkeys(["fan1000", "flow40"], "failed: worker ended with -9") == notes(rows)
    assert not is_alive(int(child))


def test_a_peer_that_does_not_start_says_why(tmp_path: Path):
    """
    The words are those of its log, and of the file that has the rest.
    """
    told = drive("unready", tmp_path)

    with pytest.raises(environment.Absent) as found:
        told.whole(SHAPES)
    assert "worker ended with 1" in str(found.value)
    assert "worker.log says: port 1 is in use" in str(found.value)
    assert str(tmp_path) in str(found.value)


def test_a_driver_that_hangs_is_ended_and_each_shape_is_told(tmp_path: Path):
    """
    What it had measured counts, and what it has not is said of each shape, and of each way.
    """
    rows = drive("hanging", tmp_path, patience=6).whole(SHAPES)

    assert ["flow40/quick", "flow40/slow", *SHAPES[1:]] == [row["shape"] for row in rows]
    told = notes(rows)
    assert told.pop("flow40/quick") is None
    assert all("failed: its driver stopped after 6 s" in str(note) for note in told.values())


def test_what_cannot_be_installed_says_why(tmp_path: Path):
    """
    The first and the last word of an installer are told, and where the rest is.
    """
    code = "print('no route to the registry'); print('more'); raise SystemExit('giving up')"

    with pytest.raises(environment.Absent) as found:
        environment.run([sys.executable, "-uc", code], tmp_path)
    assert f"{tmp_path}/install.log says: no route to the registry ... giving up" in str(
        found.value
    )
    with pytest.raises(environment.Absent, match="No such file"):
        environment.run([tmp_path / "no-program"], tmp_path)


@pytest.mark.parametrize("peer", PEERS)
def test_the_report_says_which_versions_were_measured(peer: str):
    """
    A figure without a version is worth nothing later.
    """
    told = report([{"shape": "flow40", "peer": peer, "seconds": 0.1}], {"other": "it is away"})

    assert "Here: " + environment.versions(peer, PEERS[peer].node) in told
    assert any(each.isdigit() for each in environment.versions(peer, PEERS[peer].node))
    assert "sark-engine " in told
    assert "- other is not measured: it is away." in told
