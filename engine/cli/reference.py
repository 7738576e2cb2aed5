"""The reference pages of commands, settings, keys, API and metrics, from the program itself.

`python -m engine.cli.reference` writes them anew; a test holds them against the program.
"""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import click
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from engine.cli import cli, reference_edge, reference_spec
from engine.core.values import format_duration
from engine.settings import (
    Artifacts,
    Controller,
    ForgeSettings,
    Git,
    History,
    Server,
    Settings,
    Source,
    Telemetry,
    Token,
    Worker,
)

FOLDER = Path(__file__).parents[2] / "docs" / "reference"

_SETTINGS = """\
# Settings

One file: `sark.toml` in the folder where you start, or what `--config` names.
Every key is also an environment variable: `SARK_` and the key in capitals.
Two underscores stand for each dot, as in `SARK_SERVER__PORT`.
`SARK_SOURCES`, `SARK_ADAPTERS` and `SARK_SECRETS` take JSON.
Flags go before the environment, the environment before the file, the file before the defaults.
Unknown keys are refused, with a suggestion; `sark config` shows each value and where it came from.

```toml
state = ".sark"

[server]
port = 8080

[history]
keep = "30d"

[[sources]]
name = "shop"
namespace = "shop"
environment = "production"
url = "https://github.com/acme/workflows"
ref = "refs/heads/main"
interval = "60s"
webhook_secrets = ["env:SHOP_HOOK_SECRET"]

[[tokens]]
name = "ann"
token = "file:/run/secrets/ann"
role = "approver"
groups = ["release-managers"]

[adapters.http]
allow_hosts = ["*.acme.example", "127.0.0.1:9000"]

[secrets.shop]
deployer_token = "env:DEPLOYER_TOKEN"
```

In the example above runs are kept for 30 days, and one repository feeds the namespace `shop`.
Its workflows may call the hosts that are listed, and read one secret.
Ann reads, and decides on what runs ask of her or of release managers.
The first token, which the state folder keeps, is an administrator's called `admin`.

A duration is written `30s`, `5m`, `1h30m`; a secret is a reference, `env:NAME` or `file:PATH`.
Settings of adapters are on the pages of their operations.
"""

# Keys of the top level that have a section of their own, or a page.
_ELSEWHERE = frozenset({"sources", "tokens", "adapters", "secrets"})


def commands_page() -> str:
    """Return the page of all commands, each as its own `--help` tells it."""
    parts = ["# Commands\n", "Exit codes are on [their own page](exit-codes.md).\n"]
    context = click.Context(cli, info_name="sark")
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        told = click.Context(
            command, info_name=f"sark {name}", terminal_width=90,
            help_option_names=["-h", "--help"],
        )  # fmt: skip
        told.max_content_width = 90
        parts.append(f"## sark {name}\n\n```text\n{command.get_help(told)}\n```\n")
    return "\n".join(parts)


def settings_page() -> str:
    """Return the page of all settings, section by section."""
    sections: list[tuple[str, type[BaseModel]]] = [
        ("Top level", Settings),
        ("[server]", Server),
        ("[worker]", Worker),
        ("[artifacts]", Artifacts),
        ("[controller]", Controller),
        ("[telemetry]", Telemetry),
        ("[git]", Git),
        ("[history]", History),
        ("[[sources]]", Source),
        ("[sources.forge]", ForgeSettings),
        ("[[tokens]]", Token),
    ]
    return "\n".join([_SETTINGS, *(_section(title, model) for title, model in sections)])


def _section(title: str, model: type[BaseModel]) -> str:
    rows = "\n".join(_rows(model))
    return f"## {title}\n\n| key | default | what |\n| --- | --- | --- |\n{rows}\n"


def _rows(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if isinstance(field.default, BaseModel) or name in _ELSEWHERE:
            continue
        yield f"| `{name}` | {_default(field.default)} | {field.description or ''} |"


def _default(value: object) -> str:
    if value is PydanticUndefined:
        return "required"
    if isinstance(value, timedelta):
        return f'`"{format_duration(value)}"`'
    if value is None:
        return "none"
    return f"`{json.dumps(value, default=str)}`"


def pages() -> dict[str, str]:
    """Return every page by its file's name."""
    told = {"commands.md": commands_page(), "settings.md": settings_page()}
    return {**told, **reference_edge.pages(), **reference_spec.pages()}


if __name__ == "__main__":
    for file, text in pages().items():
        (FOLDER / file).write_text(text)
