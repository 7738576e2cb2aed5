"""SARK and a peer in the same shapes, each on servers of its own with the same durability."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.bench import measure
from benchmarks.figures import Row
from benchmarks.peers.environment import BUILD, HERE, Absent
from benchmarks.shapes import burst, latencies
from benchmarks.stack import Stack
from engine.local.child import die_with_parent
from engine.local.postgres import Postgres
from engine.local.valkey import Valkey

ROOT = HERE.parents[1]
_PATIENCE = 600
_LINKS = 16
_SARK = {"flow40": (40, 1), "fan1000": (1001, 1), "runs1000": (5000, 1000)}


def sark(shapes: Sequence[str], repeats: int) -> dict[str, Row]:
    """Return SARK's rows of these shapes and of its start, in a folder of its own."""
    rows: dict[str, Row] = {}
    with Stack() as stack:
        rows["cold_start"] = {"seconds": [stack.first_start]}
        load = stack.load(_LINKS)
        for name, (steps, runs) in _SARK.items():
            if name in shapes:
                workflow = "diamond" if name == "runs1000" else name
                once = lambda: burst(stack, load, workflow, runs)  # noqa: E731, B023
                count = repeats if runs > 1 else 10
                shape, _, _ = measure(stack, name, steps, once, count)
                used = sum(shape.cpu.values()) * 1000 / (steps * count)
                rows[name] = {"seconds": shape.seconds, "cpu_seconds_per_1000_tasks": used}
        if "latency" in shapes:
            values = latencies(stack, load, 100)
            rows["latency"] = {"seconds": [value / 1000 for value in values]}
        load.close()
    return rows


def drive(
    peer: str, python: Path, folder: Path, shapes: Sequence[str], repeats: int, cap: float
) -> list[Row]:
    """Return a peer's rows; raise Absent, with the end of its logs, where it measured nothing."""
    folder.chmod(0o755)
    with _servers(folder) as (told, redis_url):
        words = {**told, "folder": str(folder), "shapes": shapes, "repeats": repeats, "cap": cap}
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "SARK_BENCH_PEER": json.dumps(words),
            "SARK_BENCH_REDIS_URL": redis_url,
            "SARK_BENCH_NODE": str(BUILD / peer / "node/node_modules"),
        }
        rows, code = _listen([python, "-m", f"benchmarks.peers.{peer}"], environment, folder)
    if not rows:
        raise Absent(f"it did not start: {_last(folder)}")
    if code:
        print(f"{peer} ended before all shapes were done: {_last(folder)}", flush=True)
    return rows


def _listen(
    words: Sequence[str | Path], environment: Mapping[str, str], folder: Path
) -> tuple[list[Row], int]:
    """Run a driver to its end; return what it told, shown as it came, and its exit code."""
    rows: list[Row] = []
    with (folder / "driver.log").open("w+") as log:
        process = subprocess.Popen(
            words, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=log,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - one thread
        )  # fmt: skip
    ending = threading.Timer(_PATIENCE, process.terminate)
    ending.start()
    try:
        for line in process.stdout or ():
            if line.startswith('{"shape"'):
                rows.append(json.loads(line))
                print(f"  {line[:200].rstrip()}", file=sys.stderr, flush=True)
    finally:
        ending.cancel()
    return rows, process.wait(60)


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


def _last(folder: Path) -> str:
    """Return the last line of each log that has one."""
    lines = []
    for log in sorted(folder.glob("*.log")):
        text = log.read_text("utf-8", "replace").strip()
        if text:
            lines.append(f"{log.name}: {text.splitlines()[-1][:300]}")
    return "; ".join(lines) or "no word why"
