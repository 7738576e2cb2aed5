"""The configuration: one file, every key also in the environment, unknown keys refused.

Flags go before the environment, the environment before the file, the file before the defaults.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, TypeAlias
from urllib.parse import urlsplit, urlunsplit

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from engine.core.values import parse_duration
from engine.errors import Misconfigured

DEFAULT_FILE = "sark.toml"
_PREFIX = "SARK_"
_SHORT = {"SARK_DATABASE_URL": "database_url", "SARK_REDIS_URL": "redis_url", "SARK_STATE": "state"}
# Whole sections, as JSON. SARK_SERVER is the command line's: where the server is.
_WHOLE = {"SARK_SOURCES", "SARK_ADAPTERS", "SARK_SECRETS"}
_SECRET_KEY = re.compile(r"(_url|\.url|secret|token|password|dsn)")


def _span(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


Span: TypeAlias = Annotated[
    timedelta, BeforeValidator(_span, json_schema_input_type=str), Field(gt=timedelta(0))
]
Reference: TypeAlias = Annotated[str, Field(pattern=r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$")]
Word: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Server(_Section):
    """The HTTP edge."""

    host: str = Field(default="127.0.0.1", description="The address that is listened on.")
    port: int = Field(default=8080, ge=1, le=65535, description="The port, 1 to 65535.")
    max_body: int = Field(
        default=5 << 20, ge=1 << 10, le=64 << 20, description="The largest request body, in bytes."
    )


class Worker(_Section):
    """Each worker process: one owner on one event loop."""

    pool: Word = Field(default="default", description="Which runs this worker takes.")
    processes: int = Field(default=1, ge=1, le=64, description="How many workers `sark up` runs.")
    capacity: int = Field(
        default=2000, ge=1, le=100_000, description="How many runs a worker owns at once."
    )
    lease: Span = Field(
        default=timedelta(seconds=10), description="Silence after which a worker is declared dead."
    )
    sweep: Span = Field(
        default=timedelta(seconds=1), description="How often lost work and dead workers are sought."
    )
    grace: Span = Field(
        default=timedelta(seconds=10), description="How long attempts may finish after SIGTERM."
    )


class Controller(_Section):
    """The duties that one process leads."""

    watch: Span = Field(
        default=timedelta(milliseconds=200),
        description="How often the refs of local repositories are looked at.",
    )


class Source(_Section):
    """A Git ref and folder, bound to a namespace and an environment."""

    name: Word = Field(description="The last part of `/hooks/github/<name>`.")
    namespace: Word = Field(description="Whose workflows these are; never said in a spec.")
    environment: Word = Field(default="production", description="What they run in.")
    url: str = Field(min_length=1, description="`https://` or `ssh://` address, or a local path.")
    ref: str = Field(
        default="refs/heads/main",
        pattern=r"^refs/(heads|tags)/[^\s~^:?*\[\\]+$",
        description="The full ref that is followed.",
    )
    root: str = Field(default=".", min_length=1, description="The folder that holds the specs.")
    interval: Span = Field(
        default=timedelta(seconds=60), description="How often it is looked at without being asked."
    )
    webhook_secrets: tuple[Reference, ...] = Field(
        default=(), max_length=2, description="At most two, while one takes the other's place."
    )


class Settings(_Section):
    """Everything that can be set."""

    state: Path = Field(default=Path(".sark"), description="The one folder that is written to.")
    database_url: str | None = Field(
        default=None, description="PostgreSQL; without it `sark up` brings its own."
    )
    redis_url: str | None = Field(
        default=None, description="Redis; without it `sark up` brings its own."
    )
    server: Server = Server()
    worker: Worker = Worker()
    controller: Controller = Controller()
    sources: tuple[Source, ...] = ()
    adapters: dict[str, dict[str, Any]] = {}
    secrets: dict[str, dict[str, Reference]] = {}


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, and for each key that was set where it came from."""

    settings: Settings
    origins: Mapping[str, str]

    def shown(self) -> list[tuple[str, str, str]]:
        """Return every key with its value, masked where it may hold a secret, and its origin."""
        told = self.settings.model_dump(mode="json")
        return [
            (key, _masked(key, value), self.origins.get(key, "default"))
            for key, value in _flat(told, "")
        ]


def load(path: Path | None, environment: Mapping[str, str], flags: Mapping[str, str]) -> Loaded:
    """Return the settings; raise Misconfigured with every fault, its place and a way out.

    `path` None means `sark.toml` in this folder if it is there. `flags` are `state`, and `repo`
    with `ref` and `root`: one source named local in the namespace local.
    """
    file = path or (Path(DEFAULT_FILE) if Path(DEFAULT_FILE).exists() else None)
    told, origins = _read(file) if file else ({}, {})
    for key, value, origin in (*_environment(environment), *_flags(flags)):
        _put(told, key, value)
        origins = {k: o for k, o in origins.items() if not k.startswith(f"{key}.")}
        origins[key] = origin
    try:
        settings = Settings.model_validate(told)
    except ValidationError as error:
        raise Misconfigured(_explain(error, file, origins)) from None
    _check_sources(settings)
    base = file.resolve().parent if file and origins.get("state") == str(file) else Path.cwd()
    return Loaded(settings.model_copy(update={"state": base / settings.state}), origins)


