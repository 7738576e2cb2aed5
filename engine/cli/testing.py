"""`sark test`: the tests that authors write for their workflows, with no server."""

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.garbage import uncollected
from engine.cli.options import as_json, environment
from engine.cli.output import Exit

if TYPE_CHECKING:
    from engine.cli import policing
    from engine.cli.folder import Given
    from engine.cli.policing import Policies
    from engine.cli.verdict import Told
    from engine.core.compiler import Survey
    from engine.core.trial import Fixture, Suite, Written

    Test = Written | policing.Written

_PROGRESS_EVERY = 0.1  # seconds


@click.command(name="test")
@click.argument("paths", nargs=-1, metavar="PATH...")
@click.option("--filter", "wanted", metavar="TEXT", help="Only tests whose name holds this text.")
@click.option(
    "--format", "format_", type=click.Choice(["text", "json", "junit"]), default="text",
    show_default=True,
)  # fmt: skip
@click.option("--timeline", is_flag=True, help="Show the steps of tests that pass, too.")
@environment
@as_json
@uncollected()
def test(
    paths: tuple[str, ...], wanted: str | None, format_: str, timeline: bool, environment: str,
    json_: bool,
) -> None:  # fmt: skip
    """Try out the WorkflowTests at PATH (files or folders) on a clock of their own.

    No adapter is called. A warning, such as of a mock that is not used, is no failure. PolicyTests
    say what the policies of the root answer to a change.

    Exit code 0: all pass. 1: one fails, a workflow is gone through less than a test asks for, a
    spec has an error, or no test is called TEXT. 2: the command itself was wrong.
    """
    from engine.cli import verdict
    from engine.cli.folder import read
    from engine.core.trial import Written

    given = read(paths or (".",))
    suite, policies, written = _suite(given, environment)
    tests = [each for each in written if (wanted or "") in each.test.name]
    told = list(_tried(suite, policies, tests))
    coverages = {} if wanted else suite.coverages
    short = [] if wanted else suite.uncovered(each for each in tests if isinstance(each, Written))
    rules = None if wanted or not policies.rules else policies
    match "json" if json_ else format_:
        case "json":
            verdict.print_json(told, coverages, short, rules)
        case "junit":
            verdict.print_junit(told, short)
        case _:
            verdict.print_text(told, coverages, short, given.shown(), rules, timeline=timeline)
    if not told:
        what = f"has {wanted!r} in its name" if wanted else "is here"
        click.echo(f"sark: no test {what}", err=True)
    failed = bool(short) or not all(each.result.has_passed for each in told)
    sys.exit(Exit.FAILED if failed or (wanted and not told) else Exit.OK)


def _suite(given: "Given", environment: str) -> "tuple[Suite, Policies, list[Test]]":
    """Return workflows and policies, ready to be tested, and the tests in the order of their files.

    Raise Invalid, with the errors shown, if a spec has one.
    """
    from engine.cli.folder import Beside
    from engine.cli.policies import below
    from engine.cli.policing import Policies
    from engine.cli.specs import compile_sound
    from engine.core.facts import Catalogue
    from engine.core.trial import Suite
    from engine.operations import catalogue

    tests: dict[str, list[Test]] = {}

    def observe(read: "Survey") -> None:
        tests[read.file] = list(_written(read))

    compiled = compile_sound(given, observe, environment)
    suite = Suite(compiled.plans, Catalogue(catalogue()), _fixture)
    policies = Policies(below(given.root), catalogue(), Beside(given.root))
    return suite, policies, [each for name in given.texts for each in tests[name]]


def _fixture(name: str) -> "Fixture | None":
    """Return what a run can tell of a file beside a test; None if it cannot be read."""
    import hashlib

    from engine.core.trial import Fixture

    path = Path(name)
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return Fixture(digest, file.tell())
    except OSError:
        return None


def _written(read: "Survey") -> Iterator["Test"]:
    from engine.cli import policing
    from engine.core import spec
    from engine.core.trial import Written

    for part in read.parts:
        if isinstance(part.model, spec.WorkflowTest):
            yield Written(part.document, part.model)
        elif isinstance(part.model, spec.PolicyTest):
            yield policing.Written(part.document, part.model)


def _tried(suite: "Suite", policies: "Policies", tests: Sequence["Test"]) -> Iterator["Told"]:
    """Yield what each test comes to; on a terminal, say meanwhile how many are done."""
    from engine.cli import policing
    from engine.cli.verdict import Told

    is_shown, shown_at = sys.stderr.isatty(), time.perf_counter()
    for number, written in enumerate(tests):
        began = time.perf_counter()
        if is_shown and began - shown_at > _PROGRESS_EVERY:
            shown_at = began
            click.echo(f"\r{number} of {len(tests)} tests", nl=False, err=True)
        if isinstance(written, policing.Written):
            yield Told(policies.judge(written), time.perf_counter() - began)
        else:
            yield Told(suite.judge(written), time.perf_counter() - began)
    if is_shown:
        click.echo("\r\x1b[K", nl=False, err=True)
