"""What `sark test` says of tests: text for people, JSON and JUnit XML for programs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr  # nosec B406 - it writes, and reads nothing

import click

from engine.cli.output import as_json, coloured, plain, word
from engine.cli.policing import Policies
from engine.cli.policing import Result as Policed
from engine.core import rendering, spec
from engine.core.diagnostic import Diagnostic, Severity
from engine.core.frozen import frozen
from engine.core.spec.workflow_test import ExpectedStep
from engine.core.trial.expectation import named
from engine.core.trial.path import parts, vagueness
from engine.core.values import Json, format_duration

if TYPE_CHECKING:
    from engine.core.run import StepRun
    from engine.core.trial import Coverage, Result, Trial

POLICIES = "policies"
"""What is tested by a `PolicyTest`, where others name a workflow."""
_MOST_MISSING = 20


@frozen
class Told:
    """What became of a test of a workflow or of policies, and how many seconds that took."""

    result: "Result | Policed"
    seconds: float

    @property
    def name(self) -> str:
        return self.result.written.test.name

    @property
    def workflow(self) -> str:
        """The workflow that is tested, or the word for what is not one."""
        test = self.result.written.test
        return test.workflow if isinstance(test, spec.WorkflowTest) else POLICIES

    def lines(self) -> Iterator[str]:
        """Yield what happened beside what was expected."""
        result = self.result
        return result.lines() if isinstance(result, Policed) else _timeline(result)


def print_text(
    told: Sequence[Told], coverages: Mapping[str, "Coverage"], short: Sequence[Diagnostic],
    texts: Mapping[str, str], policies: Policies | None, *, timeline: bool,
) -> None:  # fmt: skip
    """Print a line for each test, and for one that fails what was expected and what happened."""
    for each in told:
        mark = word("succeeded" if each.result.has_passed else "failed")
        click.echo(f"{mark}  {each.workflow}  {each.name}  {each.seconds * 1000:.1f} ms")
        if each.result.findings:
            click.echo(rendering.as_text(each.result.findings, texts, coloured()), nl=False)
        if timeline or not each.result.has_passed:
            click.echo("".join(f"{plain(line)}\n" for line in each.lines()), nl=False)
    if short:
        click.echo(rendering.as_text(short, texts, coloured()), nl=False)
    passed = sum(each.result.has_passed for each in told)
    spent = sum(each.seconds for each in told)
    click.echo(f"{passed} of {len(told)} tests passed in {spent * 1000:.0f} ms", err=True)
    for line in (*_covered(coverages), *_spoken(policies)):
        click.echo(line, err=True)


def print_json(
    told: Sequence[Told], coverages: Mapping[str, "Coverage"], short: Sequence[Diagnostic],
    policies: Policies | None,
) -> None:  # fmt: skip
    """Print each test with its findings, and the edges and the rules that no test goes through."""
    as_json(
        {
            "tests": [
                {
                    "name": each.name,
                    "workflow": each.workflow,
                    "passed": each.result.has_passed,
                    "seconds": round(each.seconds, 6),
                    "findings": [_finding(found) for found in each.result.findings],
                }
                for each in told
            ],
            "coverage": {
                name: {
                    "part": round(each.part, 4),
                    "edges": len(each.edges),
                    "missing": each.missing,
                }
                for name, each in sorted(coverages.items())
            },
            "rules": None
            if policies is None
            else {"all": list(policies.rules), "silent": policies.silent},
            "findings": [_finding(found) for found in short],
        }
    )


def print_junit(told: Iterable[Told], short: Sequence[Diagnostic]) -> None:
    """Print JUnit XML, as CI services read it: a suite for each workflow.

    The form is that of the schema of the xUnit plugin of Jenkins, `junit-10.xsd`.
    """
    suites = []
    cases = failures = 0
    by_workflow = sorted(told, key=lambda each: each.workflow)
    for name, group in groupby(by_workflow, key=lambda each: each.workflow):
        listed = list(group)
        failed = sum(not each.result.has_passed for each in listed)
        cases, failures = cases + len(listed), failures + failed
        seconds = sum(each.seconds for each in listed)
        head = f'name={_attribute(name)} tests="{len(listed)}" failures="{failed}" errors="0"'
        suites.append(f'  <testsuite {head} time="{seconds:.6f}">')
        suites += [line for each in listed for line in _case(each)]
        suites.append("  </testsuite>")
    if short:
        cases, failures = cases + len(short), failures + len(short)
        suites += _coverage_suite(short)
    click.echo('<?xml version="1.0" encoding="UTF-8"?>')
    click.echo(f'<testsuites name="sark test" tests="{cases}" failures="{failures}">')
    click.echo("\n".join([*suites, "</testsuites>"]))


def _timeline(result: "Result") -> Iterator[str]:
    """Yield what happened beside what was expected, in the order in which the steps ended."""
    trial, wanted = result.trial, result.written.test.expect.steps
    if trial is None:
        return
    expected: dict[str, str] = {}
    for name in sorted(wanted, key=lambda each: vagueness(parts(each)), reverse=True):
        one = wanted[name]
        wished = one.state if isinstance(one, ExpectedStep) else one
        found = [each.path for each in named(name, trial)] or [name]
        expected |= dict.fromkeys(found, str(wished)) if wished else {}
    rows = [*_rows(trial, expected)]
    rows += [("", name, "never reached", state) for name, state in expected.items()
             if name not in trial.run.steps]  # fmt: skip
    heads = ("  at", "step", "what happened", "expected")
    widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(3)]
    for at, path, told, state in [heads, *rows]:
        line = f"{at:{widths[0]}}  {path:{widths[1]}}  {told:{widths[2]}}  {state}"
        yield (
            click.style(line.rstrip(), bold=True)
            if at == heads[0] and coloured()
            else (line.rstrip())
        )


def _rows(
    trial: "Trial", expected: Mapping[str, str]
) -> Iterator[tuple[str, str, str, str]]:  # fmt: skip
    steps = sorted(trial.run.steps.values(), key=lambda each: (not each.ended, each.ended))
    for each in steps:
        state = expected.get(each.path, "")
        at = each.ended_at
        after = "" if at is None else f"  +{format_duration(at - trial.run.started_at)}"
        shown = f"{state} ✗" if state not in ("", each.state) else state
        yield after, plain(each.path), plain(_happened(each, trial)), shown


def _happened(step: "StepRun", trial: "Trial") -> str:
    told = step.state.value
    if step.reason:
        told += f" ({step.reason})"
    elif step.error is not None:
        told += f" ({step.error['type']})"
    if step.attempt > 1:
        told += f", {step.attempt} attempts"
    return f"{told}, no mock" if step.path in trial.assumed else told


def _covered(coverages: Mapping[str, "Coverage"]) -> Iterator[str]:
    for name, each in sorted(coverages.items()):
        count = f"{len(each.taken)} of {len(each.edges)}"
        yield f"{name}: {each.part:.0%} of its edges ({count})"
        missing = each.missing
        yield from (f"  not taken: {plain(edge)}" for edge in missing[:_MOST_MISSING])
        if len(missing) > _MOST_MISSING:
            yield f"  and {len(missing) - _MOST_MISSING} more; --json has them all"


def _spoken(policies: Policies | None) -> Iterator[str]:
    """Yield how many rules have spoken, and those that no test has made speak."""
    if policies is None or not policies.rules:
        return
    silent = policies.silent
    count = f"{len(policies.rules) - len(silent)} of {len(policies.rules)}"
    yield f"{POLICIES}: {count} rules have spoken"
    yield from (f"  never spoke: {each}" for each in silent[:_MOST_MISSING])
    if len(silent) > _MOST_MISSING:
        yield f"  and {len(silent) - _MOST_MISSING} more; --json has them all"


def _case(told: Told) -> Iterator[str]:
    head = f"name={_attribute(told.name)} classname={_attribute(told.workflow)}"
    yield f'    <testcase {head} time="{told.seconds:.6f}">'
    errors = [each for each in told.result.findings if each.severity is Severity.ERROR]
    others = [each for each in told.result.findings if each.severity is not Severity.ERROR]
    yield from (f"      {_failure(each)}" for each in errors)
    talk = [_line(each) for each in others]
    talk += [] if told.result.has_passed else list(told.lines())
    if talk:
        yield f"      <system-out>{_text(chr(10).join(talk))}</system-out>"
    yield "    </testcase>"


def _coverage_suite(short: Sequence[Diagnostic]) -> Iterator[str]:
    count = len(short)
    yield f'  <testsuite name="coverage" tests="{count}" failures="{count}" errors="0" time="0">'
    for each in short:
        name = _attribute(f"{each.span.file}:{each.span.line}")
        yield f'    <testcase name={name} classname="coverage" time="0">'
        yield f"      {_failure(each)}"
        yield "    </testcase>"
    yield "  </testsuite>"


def _failure(found: Diagnostic) -> str:
    about = f"message={_attribute(found.message)} type={_attribute(found.code)}"
    return f"<failure {about}>{_text(_line(found))}</failure>"


def _line(found: Diagnostic) -> str:
    place = f"{found.span.file}:{found.span.line}:{found.span.column}"
    hint = f" ({found.hint})" if found.hint else ""
    return f"{place}: {found.severity}[{found.code}]: {found.message}{hint}"


def _attribute(text: str) -> str:
    return quoteattr(plain(text))


def _text(text: str) -> str:
    """Return lines as XML, which has no place for control characters."""
    return escape("\n".join(plain(line) for line in text.split("\n")))


def _finding(found: Diagnostic) -> dict[str, Json]:
    return {
        "code": found.code,
        "severity": found.severity.value,
        "message": found.message,
        "hint": found.hint,
        "file": found.span.file,
        "line": found.span.line,
        "column": found.span.column,
    }
