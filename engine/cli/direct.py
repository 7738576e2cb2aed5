"""`sark run FILE`: a workflow in this process, with no server, on the same machine and adapters."""

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.output import Exit, as_json, word
from engine.cli.picture import as_timeline, step_line
from engine.core.inputs import typed
from engine.core.values import Json

if TYPE_CHECKING:
    from engine.core.machine import Ask
    from engine.core.run import Run


def run_file(
    file: Path, inputs: Mapping[str, Json], texts: Mapping[str, str], config: str | None,
    timeout: float | None, json_: bool, environment: str = "",
) -> Exit:  # fmt: skip
    """Run a spec to its end; return the exit code. `texts` are inputs that are yet to be typed.

    Ctrl-C, and `timeout` seconds, cancel the run; a second Ctrl-C ends it where it stands.
    """
    from engine.cli.specs import compile_one
    from engine.direct import run_here
    from engine.settings import load

    plan = compile_one(file, environment)
    settings = load(Path(config) if config else None, os.environ, {}).settings
    given = {**inputs, **typed(texts, plan.inputs)}

    def tell(step: Mapping[str, Json]) -> None:
        click.echo(step_line(step), err=True)

    def interrupted() -> None:
        click.echo(f"\nsark: {word('cancelling')}; Ctrl-C again ends it at once", err=True)

    def answer(ask: "Ask") -> bool:
        click.echo(f"\n{ask.show.strip() or ask.path}", err=True)
        if not sys.stdin.isatty():
            click.echo("sark: nobody is there to approve it, so it is rejected", err=True)
            return False
        return click.confirm(f"Approve {ask.path}?", err=True)

    quiet = (lambda step: None) if json_ else tell
    root = file.resolve().parent
    run = asyncio.run(run_here(plan, given, settings, root, quiet, answer, interrupted, timeout))
    told = _told(run)
    as_json(told) if json_ else click.echo(as_timeline(told))
    return _exit(str(told["status"]), run.cancelled)


def _told(run: "Run") -> dict[str, Json]:
    """Return a run as the API tells it."""
    from engine.core import machine, replay

    header = run.header
    return {
        "id": header.id,
        "namespace": header.namespace,
        "workflow": header.workflow,
        "status": machine.status(run).value,
        "flags": list(machine.flags(run)),
        "commit": None,
        "plan": header.plan,
        "trigger": header.trigger,
        "inputs": header.inputs,
        "outputs": run.outputs,
        "error": run.error,
        "objectives": _objectives(run),
        "created_at": header.created_at.isoformat(),
        "started_at": run.started_at.isoformat(),
        "ended_at": run.ended_at.isoformat() if run.ended_at else None,
        "steps": replay.steps(run),
    }


def _objectives(run: "Run") -> list[dict[str, Json]]:
    from engine.core import objective

    promised = objective.promised(run.bound.plan.settings, run.header.created_at)
    assert run.ended_at is not None
    return objective.to_json(objective.judge(promised, run.ended_at, run.ended_at))


def _exit(status: str, cancelled: Mapping[str, Json] | None) -> Exit:
    if cancelled is not None:
        return Exit.INTERRUPTED if cancelled["reason"] == "interrupted" else Exit.CANCELLED
    return Exit.OK if status == "succeeded" else Exit.FAILED
