"""`sark up`, `server`, `worker`, `controller`, `migrate`: one process each."""

import asyncio
from typing import TYPE_CHECKING

import click

from engine.cli.options import settings

if TYPE_CHECKING:
    from engine.settings import Loaded


@click.command()
@settings
def up(loaded: "Loaded") -> None:
    """Run everything on this machine: PostgreSQL, Valkey, server, worker, controller.

    With SARK_DATABASE_URL and SARK_REDIS_URL set, those servers are used instead.
    Ctrl-C stops all of it; a second `sark up` goes on where the first ended.
    """
    from engine.local.up import run_up

    run_up(loaded.settings)


@click.command()
@settings
def server(loaded: "Loaded") -> None:
    """Serve webhooks, the API and the pages."""
    from webhooks.serve import run_server

    run_server(loaded.settings)


@click.command()
@click.option(
    "--pool", "pools", multiple=True, metavar="NAME",
    help="Serve this pool; repeatable. `default` owns runs, `*` is every pool.",
)  # fmt: skip
@click.option(
    "--label", "labels", multiple=True, metavar="K=V", help="What this worker has; repeatable."
)
@settings
def worker(loaded: "Loaded", pools: tuple[str, ...], labels: tuple[str, ...]) -> None:
    """Own runs and advance them, or make the steps of pools, until SIGTERM."""
    from engine.settings import serving
    from engine.worker import run_worker

    pairs = [each.partition("=") for each in labels]
    for key, sign, _ in pairs:
        if not (key and sign):
            raise click.UsageError("--label takes KEY=VALUE, such as zone=inside")
    run_worker(serving(loaded.settings, pools, {key: value for key, _, value in pairs}))


@click.command()
@settings
def controller(loaded: "Loaded") -> None:
    """Watch the sources, wake what is due, take over from dead workers."""
    from engine.controller import run_controller

    run_controller(loaded.settings)


@click.command()
@settings
def migrate(loaded: "Loaded") -> None:
    """Bring the database up to this version."""
    from engine.errors import Misconfigured
    from engine.store.migrate import migrate as bring_up

    url = loaded.settings.database_url
    if url is None:
        raise Misconfigured("SARK_DATABASE_URL is not set: `sark up` migrates its own database")
    applied = asyncio.run(bring_up(url))
    click.echo("\n".join(applied) or "The database is up to date.", err=True)
