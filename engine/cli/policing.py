"""The tests that authors write for their policies, each tried out; what failed as findings."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from engine import rulings
from engine.core import change, spec
from engine.core.change import Change
from engine.core.commit import Companions
from engine.core.diagnostic import Diagnostic, Severity, has_errors
from engine.core.document import Document
from engine.core.facts import Catalogue, Operations
from engine.core.frozen import frozen
from engine.core.plan import Plan
from engine.core.review import Effect, Pull, Ruling, Rulings, owners
from engine.core.review.facts import UNKNOWN, Facts, Whose
from engine.core.trial.problem import Path, Problem
from engine.core.wording import listed, meant
from engine.rulings import Case
from engine.source import File, compile_files

_CODE = "policy-test"
_MOST_FACTS = 60
_EFFECTS: Mapping[str, Effect] = {
    "allow": Effect.ALLOW, "warn": Effect.WARN, "approval": Effect.APPROVAL, "deny": Effect.DENY,
}  # fmt: skip


@frozen
class Written:
    """A test as it stands in a file."""

    document: Document
    test: spec.PolicyTest


@frozen
class Result:
    """What became of a test: `findings` say what failed, `facts` what policies were told."""

    written: Written
    findings: tuple[Diagnostic, ...]
    rulings: Rulings = field(default_factory=Rulings)
    facts: tuple[Facts, ...] = ()

    @property
    def has_passed(self) -> bool:
        """True if nothing is wrong."""
        return not has_errors(self.findings)

    def lines(self) -> Iterator[str]:
        """Yield what policies were told, without what says nothing, and what they said."""
        for each in self.facts:
            yield f"  facts of {each.get('name', 'the whole change')}"
            told = [(key, value) for key, value in each.items() if value not in ("", 0, [], False)]
            width = max((len(key) for key, _ in told), default=0)
            for key, value in told[:_MOST_FACTS]:
                yield f"    {key:{width}}  {json.dumps(value, ensure_ascii=False)}"
        for ruling in self.rulings.rulings:
            yield f"  said: {said(ruling)}"


@dataclass(slots=True)
class Policies:
    """The policies of a root as far as their tests have come; `spoken` are rules that spoke.

    `beside` reads the files that specs and tests name.
    """

    sources: Mapping[str, bytes]
    operations: Operations
    beside: Companions
    spoken: set[str] = field(default_factory=set)
    rules: tuple[str, ...] = ()

    def judge(self, written: Written) -> Result:
        """Try out one test."""
        try:
            before, after = (self._plans(written.test, word) for word in ("before", "after"))
        except _Unfit as error:
            return Result(written, (_finding(written, error.problem),))
        case = self._case(written.test, before, after)
        told = rulings.judged(case, self.sources)
        self.rules = told.rules
        self.spoken |= {each.rule for each in told.rulings}
        found = tuple(_finding(written, each) for each in _unmet(written.test, told))
        return Result(written, found, told, (*case.each(), case.whole()))

    @property
    def silent(self) -> list[str]:
        """Return the rules that no test has made speak."""
        return [each for each in self.rules if each not in self.spoken]

    def _case(
        self, test: spec.PolicyTest, before: Mapping[str, Plan], after: Mapping[str, Plan]
    ) -> Case:
        catalogue, given = Catalogue(self.operations), test.pull
        pull = None if given is None else Pull(given.author, tuple(given.teams), given.fork)
        changes = change.compare(before, after, catalogue)
        told = changes, catalogue, test.namespace, test.environment, pull, test.policies
        return Case(*told, _whose(test, changes))

    def _plans(self, test: spec.PolicyTest, word: str) -> dict[str, Plan]:
        """Return what the specs before or after compile to; raise _Unfit if they do not."""
        given = getattr(test, word)
        path: Path = (word,)
        if isinstance(given, spec.SpecFile):
            name, path = given.file, (word, "file")
            data = self.beside.read(name)
            if data is None:
                raise _Unfit(Problem("missing-file", path, f"there is no file {name!r}"))
        else:
            name, data = f"{word}.yaml", given.encode()
        if not data.strip():
            return {}
        compiled = compile_files(
            [File(name, "", data)], self.operations, environment=test.environment,
            beside=self.beside,
        )  # fmt: skip
        errors = [each for each in compiled.diagnostics if each.severity is Severity.ERROR]
        if errors:
            place = f"line {errors[0].span.line}: {errors[0].message}"
            message = f"`{word}` does not compile; {place}"
            raise _Unfit(Problem(_CODE, path, message, errors[0].hint))
        return compiled.plans


def _whose(test: spec.PolicyTest, changes: Sequence[Change]) -> Whose:
    if not test.code_owners:
        return UNKNOWN
    known = owners.read(owners.PLACES[0], test.code_owners.encode())
    ends = (end for each in changes for end in (each.old, each.new) if end is not None)
    return Whose(known, owners.touched(known, {*(each.file for each in ends), *test.policies}))


class _Unfit(Exception):
    """A test has no specs that can be compared."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def _unmet(test: spec.PolicyTest, told: Rulings) -> Iterator[Problem]:
    """Yield what is expected and was not said, then what was said and is not expected."""
    for index, each in enumerate(test.expect):
        path: Path = ("expect", index)
        if each.rule not in told.rules:
            hint = meant(each.rule, told.rules, f"there are {listed(told.rules)}")
            yield Problem(_CODE, (*path, "rule"), f"no rule is called {each.rule}", hint)
        elif not any(_fits(each, ruling) for ruling in told.rulings):
            words = [said(ruling) for ruling in told.rulings if ruling.rule == each.rule]
            hint = f"it said: {'; '.join(words)}" if words else "it said nothing"
            yield Problem(_CODE, path, f"{each.rule} did not say what is expected", hint)
    for ruling in told.rulings:
        if not any(_fits(each, ruling) for each in test.expect):
            yield Problem(_CODE, ("expect",), f"nobody expected: {said(ruling)}", key=True)


def _fits(expected: spec.ExpectedRuling, ruling: Ruling) -> bool:
    return (
        (expected.rule, _EFFECTS[expected.effect]) == (ruling.rule, ruling.effect)
        and expected.about in (None, ruling.workflow)
        and (not expected.whole or not ruling.workflow)
        and expected.team in (None, ruling.team)
        and expected.line in (None, ruling.line)
        and (expected.reason or "") in ruling.reason
    )


def said(ruling: Ruling) -> str:
    """Return a ruling as a person reads it: `pay: deny by owned: has no owner`."""
    team = f" from {ruling.team}" if ruling.team else ""
    line = f" (line {ruling.line})" if ruling.line else ""
    what = ruling.workflow or "the whole change"
    return f"{what}: {ruling.effect}{team} by {ruling.rule}: {ruling.reason}{line}"


def _finding(written: Written, told: Problem) -> Diagnostic:
    span = written.document.span(told.path, key=told.key)
    return Diagnostic(told.code, told.message, span, told.severity, told.hint)
