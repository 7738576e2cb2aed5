"""All tests of a commit: each tried out, what failed as findings, and how much was gone through."""

import posixpath
from collections.abc import Iterable, Iterator, Mapping

from engine.core import spec
from engine.core.diagnostic import Diagnostic, Severity, has_errors
from engine.core.document import Document
from engine.core.facts import Catalogue
from engine.core.frozen import frozen
from engine.core.plan import Plan
from engine.core.spec.workflow_test import Mock
from engine.core.trial.coverage import Coverage
from engine.core.trial.expectation import named, said, unmet
from engine.core.trial.fixture import Finds, Fixture
from engine.core.trial.mocking import unfit
from engine.core.trial.problem import Path, Problem
from engine.core.trial.script import Script
from engine.core.trial.simulation import Trial, simulate
from engine.core.trial.starting import Unstartable
from engine.core.trial.subject import Subject
from engine.core.wording import listed, meant

_MOST_MISSING = 5


@frozen
class Written:
    """A test as it stands in a file."""

    document: Document
    test: spec.WorkflowTest


@frozen
class Result:
    """What became of a test: `findings` say what failed. There is no trial if nothing started."""

    written: Written
    findings: tuple[Diagnostic, ...]
    trial: Trial | None

    @property
    def has_passed(self) -> bool:
        """True if nothing is wrong; a warning is no failure."""
        return not has_errors(self.findings)


class Suite:
    """The workflows of a commit as far as their tests have come: made ready once, coverage kept.

    `finds` tells of a file what a run can tell of it.
    """

    def __init__(self, plans: Mapping[str, Plan], operations: Catalogue, finds: Finds) -> None:
        self.coverages: dict[str, Coverage] = {}
        self.plans = plans
        self._operations = operations
        self._finds = finds
        self._subjects: dict[str, Subject] = {}

    def judge(self, written: Written) -> Result:
        """Try out one test of a workflow that is there; its coverage grows by it."""
        test = written.test
        subject = self._subject(test.workflow)
        wrong = [*_unknown(test, subject)]
        files: dict[str, Fixture] = {}
        wrong = wrong or [*unfit(test.mock, subject), *self._lost(written, files)]
        if wrong:
            return _result(written, wrong, None)
        try:
            trial = simulate(subject, test, script=Script(test.mock, files))
        except Unstartable as error:
            return _result(written, error.problems, None)
        self.coverages[test.workflow].add(trial.run, trial.scene.outline)
        told = [*_unanswered(trial), *unmet(test, trial), *_unused(test, trial)]
        return _result(written, told, trial)

    def uncovered(self, tests: Iterable[Written]) -> list[Diagnostic]:
        """Return a finding for each test whose workflow is gone through less than it asks for."""
        found = []
        for written in tests:
            asked, name = written.test.coverage, written.test.workflow
            coverage = self.coverages.get(name)
            if asked is None or coverage is None or coverage.part >= asked.edges:
                continue
            missing = coverage.missing
            more = len(missing) - _MOST_MISSING
            message = (
                f"the tests of {name} go through {coverage.part:.1%} of its edges, "
                f"not {asked.edges:.1%}; missing: {', '.join(missing[:_MOST_MISSING])}"
                + (f" and {more} more" if more > 0 else "")
            )
            told = Problem("test-coverage", ("coverage", "edges"), message)
            found.append(_finding(written, told))
        return found

    def _subject(self, name: str) -> Subject:
        if name not in self._subjects:
            subject = self._subjects[name] = Subject(self.plans[name], self._operations)
            self.coverages[name] = Coverage(subject.outline.edges)
        return self._subjects[name]

    def _lost(self, written: Written, files: dict[str, Fixture]) -> Iterator[Problem]:
        """Yield the files that a test names and that do not stand beside it; note the others."""
        folder = posixpath.dirname(written.document.file)
        for path, mock in _mocks(written.test):
            for name, file in mock.artifacts.items():
                found = self._finds(posixpath.join(folder, file))
                if found is None:
                    where = (*path, "artifacts", name)
                    yield Problem("test-file", where, f"there is no file {file} beside the test")
                else:
                    files[file] = found


def _mocks(test: spec.WorkflowTest) -> Iterator[tuple[Path, Mock]]:
    for name, told in test.mock.items():
        if isinstance(told, Mock):
            yield ("mock", name), told
        else:
            yield from ((("mock", name, index), each) for index, each in enumerate(told))


def _unknown(test: spec.WorkflowTest, subject: Subject) -> Iterator[Problem]:
    """Yield the places of a test that speak of steps which the plan has not."""
    told: list[tuple[Path, str]] = [(("mock", each), each) for each in test.mock]
    told += [(("expect", "steps", each), each) for each in test.expect.steps]
    told += [(("expect", "order", at), each) for at, each in enumerate(test.expect.order)]
    for path, name in told:
        if not subject.outline.find(name):
            message = f'{subject.plan.name} has no step "{name}"'
            known = dict.fromkeys(each.path for each in subject.outline.places)
            hint = meant(name, known, f"it has {listed(known)}")
            yield Problem("test-step", path, message, hint, key=True)


def _unanswered(trial: Trial) -> Iterator[Problem]:
    for path in trial.unanswered:
        message = f"the run came to {path}, and the test does not say what that gives"
        hint = f"add `{path}: {{outputs: ...}}` to `mock`"
        yield Problem("test-unanswered", ("mock",), message, hint, key=True)


def _unused(test: spec.WorkflowTest, trial: Trial) -> Iterator[Problem]:
    """Yield a warning for each mock, and each rest of a list, that no attempt came to."""
    for name, count in trial.script.unused().items():
        told = test.mock[name]
        path: Path = ("mock", name)
        if count and isinstance(told, list):
            message = f"unused mock: {name} was called {count} of {len(told)} times"
            path = (*path, count)
        else:
            steps = named(name, trial)
            message = f"unused mock: the run never called {name}"
            message += f"; it {said(steps[0])}" if steps else ""
        yield Problem("test-unused", path, message, key=True, severity=Severity.WARNING)


def _result(written: Written, told: Iterable[Problem], trial: Trial | None) -> Result:
    return Result(written, tuple(_finding(written, each) for each in told), trial)


def _finding(written: Written, told: Problem) -> Diagnostic:
    span = written.document.span(told.path, key=told.key)
    return Diagnostic(told.code, told.message, span, told.severity, told.hint)
