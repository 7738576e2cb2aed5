"""`python -m tests.fuzz {loader,expressions} --minutes 10`: fuzz, and print the figures."""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from tests.fuzz.drive import Figures, Target, fuzz
from tests.fuzz.expressions import Expressions
from tests.fuzz.loader import Loader

TARGETS: dict[str, type[Target[Any]]] = {"expressions": Expressions, "loader": Loader}


def main() -> int:
    """Fuzz as the command line says; return 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=None, help="default: another each time")
    parser.add_argument("--keep", type=Path, default=Path(".sark/fuzz"), help="folder for failures")
    given = parser.parse_args()
    seed = time.time_ns() % 1_000_000 if given.seed is None else given.seed
    print(f"fuzzing {given.target} for {given.minutes:g} minutes with seed {seed}", flush=True)
    folder = given.keep / given.target
    figures = fuzz(TARGETS[given.target](), given.minutes * 60, seed, folder, _tell)
    _tell(figures)
    for each in figures.failures:
        print(f"FAILED {each}")
    return 1 if figures.failures else 0


def _tell(figures: Figures) -> None:
    print(figures, flush=True)


if __name__ == "__main__":
    sys.exit(main())
