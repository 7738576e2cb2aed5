"""`sark promote`: what was tried in one environment goes to another, by a commit in Git."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.options import as_json
from engine.cli.output import as_json as print_json
from engine.cli.output import inert, since
from engine.core.promotion import Gate
from engine.core.values import Json, parse_duration
from engine.errors import Misconfigured

if TYPE_CHECKING:
    from engine.cli.promoting import Promotion
    from engine.settings import Settings

_REFUSED = 3


@click.command()
@click.argument("origin", metavar="FROM")
@click.argument("goal", metavar="TO")
@click.option("--path", default=".", metavar="DIR", help="The folder of the specs (.).")
@click.option("--soak", metavar="SPAN", help="How long it has been live in FROM at least.")
@click.option(
    "--verify", multiple=True, metavar="WORKFLOW", help="What must have run well there; repeat it."
)
@click.option("--print", "print_", is_flag=True, help="Print the patch, and change nothing.")
@click.option("--branch", metavar="NAME", help="The new branch (promote/TO-<commit>).")
@click.option("--open-pr", is_flag=True, help="Push the branch and open a pull request.")
@click.option("--force", metavar="REASON", help="Promote all the same; the commit says why.")
@click.option("--server", metavar="URL", help="The server; else SARK_SERVER, or the state's.")
@click.option("--config", metavar="FILE", help="The configuration file.")
@click.option("--state", metavar="DIR", help="The state folder, where the token is.")
@as_json
def promote(
    origin: str, goal: str, path: str, soak: str | None, verify: tuple[str, ...], print_: bool,
    branch: str | None, open_pr: bool, force: str | None, server: str | None,
    config: str | None, state: str | None, json_: bool,
) -> None:  # fmt: skip
    """Let TO go on to the commit that is live in FROM, by one line in Git.

    The `revision` in the Environment document of TO is changed on a new branch, which is yours to
    push and to merge; no file of the work tree changes. Before that the gates are looked at: how
    long the commit has been live in FROM (--soak), whether runs have succeeded there and none has
    failed (--verify), and whether TO would get the plans that were tried. What `promotion` in the
    document asks for is asked for in any case.

    Exit code 0: done, or there already. 3: a gate refuses, and says why.
    """
    from engine.cli.client import connect
    from engine.cli.promoting import Asked, prepared

    _check(print_ and bool(branch or open_pr), force)
    asked = Asked(origin, goal, Path(path), _span(soak), verify)
    found = prepared(asked, connect(server, config, state))
    if found.is_idle:
        return _tell_idle(found, json_)
    gates, differs = found.gates(datetime.now(UTC))
    refused = [each for each in gates if not each.passed]
    told = {**_told(found, gates), "differs": list(differs), "force": force}
    if not json_:
        _tell(found, gates, err=print_)
    if refused and force is None:
        _refuse(told, refused, json_)
    if print_:
        told |= {"promoted": False, "patch": found.patch()}
        return print_json(told) if json_ else click.echo(found.patch(), nl=False)
    settings = _settings(found, config, state) if open_pr else None
    name = branch or f"promote/{goal}-{found.commit[:12]}"
    made, number = _written(found, settings, name, *_message(found, gates, force))
    told |= {"promoted": True, "branch": name, "made": made, "pull": number}
    where = f"pull request {number}" if number is not None else f"git push origin {name}"
    words = f"{made[:12]} on {name}: {found.path}\nNext: {where}, and merge it."
    return print_json(told) if json_ else click.echo(words)


def _check(contradicts: bool, force: str | None) -> None:
    """Raise UsageError for options that mean nothing together."""
    if contradicts:
        raise click.UsageError("--print changes nothing: leave --branch and --open-pr out")
    if force is not None and not force.strip():
        raise click.UsageError("--force wants a reason, which the commit tells")


def _written(
    found: "Promotion", settings: "Settings | None", branch: str, title: str, body: str
) -> tuple[str, int | None]:
    """Make the commit, and with settings the pull request; return it and the number."""
    from engine.cli.proposing import opened

    made = found.write(branch, f"{title}\n\n{body}")
    if settings is None:
        return made, None
    return made, opened(found.repository, settings, found.goal, branch, title, body)


def _span(text: str | None) -> timedelta | None:
    try:
        return None if text is None else parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--soak") from None


def _told(found: "Promotion", gates: Sequence[Gate]) -> dict[str, Json]:
    looked: list[Json] = [
        {"gate": each.name, "passed": each.passed, "message": each.told} for each in gates
    ]  # fmt: skip
    return {
        "gates": looked,
        "from": found.asked.origin,
        "to": found.asked.goal,
        "commit": found.commit,
        "since": found.since.isoformat(),
        "file": found.path,
    }


def _tell_idle(found: "Promotion", json_: bool) -> None:
    """Say that there is nothing to change."""
    if json_:
        return print_json({**_told(found, ()), "promoted": False})
    return click.echo(f"{found.asked.goal} is pinned to {found.commit[:12]} already")


def _tell(found: "Promotion", gates: Sequence[Gate], *, err: bool) -> None:
    """Print what was looked at; beside a patch it is talk."""
    lasted = since(found.since.isoformat())
    click.echo(f"{found.commit[:12]}  live in {found.asked.origin} for {lasted}", err=err)
    for each in gates:
        mark = "ok" if each.passed else "REFUSED"
        click.echo(f"  {mark:8} {each.name:6} {inert(each.told)}", err=err)


def _refuse(told: dict[str, Json], refused: Sequence[Gate], json_: bool) -> None:
    """Say why nothing is changed, and end."""
    if json_:
        print_json({**told, "promoted": False})
    else:
        names = ", ".join(each.name for each in refused)
        click.echo(f"sark: not promoted ({names}); nothing was changed", err=True)
    raise SystemExit(_REFUSED)


def _message(found: "Promotion", gates: Sequence[Gate], force: str | None) -> tuple[str, str]:
    """Return the subject and the body of the commit."""
    goal, origin = found.asked.goal, found.asked.origin
    lines = [f"{found.commit} is live in {origin} since {found.since:%Y-%m-%d %H:%M:%S} UTC.", ""]
    lines += [f"- {each.name}: {'' if each.passed else 'REFUSED, '}{each.told}" for each in gates]
    if force is not None:
        lines += ["", f"Forced: {' '.join(force.split())}"]
    return f"Promote {found.commit[:12]} from {origin} to {goal}", "\n".join(lines)


def _settings(found: "Promotion", config: str | None, state: str | None) -> "Settings":
    """Return the configuration; raise Misconfigured if it knows no forge to ask."""
    from engine.cli.proposing import configured

    settings = configured(found.goal, config, state)
    if settings is None:
        raise Misconfigured(
            f"--open-pr: source {found.goal.name} has no `forge` in this configuration; name the "
            "file with --config, or leave --open-pr out and open the pull request yourself"
        )
    return settings