def _read(file: Path) -> tuple[dict[str, Any], dict[str, str]]:
    try:
        told = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise Misconfigured(f"{file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{file} is not TOML: {error}") from None
    return told, {key: str(file) for key, _ in _flat(told, "")}


def _environment(environment: Mapping[str, str]) -> Iterator[tuple[str, object, str]]:
    """Yield each setting of the environment; `SARK_SERVER__PORT` is `server.port`."""
    for name, value in sorted(environment.items()):
        if name in _SHORT:
            yield _SHORT[name], value, name
        elif name.startswith(_PREFIX) and ("__" in name or name in _WHOLE):
            yield name.removeprefix(_PREFIX).lower().replace("__", "."), _json(value), name


def _flags(flags: Mapping[str, str]) -> Iterator[tuple[str, object, str]]:
    if "state" in flags:
        yield "state", flags["state"], "--state"
    if "repo" in flags:
        source = {
            "name": "local",
            "namespace": "local",
            "environment": "local",
            "url": str(Path(flags["repo"]).resolve()),
            "ref": flags.get("ref", "refs/heads/main"),
            "root": flags.get("root", "."),
        }
        yield "sources", [source], "--repo"
    elif flags.keys() & {"ref", "root"}:
        raise Misconfigured("--ref and --root go with --repo")


def _json(text: str) -> object:
    """Return a list or an object that is written as JSON; anything else is text."""
    if text[:1] in ("[", "{"):
        try:
            return orjson.loads(text)
        except ValueError:
            return text
    return text


def _put(told: dict[str, Any], key: str, value: object) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        told = told.setdefault(parent, {})
    told[last] = value


def _flat(told: object, before: str) -> Iterator[tuple[str, object]]:
    if isinstance(told, Mapping) and told:
        for key, value in told.items():
            yield from _flat(value, f"{before}.{key}" if before else str(key))
    elif isinstance(told, list) and told and isinstance(told[0], Mapping):
        for position, value in enumerate(told):
            yield from _flat(value, f"{before}.{position}")
    else:
        yield before, told


def _explain(error: ValidationError, file: Path | None, origins: Mapping[str, str]) -> str:
    return "\n".join(
        _fault(".".join(map(str, each["loc"])), each["type"], each["msg"], file, origins)
        for each in error.errors(include_url=False, include_input=False)
    )


def _fault(key: str, kind: str, message: str, file: Path | None, origins: Mapping[str, str]) -> str:
    origin = next(
        (o for k, o in origins.items() if k == key or k.startswith(f"{key}.")), "settings"
    )
    where = f"{origin}:{_line(file, key)}" if file and origin == str(file) else origin
    if kind == "extra_forbidden":
        parent, _, last = key.rpartition(".")
        near = get_close_matches(last, _fields(parent), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(_fields(parent))}"
        return f"{where}: unknown key {key!r}{hint}"
    return f"{where}: {key}: {message}"


def _fields(parent: str) -> list[str]:
    sections: dict[str, type[BaseModel]] = {
        "": Settings,
        "server": Server,
        "worker": Worker,
        "controller": Controller,
    }
    model: type[BaseModel] | None = (
        Source if parent.startswith("sources.") else sections.get(parent)
    )
    return list(model.model_fields) if model else []


def _line(file: Path, key: str) -> int:
    """Return the line on which the key's last word is first assigned, or 1."""
    wanted = re.compile(rf"^\s*\[*\s*([\w.]+\.)?{re.escape(key.rpartition('.')[2])}\s*[=\]]")
    lines = file.read_text("utf-8").splitlines()
    return next((number for number, text in enumerate(lines, 1) if wanted.match(text)), 1)


def _check_sources(settings: Settings) -> None:
    names = [each.name for each in settings.sources]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Misconfigured(
            f"two sources are called {twice[0]!r}; a name is a source's webhook path"
        )


def _masked(key: str, value: object) -> str:
    if isinstance(value, str) and "://" in value:
        parts = urlsplit(value)
        if parts.password or (parts.username and parts.scheme.startswith("http")):
            user = f"{parts.username}:***@" if parts.password else "***@"
            host = parts.netloc.rpartition("@")[2]
            return urlunsplit(parts._replace(netloc=user + host))
        return value
    if isinstance(value, str) and value.startswith(("env:", "file:")):
        return value
    if value is not None and _SECRET_KEY.search(key) and not isinstance(value, list | dict):
        return "***"
    return value if isinstance(value, str) else orjson.dumps(value).decode()
