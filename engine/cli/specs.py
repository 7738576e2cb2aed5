"""`sark check`, `schema`, `explain`, `init`: what the files tell, with no server."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.folder import STDIN, Beside, Given, base_of, read
from engine.cli.garbage import Left, uncollected
from engine.cli.options import rooted
from engine.cli.output import Exit, coloured, inert
from engine.errors import Invalid, NotFound

if TYPE_CHECKING:
    from engine.core.compiler import Survey
    from engine.core.diagnostic import Diagnostic
    from engine.core.plan import Plan
    from engine.source import Compiled

_SCHEMA = "workflow.schema.json"


@click.command()
@click.argument("paths", nargs=-1, metavar="PATH...")
@click.option(
    "--format", "format_", type=click.Choice(["text", "json", "sarif", "github"]), default="text",
    show_default=True,
)  # fmt: skip
@click.option("--no-cache", is_flag=True, help="Neither use nor keep what was found out before.")
@click.option("--fix", is_flag=True, help="Put right what is a plain slip of the finger.")
@click.option("--diff", is_flag=True, help="Write nothing; print what --fix would change.")
@rooted
@uncollected()
def check(
    paths: tuple[str, ...], format_: str, no_cache: bool, fix: bool, diff: bool, root: str | None
) -> None:
    """Find every mistake in the specs at PATH (files or folders; - reads stdin).

    The policies of the root (policies/*.polar) are checked with a folder.

    A folder is the root of the files that its specs name; the root of a file is its repository,
    unless --root says otherwise.

    Exit code 0: none. 1: at least one error. 2: the command itself was wrong.
    """
    from engine.core import rendering
    from engine.core.diagnostic import has_errors

    paths = paths or (".",)
    given, found, count = _checked(paths, root, is_cached=not no_cache, reads=fix or diff)
    if given is not None and (fix or diff):
        given, found = _fixed(given, found, writes=not diff)
    match format_:
        case "json":
            click.echo(inert(rendering.as_json(found, count)))
        case "sarif":
            click.echo(rendering.as_sarif(found))
        case "github":
            click.echo(rendering.as_github(found), nl=False)
        case _:
            texts = _shown(given or read(paths, root)) if found else {}
            click.echo(rendering.as_text(found, texts, coloured()), nl=False)
            click.echo(_verdict(len(found), count), err=True)
    if not count:
        click.echo(f"sark: no spec (*.yaml, *.yml) is below {', '.join(paths)}", err=True)
    raise Left(Exit.FAILED if has_errors(found) else Exit.OK)


def _checked(
    paths: tuple[str, ...], root: str | None, *, is_cached: bool, reads: bool
) -> "tuple[Given | None, list[Diagnostic], int]":
    """Return the specs, what is wrong with them, and how many they are.

    Unless somebody `reads` them, they are left unread where the answer is known.
    """
    from engine.cli import policies, seen

    is_kept = is_cached and seen.can_keep(paths) and not policies.is_there(base_of([*paths], root))
    earlier = seen.Seen(paths, root) if is_kept else None
    answer = earlier.answer() if earlier is not None and not reads else None
    if answer is not None:
        return None, answer.found, answer.count
    from engine.cli.checking import look

    given = read(paths, root)
    found, beside = look(given, is_cached=is_cached)
    if earlier is not None:
        earlier.keep(found, beside)
    if given.is_whole:
        found = [*found, *policies.findings(given.root)]
    return given, found, len(given.texts)


def _shown(given: Given) -> dict[str, str]:
    """Return the texts of specs and policies, as findings show them."""
    from engine.cli import policies

    told = policies.below(given.root) if given.is_whole else {}
    return {
        **given.shown(),
        **{name: data.decode("utf-8", "replace") for name, data in told.items()},
    }


def _fixed(
    given: Given, found: "list[Diagnostic]", *, writes: bool
) -> "tuple[Given, list[Diagnostic]]":
    """Write the specs with all sure fixes made, or show the diff; return what is left to find."""
    from engine.cli import fixing, rewriting
    from engine.cli.checking import findings_of
    from engine.core.rendering.excerpt import visible

    if STDIN in given.texts:
        raise click.UsageError("--fix and --diff rewrite files; stdin is none")
    made, left, done = fixing.fixed(given, found, partial(findings_of, is_cached=False))
    changed = [name for name, data in made.texts.items() if data != given.texts[name]]
    for name in changed:
        if writes:
            rewriting.replace(Path(name), made.texts[name])
        else:
            lines = rewriting.diff(name, given.texts[name], made.texts[name])
            click.echo("".join(lines), nl=False)
    for edit, was in done if writes else ():
        span = edit.span
        place = f"{visible(span.file)}:{span.line}:{span.column}"
        told = f"{visible(was)} is {edit.text} now" if was else f"added {edit.text.strip()}"
        click.echo(f"fixed {place}: {told}", err=True)
    elsewhere = [each for each in found if each.span.file not in given.texts]
    return (made, [*left, *elsewhere]) if writes else (given, found)


@click.command()
@click.option("--write", metavar="DIR", help="Write workflow.schema.json into this folder.")
def schema(write: str | None) -> None:
    """Print the JSON Schema of workflow specs, for editors and for CI."""
    if write is None:
        click.echo(_published(), nl=False)
    else:
        Path(write).mkdir(parents=True, exist_ok=True)
        (Path(write) / _SCHEMA).write_text(_published())


@click.command()
@click.argument("code")
def explain(code: str) -> None:
    """Explain the CODE of a finding."""
    from difflib import get_close_matches

    from engine.core.compiler.codes import CODES

    if code not in CODES:
        near = get_close_matches(code, CODES, n=1)
        raise NotFound(
            f"no finding has the code {code!r}" + (f"; did you mean {near[0]}?" if near else "")
        )
    click.echo(f"{code}\n\n{CODES[code]}")


@click.command()
@click.argument("directory", metavar="DIR")
def init(directory: str) -> None:
    """Start a repository of workflows in DIR: a first spec, its schema, and a check for CI."""
    from engine.cli.template import FILES

    root = Path(directory)
    files = {**FILES, f"schemas/{_SCHEMA}": _published()}
    clash = [name for name in files if (root / name).exists()]
    if clash:
        raise Invalid(f"{root / clash[0]} exists already; `sark init` overwrites nothing")
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
        click.echo(f"wrote {root / name}", err=True)
    click.echo(
        f"Next: sark check {directory} && sark run {root / 'workflows/hello.yaml'}", err=True
    )


def _published() -> str:
    """Return the JSON Schema of workflow specs, as a file holds it."""
    import json

    from engine.core.published import json_schema
    from engine.operations import catalogue

    return json.dumps(json_schema(catalogue()), indent=2, ensure_ascii=False) + "\n"


def compile_one(file: Path, environment: str = "") -> "Plan":
    """Return the plan of a file with one workflow; raise Invalid with its findings."""
    plans = compile_all((str(file),), environment=environment)
    if len(plans) != 1:
        raise Invalid(f"{file} holds {len(plans)} workflows; `sark run FILE` takes one")
    return plans[0]


def compile_all(
    paths: Iterable[str], root: str | None = None, environment: str = ""
) -> list["Plan"]:
    """Return the plans of files and folders in an environment; raise Invalid with their findings.

    Without a name that is the one that they describe; a file that reads variables needs it then.
    """
    from engine.core import rendering
    from engine.core.diagnostic import has_errors

    given = read(paths, root)
    compiled, found = compile_given(given, environment=environment)
    if has_errors(found):
        click.echo(rendering.as_text(found, given.shown(), coloured()), nl=False, err=True)
        raise Invalid(_verdict(len(found), len(given.texts)))
    return [each for each in compiled.plans.values() if each.file in given.texts]


def compile_sound(
    given: Given, observe: "Callable[[Survey], None]", environment: str = ""
) -> "Compiled":
    """Return the plans of specs that are to be tried out; raise Invalid, with the errors shown.

    What is tried is the workflow: the protection of an environment holds none of its runs.
    """
    from engine.core import rendering
    from engine.core.diagnostic import Severity

    compiled, found = compile_given(given, observe, environment, is_protected=False)
    errors = [each for each in found if each.severity is Severity.ERROR]
    if errors:
        click.echo(rendering.as_text(errors, given.shown(), coloured()), nl=False, err=True)
        raise Invalid("specs with errors cannot be tried out")
    return compiled


def compile_given(
    given: Given, observe: "Callable[[Survey], None]" = lambda _: None, environment: str = "",
    *, is_protected: bool = True,
) -> "tuple[Compiled, list[Diagnostic]]":  # fmt: skip
    """Return the plans of specs, and what is wrong with them; `observe` is handed each file."""
    from engine.cli.checking import files
    from engine.operations import catalogue
    from engine.source import compile_files

    operations, beside = catalogue(), Beside(given.root)

    def look(texts: Mapping[str, bytes]) -> "tuple[Compiled, list[Diagnostic]]":
        compiled = compile_files(
            files(texts).values(), operations, None, environment, beside, observe,
            is_protected=is_protected,
        )  # fmt: skip
        return compiled, compiled.diagnostics

    return given.among(look)


def _verdict(findings: int, files: int) -> str:
    what = "no finding" if not findings else f"{findings} finding{'s' * (findings > 1)}"
    return f"{what} in {files} file{'s' * (files != 1)}"
