"""`make bench-peers`: other engines beside SARK, in the same shapes, ratios as a table and JSON.

python -m benchmarks.peers [--shapes flow40,...] [--repeats N] [--cap SECONDS] [--json FILE] [PEER ...]
"""  # noqa: E501

import argparse
import json
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from benchmarks.figures import Row
from benchmarks.peers import driving, environment
from benchmarks.peers.catalogue import PEERS, SARK
from benchmarks.peers.comparison import COLUMNS, compare
from benchmarks.table import table

SHAPES = ("flow40", "fan1000", "runs1000", "latency")


def main() -> None:
    """Measure each peer beside SARK; a peer that is not to be had is told, and is no failure."""
    told = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    began = time.monotonic()
    rows: list[Row] = []
    absent: dict[str, str] = {}
    for name in told.peers or PEERS:
        try:
            rows += _beside(name, told)
        except environment.Absent as why:
            absent[name] = str(why)
            print(f"{name} is not measured: {why}", flush=True)
        except Exception as error:
            traceback.print_exc()
            absent[name] = f"it failed, {error!r}"
    minutes = round((time.monotonic() - began) / 60, 1)
    print("", report(rows, absent), f"{minutes} minutes, {os.cpu_count()} cores", sep="\n\n")
    text = json.dumps({"cores": os.cpu_count(), "absent": absent, "rows": rows})
    print("", text, sep="\n")
    if told.json:
        told.json.write_text(text)


def _beside(name: str, told: argparse.Namespace) -> Sequence[Row]:
    """Measure SARK, and a peer right after it."""
    python = environment.ready(name, PEERS[name].node)
    ours = driving.sark(told.shapes, told.repeats)
    with tempfile.TemporaryDirectory(
        prefix="sark-bench-", dir="/tmp", ignore_cleanup_errors=True
    ) as folder:
        theirs = driving.drive(name, python, Path(folder), told.shapes, told.repeats, told.cap)
    rows = compare(name, theirs, ours)
    for row in rows:
        print("  ".join(f"{key}={value}" for key, value in row.items()), flush=True)
    return rows


def report(rows: Sequence[Row], absent: dict[str, str]) -> str:
    """Return the table, shape by shape, and what each engine does for a task."""
    order = {name: number for number, name in enumerate((*SHAPES, "cold_start"))}
    lines = sorted(rows, key=lambda row: order[str(row["shape"]).partition("/")[0]])
    told = [f"- SARK {SARK}."]
    for name in dict.fromkeys(str(row["peer"]) for row in rows):
        peer = PEERS[name]
        told.append(f"- {name} {peer.does}. Not: {peer.lacks}. Here: {peer.setting}.")
    told += [f"- {name} is not measured: {why}." for name, why in absent.items()]
    return "\n\n".join(part for part in (table(lines, COLUMNS), "\n".join(told)) if part)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers")
    parser.add_argument("peers", nargs="*", metavar="PEER", help=", ".join(PEERS))
    parser.add_argument("--shapes", default=",".join(SHAPES), help="separated by commas")
    parser.add_argument("--repeats", type=int, default=3, help="of each shape (default 3)")
    parser.add_argument("--cap", type=float, default=60, help="seconds a shape may take")
    parser.add_argument("--json", type=Path, help="where to write the JSON as well")
    told = parser.parse_args()
    told.shapes = told.shapes.split(",")
    for kind, names, known in (("peer", told.peers, PEERS), ("shape", told.shapes, SHAPES)):
        for name in names:
            if name not in known:
                parser.error(f"no {kind} {name!r}; there are {', '.join(known)}")
    return told


if __name__ == "__main__":
    main()
