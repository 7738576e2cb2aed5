"""SARK and a peer in the same shapes, each on servers of its own with the same durability."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.bench import measure
from benchmarks.figures import Row
from benchmarks.peers.environment import BUILD, HERE, Absent
from benchmarks.shapes import burst, latencies
from benchmarks.stack import Stack
from engine.local.child import die_with_parent, stop
from engine.local.postgres import Postgres
from engine.local.valkey import Valkey

ROOT = HERE.parents[1]
# For all shapes of a peer, each of which ends by itself after two times its cap at the latest.
_PATIENCE = 600
_STOPPING = 30
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LINKS = 16
_SARK = {"flow40": (40, 1), "fan1000": (1001, 1), "runs1000": (5000, 1000)}


def sark(shapes: Sequence[str], repeats: int) -> dict[str, Row]:
    """Return SARK's rows of these shapes and of its start, in a folder of its own."""
    rows: dict[str, Row] = {}
    with Stack() as stack:
        rows["cold_start"] = {"seconds": [stack.first_start]}
        many, single = stack.load(_LINKS), stack.load(1)
        for name, (steps, runs) in _SARK.items():
            if name in shapes:
                workflow = "diamond" if name == "runs1000" else name
                load = many if runs > 1 else single
                once = lambda: burst(stack, load, workflow, runs)  # noqa: E731, B023
                count = repeats if runs > 1 else 10
                shape, _, _ = measure(stack, name, steps, once, count)
                used = sum(shape.cpu.values()) * 1000 / (steps * count)
                rows[name] = {"seconds": shape.seconds, "cpu_seconds_per_1000_tasks": used}
        if "latency" in shapes:
            values = latencies(stack, single, 100)
            rows["latency"] = {"seconds": [value / 1000 for value in values]}
        many.close()
        single.close()
    return rows


def drive(
    peer: str, python: Path, folder: Path, shapes: Sequence[str], repeats: int, cap: float
) -> list[Row]:
    """Return a peer's rows, one for each shape at least; raise Absent where it did not start."""
    folder.chmod(0o755)
    logs = BUILD / peer / "logs"
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(parents=True)
    with _servers(folder) as (servers, redis_url):
        words = {**servers, "folder": str(folder), "logs": str(logs), "shapes": shapes,
                 "repeats": repeats, "cap": cap}  # fmt: skip
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "SARK_BENCH_PEER": json.dumps(words),
            "SARK_BENCH_REDIS_URL": redis_url,
            "SARK_BENCH_NODE": str(BUILD / peer / "node/node_modules"),
        }
        told = listen(peer, [python, "-m", f"benchmarks.peers.{peer}"], environment, logs)
    return told.whole(shapes)


@dataclass
class Told:
    """What a driver told: its rows, the shape that it had begun last, and how it ended."""

    rows: list[Row] = field(default_factory=list)
    begun: str = ""
    end: str = ""

    def whole(self, shapes: Sequence[str]) -> list[Row]:
        """Return its rows and one for each shape that has none; raise Absent if it has no row."""
        if not self.rows:
            raise Absent(f"it did not start: {self.end}")
        names = [str(row["shape"]) for row in self.rows]
        missing = [self.begun] if self.begun not in names else []
        known = {name.partition("/")[0] for name in (*names, *missing)}
        missing += [shape for shape in shapes if shape not in known]
        lacking: list[Row] = [
            {"shape": name, "seconds": [], "failed": self.end} for name in missing
        ]
        return self.rows + lacking


def listen(
    peer: str, words: Sequence[str | Path], environment: Mapping[str, str], logs: Path,
    patience: float = _PATIENCE,
) -> Told:  # fmt: skip
    """Run a driver to its end, showing what it tells; end it after `patience` seconds."""
    with (logs / "driver.log").open("w") as log:
        process = subprocess.Popen(
            words, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=log,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - one thread
        )  # fmt: skip
    told, ended = Told(), threading.Event()
    ending = threading.Timer(patience, lambda: (ended.set(), process.terminate()))
    ending.start()
    try:
        for line in process.stdout or ():
            _take(peer, line, told)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOPPING)
    finally:
        ending.cancel()
        stop(process, signal.SIGTERM, _STOPPING)
    how = f"stopped after {patience:g} s" if ended.is_set() else f"ended with {process.returncode}"
    told.end = f"its driver {how}; {_last(logs)}"
    return told


def _take(peer: str, line: str, told: Told) -> None:
    """Keep and show what a line of a driver tells; whatever else is printed there is not ours."""
    match _read(line):
        case {"begins": str(name)}:
            told.begun = name
            print(f"{peer}: {name}", file=sys.stderr, flush=True)
        case {"shape": _} as row:
            told.rows.append(row)
            print(f"  {line[:200].rstrip()}", file=sys.stderr, flush=True)


def _read(line: str) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return None


@contextmanager
def _servers(folder: Path) -> Iterator[tuple[Mapping[str, object], str]]:
    """Run PostgreSQL and Valkey as `sark up` does, with fsync and every other setting the same."""
    postgres, valkey = Postgres(folder / "postgres"), Valkey(folder / "valkey")
    try:
        url, redis_url = postgres.start(), valkey.start()
        stores = [pid for pid in (postgres.pid, valkey.pid) if pid is not None]
        yield {"database_url": url, "redis_url": redis_url, "stores": stores}, redis_url
    finally:
        valkey.stop()
        postgres.stop()


def _last(logs: Path) -> str:
    """Return the last two lines of each log that has some, and where they are."""
    lines = []
    for log in sorted(logs.glob("*.log")):
        text = log.read_text("utf-8", "replace").strip()
        if text:
            last = _COLOUR.sub("", " ".join(text.splitlines()[-2:])).strip()
            lines.append(f"{log.name} says: {last[:300]}")
    return "; ".join([*lines, f"logs are in {logs}"])
