"""All tests of a commit: each tried out, what failed as findings, and how much was gone through."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.core import spec
from engine.core.diagnostic import Diagnostic
from engine.core.document import Document
from engine.core.plan import Plan
from engine.core.trial.coverage import Coverage
from engine.core.trial.expectation import mismatches
from engine.core.trial.script import check_paths, paths
from engine.core.trial.simulation import Trial, Unstartable, simulate
from engine.core.wording import meant


@dataclass(frozen=True, slots=True)
class Written:
    """A test as it stands in a file."""

    document: Document
    test: spec.WorkflowTest


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a test: `findings` say what failed. There is no trial if nothing started."""

    written: Written
    findings: tuple[Diagnostic, ...]
    trial: Trial | None

    @property
    def has_passed(self) -> bool:
        return not self.findings


def judge(written: Written, plan: Plan, coverage: Coverage) -> Result:
    """Try out one test; `coverage` of its workflow grows by it."""
    test = written.test
    unknown = [_unknown(written, plan, path, name) for path, name in check_paths(plan, test)]
    if unknown:
        return Result(written, tuple(unknown), None)
    try:
        trial = simulate(plan, test)
    except Unstartable as error:
        finding = _finding(written, "test-unstarted", str(error), ("given",))
        return Result(written, (finding,), None)
    coverage.add(trial.run)
    found = [_unanswered(written, path) for path in dict.fromkeys(trial.unanswered)]
    found += [
        _finding(written, "test-failed", each.message, each.path)
        for each in mismatches(test, trial)
    ]
    return Result(written, tuple(found), trial)


def uncovered(tests: Iterable[Written], coverages: Mapping[str, Coverage]) -> list[Diagnostic]:
    """Return a finding for each test whose workflow is gone through less than it asks for."""
    found = []
    for written in tests:
        asked = written.test.coverage
        coverage = coverages.get(written.test.workflow)
        if asked is None or coverage is None or coverage.part >= asked.edges:
            continue
        missing = ", ".join(coverage.missing[:5])
        message = (
            f"the tests of {written.test.workflow} go through {coverage.part:.0%} of its edges, "
            f"not {asked.edges:.0%}; missing: {missing}"
        )
        found.append(_finding(written, "test-coverage", message, ("coverage", "edges")))
    return found


def _unknown(written: Written, plan: Plan, path: tuple[str | int, ...], name: str) -> Diagnostic:
    message = f'{plan.name} has no step "{name}"'
    span = written.document.span(path, key=True)
    return Diagnostic("test-step", message, span, hint=meant(name, paths(plan)))


def _unanswered(written: Written, path: str) -> Diagnostic:
    message = f"step {path} was reached, and the test does not say what it gives"
    span = written.document.span(("mock",), key=True)
    return Diagnostic(
        "test-unanswered", message, span, hint=f"add `{path}: {{outputs: ...}}` to `mock`"
    )


def _finding(written: Written, code: str, message: str, path: tuple[str | int, ...]) -> Diagnostic:
    return Diagnostic(code, message, written.document.span(path))
