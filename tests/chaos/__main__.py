"""`python -m tests.chaos --seed N --seconds S --runs R --kills K`: a storm, and what it has cost.

Runs are started at a rate while whatever there is is killed, frozen, drained, wiped and restarted,
by a schedule that the seed draws. Then all is left alone until every run has ended, and it is
proved that nothing was lost. Ends with 1 if anything was.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos import leftover, load, storm
from tests.chaos.house import House
from tests.chaos.load import Load
from tests.chaos.proof import Check, Proof
from tests.chaos.service import serving
from tests.chaos.storm import Storm
from tests.stories.invariants import read

# So long may nothing at all happen before what has not ended is called stuck.
_STAGNATION = 180.0
_SWEPT = 180.0
_SHOWN = 5


@dataclass
class Report:
    """What came of a storm: what was proved, and what was counted beside."""

    seed: str
    checks: list[Check] = field(default_factory=list)
    figures: dict[str, object] = field(default_factory=dict)
    journals: dict[str, list[str]] = field(default_factory=dict)

    @property
    def has_passed(self) -> bool:
        return not any(check.broken for check in self.checks)

    def table(self) -> str:
        """Return it for people."""
        width = max(len(check.name) for check in self.checks)
        lines = [f"{'FAIL' if check.broken else 'ok':4}  {check.name:{width}}  {check.figure}"
                 for check in self.checks]  # fmt: skip
        lines += [f"      {name:{width}}  {value}" for name, value in self.figures.items()]
        for check in self.checks:
            for run, words in check.broken[:_SHOWN]:
                lines += ["", f"{check.name}: {run} {words}", *self.journals.get(run, ())]
        return "\n".join(lines)

    def json(self) -> str:
        """Return it for programs."""
        checks = [{"name": each.name, "figure": each.figure, "broken": list(each.broken)}
                  for each in self.checks]  # fmt: skip
        told = {"seed": self.seed, "passed": self.has_passed, "checks": checks, **self.figures}
        return json.dumps(told)


def blow(seed: str, seconds: float, runs: int, kills: int) -> Report:
    """Let a storm blow over a load, and return what came of it."""
    specs = (Path(__file__).parent / "workflows.yaml").read_text()
    with serving() as (service, port):
        text = specs.replace("SERVICE", f"http://127.0.0.1:{port}")
        with House({"workflows.yaml": text}, port) as house:
            orders = load.draw(seed, runs, seconds)
            clients, wind = Load(house.ports, house.token, orders), Storm(house)
            began = time.monotonic()
            clients.begin()
            _say(f"it blows over {house.folder}")
            wind.blow(storm.draw(seed, seconds, kills))
            blown = time.monotonic()
            _say(f"all is up and left alone after {blown - began:.0f} s")
            left = clients.wait(seconds + _STAGNATION)
            _say(f"{left} answers are still to come")
            unended = _await_ended(house)
            ended = time.monotonic()
            _say(f"{len(unended)} runs have not ended after {ended - began:.0f} s")
            wind.restart("server")
            wind.restart("controller")
            house.await_ready()
            leftover.await_swept(house, _SWEPT)
            wind.drain("worker")
            proof = Proof(asyncio.run(read(house.database_url)), unended, orders, service)
            report = Report(seed, [*proof.checks(), *leftover.checks(house)])
            report.checks += [
                Check("clients that were never answered", left, [("", str(left))] * bool(left)),
                _told("answers that nobody should get", clients.strange),
                _told("processes that ended as they should not", wind.wrong),
            ]
            report.figures = {
                "faults": sum(wind.made.values()), "made": dict(wind.made),
                "met_nobody": dict(wind.missed), "seconds": round(ended - began),
                "seconds_until_all_had_ended": round(ended - blown),
                "answers": dict(clients.answers), "unanswered": clients.unanswered,
                **proof.figures(),
            }  # fmt: skip
            _tell_journals(house, report)
    return report


def _say(words: str) -> None:
    print(f"chaos: {words}", file=sys.stderr, flush=True)


def _told(name: str, words: list[str]) -> Check:
    return Check(name, len(words), [("", each) for each in words])


def _await_ended(house: House) -> list[tuple[str, str]]:
    """Wait until every run has ended, or nothing happens any more; return those that have not."""
    last, since = None, time.monotonic()
    while True:
        going = house.rows("SELECT id, status, workflow, owner, due_at::text, unheard FROM runs"
                           " WHERE ended_at IS NULL")  # fmt: skip
        if not going:
            return []
        state = (len(going), house.rows("SELECT count(*) FROM journal")[0][0])
        if state != last:
            last, since = state, time.monotonic()
        if time.monotonic() - since > _STAGNATION:
            return [(str(row[0]), f"has not ended: {row[1:]}") for row in going]
        time.sleep(0.3)


def _tell_journals(house: House, report: Report) -> None:
    """Add the row and the journal of every run that is shown."""
    for check in report.checks:
        for run, _ in check.broken[:_SHOWN]:
            rows = house.rows("SELECT row_to_json(runs)::text FROM runs WHERE id::text = %s", run)
            rows += house.rows(
                "SELECT concat_ws(' ', seq, at, kind, path, attempt, left(data::text, 300))"
                "  FROM journal WHERE run_id::text = %s ORDER BY seq", run,
            )  # fmt: skip
            report.journals[run] = [row[0] for row in rows]


def main() -> int:
    """Blow as the command line says; return 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", default=os.urandom(4).hex())
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--runs", type=int, default=600)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--schedule", action="store_true", help="print the faults and make none")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    told = parser.parse_args()
    if told.schedule:
        for fault in storm.draw(told.seed, told.seconds, told.kills):
            print(f"{fault.at:8.2f} s  {fault.what} {fault.number}  for {fault.span:.2f} s")
        return 0
    _say(f"seed {told.seed}, {told.seconds:g} s, {told.runs} runs, {told.kills} kills")
    report = blow(told.seed, told.seconds, told.runs, told.kills)
    print(report.json() if told.json else report.table())
    return 0 if report.has_passed else 1


if __name__ == "__main__":
    sys.exit(main())
