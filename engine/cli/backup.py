"""`sark backup` and `sark restore`: all of it into one file, and from there to an empty machine."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.options import as_json, settings
from engine.cli.output import as_json as print_json
from engine.core.values import Json

if TYPE_CHECKING:
    from engine.backup.manifest import Manifest
    from engine.backup.restoring import Restored
    from engine.settings import Loaded


@click.command()
@click.argument("target", metavar="FILE|DIR", type=click.Path(path_type=Path))
@click.option(
    "--no-artifacts", is_flag=True, help="Leave out the files that runs keep, kept elsewhere."
)
@as_json
@settings
def backup(loaded: "Loaded", target: Path, no_artifacts: bool, json_: bool) -> None:
    """Write the database, the files that runs keep and the first token to one file.

    The engine may run meanwhile: all of it is as of one instant. In a folder the file is named by
    the time. It holds secrets, and only its owner may read it.
    """
    from engine.backup.making import back_up

    file, made = back_up(loaded.settings, target, _say, with_artifacts=not no_artifacts)
    _tell(file, made, json_)


@click.command()
@click.argument("file", metavar="[FILE]", required=False, type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Only look whether the backup is whole.")
@click.option(
    "--recovered", is_flag=True, help="PostgreSQL's own tools have brought the database back."
)
@click.option(
    "--cancel-runs", is_flag=True, help="Cancel all runs in flight instead of going on with them."
)
@as_json
@settings
def restore(
    loaded: "Loaded",
    file: Path | None,
    check: bool,
    recovered: bool,
    cancel_runs: bool,
    json_: bool,
) -> None:
    """Bring a backup to an empty database and state folder, all of it or nothing.

    Runs that were in flight go on once a worker starts. Attempts that may have been under way are
    made again where they may be repeated; the others fail as `sark.lost`.
    """
    from engine.backup import restoring

    if (file is None) != recovered or (check and (recovered or cancel_runs)):
        raise click.UsageError("give a FILE, perhaps with --check or --cancel-runs; or --recovered")
    if file is None:
        return _end(restoring.recover(loaded.settings, _say, cancel=cancel_runs), json_)
    if check:
        return _tell(file, restoring.check(file).manifest, json_)
    return _end(restoring.restore(loaded.settings, file, _say, cancel=cancel_runs), json_)


def _say(line: str) -> None:
    click.echo(line, err=True)


def _tell(file: Path, made: "Manifest", json_: bool) -> None:
    if json_:
        print_json({"file": str(file), **made.as_json()})
        return
    runs = ", ".join(f"{count} {status}" for status, count in made.runs.items()) or "none"
    size = sum(each.bytes for each in made.members)
    click.echo(f"{file}: whole, {size >> 10} KiB, made by SARK {made.sark} at {made.made_at}")
    click.echo(f"runs: {runs}")


def _end(done: "Restored", json_: bool) -> None:
    told: dict[str, Json] = {
        "epoch": done.epoch.number, "doubted": done.epoch.doubted, "runs": done.runs,
        "cancelled": done.cancelled,
    }  # fmt: skip
    if json_:
        print_json(told)
        return
    going = sum(count for status, count in done.runs.items() if status != "ended")
    click.echo(f"Restored: {going} runs in flight, which go on once a worker starts.")
    if done.epoch.doubted:
        click.echo(
            f"{done.epoch.doubted} attempts may have been under way and must not be repeated: "
            "they fail as sark.lost."
        )
    if done.cancelled:
        click.echo(f"{done.cancelled} runs are cancelled.")
