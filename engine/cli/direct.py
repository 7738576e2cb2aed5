"""`sark run FILE`: a workflow in this process, with no server, on the same machine and adapters."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import click

from engine.cli.output import Exit, as_json, plain, word
from engine.core.values import Json


def run_file(file: Path, inputs: Mapping[str, Json], config: str | None, json_: bool) -> Exit:
    """Run a spec to its end; return the exit code. Ctrl-C cancels the run, then ends it."""
    from engine.cli.specs import compile_one
    from engine.core import replay
    from engine.direct import run_here
    from engine.settings import load

    plan = compile_one(file)
    import os

    settings = load(Path(config) if config else None, os.environ, {}).settings

    def tell(path: str, state: str) -> None:
        if not json_:
            click.echo(f"  {path}  {word(state)}", err=True)

    run = asyncio.run(run_here(plan, inputs, settings, file.resolve().parent, tell))
    told: dict[str, Json] = {
        "workflow": plan.name,
        "plan": plan.digest,
        "status": run.outcome.value if run.outcome else "failed",
        "outputs": run.outputs,
        "error": run.error,
        "steps": replay.steps(run),
    }
    if json_:
        as_json(told)
    else:
        click.echo(f"{plan.name}  {word(str(told['status']))}")
        if run.error:
            where = f" in {run.error['step']}" if run.error.get("step") else ""
            click.echo(f"  error    {run.error['type']}{where}: {plain(run.error['detail'])}")
        if run.outputs:
            click.echo(f"  outputs  {plain(run.outputs)}")
    if told["status"] == "succeeded":
        return Exit.OK
    return Exit.CANCELLED if told["status"] == "cancelled" else Exit.FAILED
