"""`sark pause` and `sark resume` of a run; `resume` is of a source as well."""

import time
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import click

from engine.cli import overrides
from engine.cli.client import Client, at
from engine.cli.options import as_json, remote
from engine.cli.output import as_json as print_json
from engine.cli.output import members, plain, word
from engine.cli.picture import paused_line
from engine.core.override import Kind
from engine.core.pause import DEFAULT, LONGEST
from engine.core.state import ENDED
from engine.core.values import Json, format_duration
from engine.errors import Conflict

_PATIENCE = 60.0
_SPAN = f"For how long, as in 2h; at most {format_duration(LONGEST)}."


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("--reason", default="", metavar="TEXT", help="Why; it is kept with the run.")
@click.option(
    "--for", "span", default=format_duration(DEFAULT), show_default=True, metavar="SPAN",
    help=_SPAN,
)  # fmt: skip
@overrides.WAIT
@as_json
@remote
def pause(client: Client, run_id: str, reason: str, span: str, wait: bool, json_: bool) -> None:
    """Let RUN begin nothing new; what is under way ends, and waits go on.

    Told again, it says anew until when. The clocks of `timeout` stand still meanwhile.
    """
    _hold(client, run_id, "pause", {"reason": reason, "for": span}, wait, json_)


@click.command()
@click.argument("what", metavar="RUN|SOURCE")
@click.option("--reason", default="", metavar="TEXT", help="Why; it is kept with the run.")
@overrides.WAIT
@as_json
@remote
def resume(client: Client, what: str, reason: str, wait: bool, json_: bool) -> None:
    """Let the paused RUN go on, or end the suspension of SOURCE: what it held becomes live."""
    if _is_run(what):
        return _hold(client, what, "resume", {"reason": reason}, wait, json_)
    return overrides.drop(client, what, Kind.SUSPEND, wait, json_)


def _hold(
    client: Client, run: str, verb: str, told: Mapping[str, Json], wait: bool, json_: bool
) -> None:
    """Ask a run to pause or to go on, and print what it then is."""
    until = members(client.send("POST", at("runs", run, verb), dict(told))).get("until")
    found = _heard(client, run, until, _PATIENCE if wait else 0.0)
    if json_:
        return print_json(dict(found))
    click.echo(f"{plain(run)} {word(str(found['status']))}{paused_line(found)}")
    return None


def _heard(client: Client, run: str, until: Json, patience: float) -> Mapping[str, Json]:
    """Return a run once it is paused `until` then, or not at all; as it is after `patience` s."""
    limit = time.monotonic() + patience
    while True:
        found = members(client.get(at("runs", run)))
        if until is not None and found["status"] in ENDED:
            raise Conflict(f"run {run} has ended: {found['status']}")
        if (
            _instant(members(found["paused"]).get("until")) == _instant(until)
            or time.monotonic() > limit
        ):
            return found
        time.sleep(0.05)


def _instant(told: Json) -> datetime | None:
    return None if told is None else datetime.fromisoformat(str(told))


def _is_run(what: str) -> bool:
    """True of the id of a run, which begins with a digit, and the name of a source with none."""
    try:
        return str(UUID(what)) == what and what[0].isdigit()
    except ValueError:
        return False
