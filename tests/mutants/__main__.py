"""`python -m tests.mutants`: put every fault into every spec, and print what is caught.

`--class NAME` looks at one class; `--show-missed` prints the mutants that were not caught, or were
caught at a wrong place; `--list` prints what the classes are.
"""

import argparse
import sys
from collections.abc import Iterable

from tests.mutants.corpus import Corpus, Verdict
from tests.mutants.fault import Fault
from tests.mutants.faults import FAULTS

_ROW = "{:<26} {:>8} {:>8} {:>8} {:>8}"


def main() -> int:
    """Print the table; return 1 if a class is below its floor or a valid spec has a finding."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--class", dest="only", choices=[each.name for each in FAULTS])
    parser.add_argument("--show-missed", action="store_true")
    parser.add_argument("--most", type=int, default=4, help="of a class and a spec; 0: all")
    parser.add_argument("--list", action="store_true")
    given = parser.parse_args()
    chosen = [each for each in FAULTS if given.only in (None, each.name)]
    if given.list:
        print("\n".join(f"{each.name}: {each.says} {each.missed}" for each in chosen))
        return 0
    corpus = Corpus()
    findings = [*corpus.as_written(), *corpus.findings()]
    print(_ROW.format("class", "mutants", "caught", "rate", "placed"))
    fine = [_tell(each, corpus, given) for each in chosen]
    totals = [sum(column) for column in zip(*(counts for _, counts in fine), strict=True)]
    print(_row(f"all {len(chosen)} classes", *totals))
    print(f"{len(corpus.specs)} valid specs with {len(findings)} findings")
    return 0 if all(good for good, _ in fine) and not findings else 1


def _tell(
    fault: Fault, corpus: Corpus, given: argparse.Namespace
) -> tuple[bool, tuple[int, int, int]]:
    verdicts = [corpus.judge(each) for each in corpus.mutants(fault, given.most)]
    caught, placed = sum(each.caught for each in verdicts), sum(each.placed for each in verdicts)
    print(_row(fault.name, len(verdicts), caught, placed), flush=True)
    if given.show_missed:
        _show(each for each in verdicts if not each.placed)
    return caught >= fault.floor * len(verdicts), (len(verdicts), caught, placed)


def _row(name: str, mutants: int, caught: int, placed: int) -> str:
    rate = 100 * caught / mutants if mutants else 0
    return _ROW.format(name, mutants, caught, f"{rate:.1f} %", placed)


def _show(missed: Iterable[Verdict]) -> None:
    for each in missed:
        line = each.mutant.change.line
        text = each.mutant.change.text.splitlines()[line - 1].strip()
        what = "misplaced" if each.caught else "missed"
        said = ", ".join(f"{code}:{at}" for code, _, at in each.found[:4]) or "nothing"
        print(f"  {what} {each.mutant.spec}:{line}: {text[:90]} -> {said}")


if __name__ == "__main__":
    sys.exit(main())
