"""`make bench`: shapes by name, a line each as it is known, then tables and all of it as JSON.

python -m benchmarks [--repeats N] [--json FILE] [SHAPE ...]
"""

import argparse
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks import history, io, reconcile, review, scaling, shapes, waiting
from benchmarks.bench import Bench
from benchmarks.figures import Row
from benchmarks.table import COLUMNS, plain, table

SHAPES: Mapping[str, Callable[[Bench], None]] = {
    "limits": shapes.bare,
    "runs1000": shapes.runs1000,
    "flow40": shapes.flow40,
    "fan1000": shapes.fan1000,
    "wide10k": shapes.wide10k,
    "latency": shapes.latency,
    "steps": scaling.steps,
    "workers": scaling.workers,
    "start": shapes.start_and_idle,
    "waiting100k": waiting.waiting,
    "io1000": io.io1000,
    "reconcile": reconcile.reconcile,
    "review": review.review,
    "history": lambda bench: history.shape(bench.tell),
}


def main() -> None:
    """Measure what was asked for; exit 1 if a shape could not be measured."""
    told = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    # As on a machine where Python may keep what it has compiled, or every start compiles anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    began, failed = time.monotonic(), []
    with Bench(told.repeats) as bench:
        for name in told.shapes or SHAPES:
            try:
                SHAPES[name](bench)
            except Exception:
                traceback.print_exc()
                failed.append(name)
        rows = bench.rows
    minutes = round((time.monotonic() - began) / 60, 1)
    print(report(rows, failed), f"{minutes} minutes, {os.cpu_count()} cores\n", sep="\n\n")
    text = json.dumps({"cores": os.cpu_count(), "failed": failed, "rows": rows})
    print(text)
    if told.json:
        told.json.write_text(text)
    sys.exit(1 if failed else 0)


def report(rows: Sequence[Row], failed: Sequence[str]) -> str:
    """Return a table of what costs a step, and a line for each other row."""
    runs = [row for row in rows if "steps_per_second" in row]
    other = [row for row in rows if "steps_per_second" not in row]
    lines = [f"- not measured, for it failed: {name}" for name in failed]
    return "\n\n".join(part for part in (table(runs, COLUMNS), plain(other), *lines) if part)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("shapes", nargs="*", metavar="SHAPE", help=", ".join(SHAPES))
    parser.add_argument("--repeats", type=int, default=5, help="of each shape (default 5)")
    parser.add_argument("--json", type=Path, help="where to write the JSON as well")
    told = parser.parse_args()
    unknown = [name for name in told.shapes if name not in SHAPES]
    if unknown or told.repeats < 1:
        wrong = f"no shape {unknown[0]!r}" if unknown else "--repeats is 1 or more"
        parser.error(f"{wrong}; shapes are {', '.join(SHAPES)}")
    return told


if __name__ == "__main__":
    main()
