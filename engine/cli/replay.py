"""`sark replay --what-if`: recorded runs under the plans of the files here, or of a commit."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.client import Client
from engine.cli.named import placed
from engine.cli.options import as_json, remote
from engine.cli.output import Exit, coloured, plain
from engine.cli.output import as_json as print_json
from engine.errors import Invalid

if TYPE_CHECKING:
    from engine.core.binding import Bound
    from engine.core.whatif import Difference, Recording, Verdict
    from engine.source import Compiled

_SECRETS = "values of secrets are not recorded: arguments that read one are compared by its name"
_WIDTH = 24
_LONGEST = 100


@click.command()
@click.argument("targets", nargs=-1, required=True, metavar="WORKFLOW|RUN...")
@click.option("--what-if", "what_if", is_flag=True, required=True, help="Under another plan.")
@click.option(
    "--last", type=click.IntRange(1, 200), default=20, show_default=True,
    help="How many runs of a WORKFLOW, the newest that have ended.",
)  # fmt: skip
@click.option("--against", metavar="REF", help="The plans of this commit; else of the files here.")
@click.option(
    "--path", default=".", show_default=True, metavar="DIR",
    help="The folder that the source has as its root.",
)  # fmt: skip
@as_json
@remote
def replay(
    client: Client, targets: tuple[str, ...], what_if: bool, last: int, against: str | None,
    path: str, json_: bool,
) -> None:  # fmt: skip
    """Drive recorded runs through the plans of the files here, and tell which go otherwise.

    A WORKFLOW may be written as NAMESPACE/NAME. Nothing is called: what a run asked of the world
    is answered from its recording, as long as the plan asks for the same.

    Exit code 0: every run takes the same path. 1: one goes otherwise, or cannot be told.
    """
    from engine.core import whatif
    from engine.core.binding import Bound

    compiled = _compiled(path, against)
    bounds: dict[str, Bound] = {}
    told: list[tuple[str, Verdict]] = []
    for recording in _recordings(client, targets, last):
        name = recording.header.workflow
        if name not in bounds:
            bounds[name] = _bound(compiled, name)
        told.append((name, judged(bounds[name], recording)))
    if json_:
        print_json({"runs": [{"workflow": name, **whatif.as_json(each)} for name, each in told]})
    else:
        _print(told, bounds)
    is_same = all(each.kind is whatif.Kind.SAME for _, each in told)
    sys.exit(Exit.OK if is_same else Exit.FAILED)


def judged(bound: "Bound", recording: "Recording") -> "Verdict":
    """Return the verdict on a run; raise Invalid where its journal is not of its plan."""
    from engine.core import whatif

    try:
        return whatif.judge(bound, recording)
    except ValueError as fault:
        raise Invalid(f"run {recording.header.id} cannot be replayed: {fault}") from fault


def _compiled(path: str, against: str | None) -> "Compiled":
    """Return what is driven through; raise Invalid for specs that do not compile."""
    from engine.cli import ends
    from engine.core import rendering
    from engine.core.review import Head
    from engine.git.here import here

    if not Path(path).is_dir():
        raise click.UsageError(f"--path is the folder of a source; {path!r} is none")
    repository = here(Path(path))
    reader = ends.Ends(repository)
    if against is None:
        side = reader.of_folder()
    else:
        side = reader.of_commit(Head(against, repository.commit(against)))
    found = ends.errors(side)
    if found:
        texts = {name: data.decode("utf-8", "replace") for name, data in side.texts.items()}
        click.echo(rendering.as_text(found, texts, coloured()), nl=False, err=True)
        raise Invalid(f"{len(found)} errors; nothing of it would be activated")
    return side.compiled


def _recordings(client: Client, targets: Sequence[str], last: int) -> Iterator["Recording"]:
    from engine.cli.recorded import Reader, is_run

    reader = Reader(client)
    for target in targets:
        if is_run(target):
            yield reader.run(target)
        else:
            yield from reader.newest(*placed(client, target, None), last)


def _bound(compiled: "Compiled", name: str) -> "Bound":
    """Return a workflow's plan; raise Invalid if it is not among the specs."""
    from difflib import get_close_matches

    from engine.core.binding import Bound

    if name in compiled.plans:
        return Bound(compiled.plans[name])
    near = get_close_matches(name, compiled.plans, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "; --path names the folder of the specs"
    raise Invalid(f"no workflow here is called {name!r}{hint}")


def _print(told: "list[tuple[str, Verdict]]", bounds: "dict[str, Bound]") -> None:
    """Tell each run that goes otherwise, then what all of a workflow come to."""
    from engine.core import whatif

    for name, verdict in told:
        if verdict.kind is not whatif.Kind.SAME or verdict.also:
            click.echo("\n".join(as_lines(verdict, bounds[name].plan.file)))
            click.echo()
    for name in dict.fromkeys(name for name, _ in told):
        mine = [each for of, each in told if of == name]
        click.echo(f"{plain(name)}  {plain(whatif.summary(mine))}")
    if not told:
        click.echo("No run has ended yet.", err=True)
    elif any(each.plan.secrets for each in bounds.values()):
        click.echo(f"sark: {_SECRETS}", err=True)


def as_lines(verdict: "Verdict", file: str) -> Iterator[str]:
    """Yield a verdict as lines for a terminal."""
    at = f"  at {plain(verdict.step)}" if verdict.step else ""
    line = f"  {plain(file)}:{verdict.line}" if verdict.line else ""
    yield f"{verdict.run}  {verdict.kind}{at}{line}"
    what = f"{plain(verdict.operation)}: " if verdict.operation else ""
    if verdict.why:
        yield f"    {what}{plain(verdict.why)}"
    yield from (f"    {_difference(each)}" for each in verdict.differences)
    yield from (f"    {plain(each)}" for each in verdict.also)


def _difference(told: "Difference") -> str:
    was, now = (_short(plain(each)) for each in (told.recorded, told.now))
    return f"{plain(told.place):{_WIDTH}} {was if told.recorded == told.now else f'{was} -> {now}'}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
