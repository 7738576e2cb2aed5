"""The options that several commands share."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

_F = TypeVar("_F", bound=Callable[..., Any])


def remote(command: _F) -> _F:
    """Options that say which server is spoken to; hands over `client`."""
    from functools import wraps

    @click.option(
        "--server", metavar="URL", help="The server; else SARK_SERVER, else the state folder's."
    )
    @click.option("--config", metavar="FILE", help="The configuration file.")
    @click.option("--state", metavar="DIR", help="The state folder, where the token is.")
    @wraps(command)
    def wrapped(
        *args: Any, server: str | None, config: str | None, state: str | None, **kwargs: Any
    ) -> Any:
        from engine.cli.client import connect

        return command(*args, client=connect(server, config, state), **kwargs)

    return wrapped  # type: ignore[return-value]


def as_json(command: _F) -> _F:
    """The option that prints data as JSON; hands over `json_`."""
    return click.option("--json", "json_", is_flag=True, help="Print JSON.")(command)


def rooted(command: _F) -> _F:
    """The option that says from where specs name files; hands over `root`."""
    about = "The folder from which specs name files, as a source has one."
    return click.option("--root", metavar="DIR", help=about)(command)


def environment(command: _F) -> _F:
    """The option that says whose variables and connections are meant; hands over `environment`."""
    about = "The environment whose variables and connections are meant."
    return click.option("--env", "environment", default="", metavar="NAME", help=about)(command)


def settings(command: _F) -> _F:
    """Options of the processes; hands over `loaded` settings."""
    from functools import wraps

    @click.option("--config", metavar="FILE", help="The configuration file (sark.toml).")
    @click.option("--state", metavar="DIR", help="The state folder (.sark).")
    @click.option("--repo", metavar="PATH", help="One source named local: this repository.")
    @click.option("--ref", metavar="REF", help="With --repo: the full ref (refs/heads/main).")
    @click.option("--root", metavar="DIR", help="With --repo: the folder of the specs (.).")
    @wraps(command)
    def wrapped(
        *args: Any, config: str | None, state: str | None, repo: str | None, ref: str | None,
        root: str | None, **kwargs: Any,
    ) -> Any:  # fmt: skip
        import os
        from pathlib import Path

        from engine.settings import load

        told = {"state": state, "repo": repo, "ref": ref, "root": root}
        overrides = {name: value for name, value in told.items() if value is not None}
        loaded = load(Path(config) if config else None, os.environ, overrides)
        return command(*args, loaded=loaded, **kwargs)

    return wrapped  # type: ignore[return-value]
