"""`sark test`: the tests that authors write for their workflows, with no server."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from engine.cli.output import Exit, coloured, inert, word
from engine.core.values import Json
from engine.errors import Invalid

if TYPE_CHECKING:
    from engine.cli.folder import Given
    from engine.core.diagnostic import Diagnostic
    from engine.core.plan import Plan
    from engine.core.trial.coverage import Coverage
    from engine.core.trial.suite import Result, Written


@dataclass(frozen=True, slots=True)
class _Told:
    """A test with what became of it, and how many seconds that took."""

    name: str
    workflow: str
    result: "Result"
    seconds: float


@click.command(name="test")
@click.argument("paths", nargs=-1, metavar="PATH...")
@click.option("--filter", "wanted", metavar="TEXT", help="Only tests whose name holds this text.")
@click.option(
    "--format", "format_", type=click.Choice(["text", "json", "junit"]), default="text",
    show_default=True,
)  # fmt: skip
@click.option("--timeline", is_flag=True, help="Show the steps of tests that pass, too.")
def test(paths: tuple[str, ...], wanted: str | None, format_: str, timeline: bool) -> None:
    """Try out the WorkflowTests at PATH (files or folders) on a clock of their own.

    Exit code 0: all pass. 1: one fails, or a spec has an error. 2: the command itself was wrong.
    """
    from engine.cli.folder import read
    from engine.core.trial.suite import uncovered

    given = read(paths or (".",))
    plans, tests = _compiled(given), list(_written(given, wanted or ""))
    coverages: dict[str, Coverage] = {}
    told = [_tried(each, plans[each.test.workflow], coverages) for each in tests]
    short = [] if wanted else uncovered(tests, coverages)
    match format_:
        case "json":
            click.echo(inert(_as_json(told, coverages, short)))
        case "junit":
            click.echo(_as_junit(told))
        case _:
            _print(told, coverages, short, given.shown(), timeline)
    if not told:
        click.echo("sark: there is no WorkflowTest here", err=True)
    failed = bool(short) or not all(each.result.has_passed for each in told)
    sys.exit(Exit.FAILED if failed else Exit.OK)


def _compiled(given: "Given") -> Mapping[str, "Plan"]:
    """Return the plans by name; raise Invalid, with the findings shown, if there are none."""
    from engine.cli.specs import compile_given
    from engine.core import rendering
    from engine.core.diagnostic import has_errors

    compiled, found = compile_given(given)
    if has_errors(found):
        click.echo(rendering.as_text(found, given.shown(), coloured()), nl=False, err=True)
        raise Invalid("specs with errors cannot be tried out")
    return compiled.plans


def _written(given: "Given", wanted: str) -> Iterator["Written"]:
    from engine.core import spec
    from engine.core.compiler import survey
    from engine.core.trial.suite import Written

    for name, data in given.texts.items():
        if b"WorkflowTest" not in data:
            continue
        for part in survey(name, data).parts:
            if isinstance(part.model, spec.WorkflowTest) and wanted in part.model.name:
                yield Written(part.document, part.model)


def _tried(written: "Written", plan: "Plan", coverages: dict[str, "Coverage"]) -> _Told:
    from engine.core.trial.coverage import Coverage
    from engine.core.trial.suite import judge

    coverage = coverages.setdefault(plan.name, Coverage.of(plan))
    began = time.perf_counter()
    result = judge(written, plan, coverage)
    return _Told(written.test.name, plan.name, result, time.perf_counter() - began)


def _print(
    told: Sequence[_Told], coverages: Mapping[str, "Coverage"], short: Sequence["Diagnostic"],
    texts: Mapping[str, str], timeline: bool,
) -> None:  # fmt: skip
    from engine.core import rendering

    for each in told:
        mark = word("succeeded") if each.result.has_passed else word("failed")
        click.echo(f"{mark}  {each.workflow}  {each.name}  {each.seconds * 1000:.1f} ms")
        if each.result.findings:
            click.echo(rendering.as_text(each.result.findings, texts, coloured()), nl=False)
        if (timeline or each.result.findings) and each.result.trial is not None:
            click.echo("\n".join(_timeline(each)))
    if short:
        click.echo(rendering.as_text(short, texts, coloured()), nl=False)
    passed = sum(each.result.has_passed for each in told)
    spent = sum(each.seconds for each in told)
    click.echo(f"{passed} of {len(told)} tests passed in {spent * 1000:.0f} ms", err=True)
    for name, coverage in sorted(coverages.items()):
        click.echo(f"{name}: {coverage.part:.0%} of its edges", err=True)


def _timeline(told: _Told) -> Iterator[str]:
    """Yield what happened beside what was expected, step by step in the order of the ends."""
    trial = told.result.trial
    assert trial is not None
    expected = told.result.written.test.expect.steps
    steps = sorted(trial.run.steps.values(), key=lambda each: (each.ended == 0, each.ended))
    width = max((len(each.path) for each in steps), default=0)
    yield "  what happened"
    for each in steps:
        after = "" if each.ended_at is None else f"+{each.ended_at - trial.run.started_at}"
        state = each.state.value + (f" ({each.reason})" if each.reason else "")
        wanted = expected.get(each.path)
        state_wanted = wanted if isinstance(wanted, str) or wanted is None else wanted.state
        beside = f"  expected {state_wanted}" if state_wanted not in (None, each.state) else ""
        yield f"    {each.path:{width}}  {after:>18}  {state}{beside}".rstrip()


def _as_json(
    told: Sequence[_Told], coverages: Mapping[str, "Coverage"], short: Sequence["Diagnostic"]
) -> str:
    import json

    body: dict[str, Json] = {
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
            name: {"edges": round(each.part, 4), "missing": list(each.missing)}
            for name, each in sorted(coverages.items())
        },
        "findings": [_finding(found) for found in short],
    }
    return json.dumps(body, indent=2)


def _finding(found: "Diagnostic") -> dict[str, Json]:
    return {
        "code": found.code,
        "message": found.message,
        "file": found.span.file,
        "line": found.span.line,
        "column": found.span.column,
    }


def _as_junit(told: Sequence[_Told]) -> str:
    """Return the results as JUnit XML, the form that CI services read."""
    from xml.sax.saxutils import escape, quoteattr  # nosec B406 - it writes, and reads nothing

    failed = sum(not each.result.has_passed for each in told)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines.append(f'<testsuites tests="{len(told)}" failures="{failed}">')
    lines.append(f'  <testsuite name="sark" tests="{len(told)}" failures="{failed}">')
    for each in told:
        file = each.result.written.document.file
        head = f"name={quoteattr(each.name)} classname={quoteattr(each.workflow)}"
        lines.append(f'    <testcase {head} file={quoteattr(file)} time="{each.seconds:.6f}">')
        for found in each.result.findings:
            place = f"{found.span.file}:{found.span.line}:{found.span.column}"
            message = quoteattr(found.message)
            text = escape(f"{place} {found.code}: {found.message}")
            lines.append(f"      <failure message={message}>{text}</failure>")
        lines.append("    </testcase>")
    return "\n".join([*lines, "  </testsuite>", "</testsuites>"])
