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

_INTERRUPTED = "it was interrupted before its figures were in"
SHAPES = ("flow40", "fan1000", "runs1000", "latency")


def main() -> None:
    """Measure each peer beside SARK; a peer that is not to be had is told, and is no failure.

    What is interrupted tells what it has measured by then, and exits with 130.
    """
    asked = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what was started is stopped
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    began = time.monotonic()
    rows: list[Row] = []
    absent = dict.fromkeys(asked.peers or PEERS, _INTERRUPTED)
    try:
        for name in list(absent):
            _try(name, asked, rows, absent)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    minutes = round((time.monotonic() - began) / 60, 1)
    print("", report(rows, absent), f"{minutes} minutes, {os.cpu_count()} cores", sep="\n\n")
    versions = {"sark": environment.own_versions()}
    versions |= {str(row["peer"]): _versions(str(row["peer"])) for row in rows}
    told = {"cores": os.cpu_count(), "versions": versions, "absent": absent, "rows": rows}
    print("", json.dumps(told), sep="\n", flush=True)
    if asked.json:
        asked.json.write_text(json.dumps(told))
    if _INTERRUPTED in absent.values():
        sys.exit(130)


def _try(name: str, asked: argparse.Namespace, rows: list[Row], absent: dict[str, str]) -> None:
    """Add the rows of a peer, or why there are none."""
    try:
        rows += _beside(name, asked)
        del absent[name]
    except environment.Absent as why:
        absent[name] = str(why)
        print(f"{name} is not measured: {why}", flush=True)
    except Exception as error:
        traceback.print_exc()
        absent[name] = f"it failed, {error!r}"


def _beside(name: str, asked: argparse.Namespace) -> Sequence[Row]:
    """Measure SARK, and a peer right after it."""
    python = environment.ready(name, PEERS[name].node)
    print(f"{name}: SARK first", file=sys.stderr, flush=True)
    try:
        ours = driving.sark(asked.shapes, asked.repeats)
    except Exception as error:
        raise RuntimeError(f"SARK beside it could not be measured: {error!r}") from error
    with tempfile.TemporaryDirectory(
        prefix="sark-bench-", dir="/tmp", ignore_cleanup_errors=True
    ) as folder:
        theirs = driving.drive(name, python, Path(folder), asked.shapes, asked.repeats, asked.cap)
    rows = compare(name, theirs, ours)
    for row in rows:
        print("  ".join(f"{key}={value}" for key, value in row.items()), flush=True)
    return rows


def _versions(name: str) -> str:
    return environment.versions(name, PEERS[name].node)


def report(rows: Sequence[Row], absent: dict[str, str]) -> str:
    """Return the table, shape by shape, and what each engine does for a task."""
    order = {name: number for number, name in enumerate((*SHAPES, "cold_start"))}
    lines = sorted(rows, key=lambda row: order[str(row["shape"]).partition("/")[0]])
    told = [f"- SARK {SARK}. Here: {environment.own_versions()}."]
    for name in dict.fromkeys(str(row["peer"]) for row in rows):
        peer = PEERS[name]
        told.append(
            f"- {name} {peer.does}. Not: {peer.lacks}. Here: {_versions(name)}; {peer.setting}."
        )
    told += [f"- {name} is not measured: {why}." for name, why in absent.items()]
    return "\n\n".join(part for part in (table(lines, COLUMNS), "\n".join(told)) if part)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers")
    parser.add_argument("peers", nargs="*", metavar="PEER", help=", ".join(PEERS))
    parser.add_argument("--shapes", default=",".join(SHAPES), help="separated by commas")
    parser.add_argument("--repeats", type=int, default=3, help="of each shape (default 3)")
    parser.add_argument("--cap", type=float, default=60, help="seconds a shape may take")
    parser.add_argument("--json", type=Path, help="where to write the JSON as well")
    asked = parser.parse_args()
    asked.shapes = asked.shapes.split(",")
    for kind, names, known in (("peer", asked.peers, PEERS), ("shape", asked.shapes, SHAPES)):
        for name in names:
            if name not in known:
                parser.error(f"no {kind} {name!r}; there are {', '.join(known)}")
    if asked.repeats < 1 or asked.cap <= 0:
        parser.error("--repeats is 1 or more, and --cap more than 0")
    return asked


if __name__ == "__main__":
    main()
