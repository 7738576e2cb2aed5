"""`sark fmt`: specs in the one style, each file replaced whole or not at all."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.options import as_json
from engine.cli.output import Exit, coloured, plain
from engine.cli.output import as_json as print_json
from engine.cli.rewriting import diff, replace
from engine.core.frozen import frozen

if TYPE_CHECKING:
    from engine.core.diagnostic import Diagnostic
    from engine.core.facts import Operations


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH...]")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if a file would change.")
@click.option("--diff", is_flag=True, help="Write nothing; print what would change.")
@click.option("--explicit-needs", is_flag=True, help="Write inferred edges into `needs` as well.")
@as_json
def fmt(paths: tuple[str, ...], check: bool, diff: bool, explicit_needs: bool, json_: bool) -> None:
    """Rewrite the specs at PATH in the one style (files or folders; - filters stdin).

    Comments stay, and every value is proved to be the same. A file with a mistake is left as it
    is. Exit code 1: a mistake, or with --check a file that would change.
    """
    from engine.operations import catalogue

    if "-" in paths and len(paths) > 1:
        raise click.UsageError("- stands for stdin alone; name no other path beside it")
    operations = catalogue() if explicit_needs else None
    results = [_styled(each, operations) for each in _files(paths or (".",))]
    writes = not (check or diff)
    for each in results:
        _complain(each)
        if writes and each.file is not None and each.is_changed:
            replace(each.file, each.made)
    if json_:
        print_json([{"file": each.name, "changed": each.is_changed} for each in results])
    elif diff:
        click.echo("".join(_diffs(results)), nl=False)
    elif writes and paths == ("-",):
        sys.stdout.buffer.write(b"".join(each.made for each in results if each.is_sound))
    else:
        click.echo("".join(f"{plain(e.name)}\n" for e in results if e.is_changed), nl=False)
    if paths != ("-",):
        click.echo(_verdict(results, paths or (".",), writes=writes), err=True)
    sys.exit(_code(results, check=check))


@frozen
class _Result:
    """A file, or stdin, as it is and as it should be; `defect` says why that is not known."""

    name: str
    file: Path | None
    source: bytes
    made: bytes
    found: "list[Diagnostic]" = field(default_factory=list)
    defect: str = ""

    @property
    def is_changed(self) -> bool:
        return self.source != self.made

    @property
    def is_sound(self) -> bool:
        return not (self.found or self.defect)


@frozen
class _Source:
    name: str
    file: Path | None
    data: bytes


def _styled(source: _Source, operations: "Operations | None") -> _Result:
    from engine.core.format import Unproved, spell_out, tidy

    name, file, data = source.name, source.file, source.data
    try:
        if operations is None:
            made, found = tidy(data, name)
        else:
            made, found = spell_out(data, name, operations)
    except Unproved as fault:
        return _Result(name, file, data, data, defect=str(fault))
    return _Result(name, file, data, made, found)


def _complain(result: _Result) -> None:
    """Say why a file is left as it is, if it is."""
    from engine.core import rendering

    if result.found:
        texts = {result.name: result.source.decode("utf-8", "replace")}
        click.echo(rendering.as_text(result.found, texts, coloured()), nl=False, err=True)
    if result.defect:
        click.echo(
            f"sark: {plain(result.name)}: left as it is: {plain(result.defect)}. "
            "This is a defect of sark; please report it with the file.",
            err=True,
        )


def _diffs(results: list[_Result]) -> Iterator[str]:
    for each in results:
        yield from diff(each.name, each.source, each.made)


def _verdict(results: list[_Result], paths: tuple[str, ...], *, writes: bool) -> str:
    if not results:
        return f"sark: no spec (*.yaml, *.yml) is below {', '.join(paths)}"
    changed = sum(each.is_changed for each in results)
    what = "rewritten" if writes else "would be rewritten"
    return f"{changed} of {len(results)} file{'s' * (len(results) != 1)} {what}"


def _code(results: list[_Result], *, check: bool) -> Exit:
    if any(each.defect for each in results):
        return Exit.DEFECT
    if any(each.found or (check and each.is_changed) for each in results):
        return Exit.FAILED
    return Exit.OK


def _files(paths: Iterable[str]) -> Iterator[_Source]:
    """Yield each spec below the paths once; a link is followed only where a person names it."""
    from engine.source import is_spec

    seen: set[Path] = set()
    for told in paths:
        path = Path(told)
        if told == "-":
            yield _Source("stdin.yaml", None, sys.stdin.buffer.read())
        elif path.is_dir():
            inside = (each for each in sorted(path.rglob("*")) if not each.is_symlink())
            named = [each for each in inside if is_spec(str(each.relative_to(path)))]
            yield from _new(named, seen)
        elif path.is_file():
            yield from _new([path], seen)
        else:
            raise click.UsageError(f"there is no file or folder {told!r}")


def _new(files: Iterable[Path], seen: set[Path]) -> Iterator[_Source]:
    for file in files:
        if file.is_file() and file.resolve() not in seen:
            seen.add(file.resolve())
            yield _Source(str(file), file, file.read_bytes())
