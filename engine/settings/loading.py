"""Where settings come from: flags, the environment, the file, the defaults, the first first."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from engine.core.frozen import frozen
from engine.errors import Misconfigured
from engine.settings.fault import explain
from engine.settings.masking import masked
from engine.settings.model import Settings, Worker

DEFAULT_FILE = "sark.toml"
_PREFIX = "SARK_"
_SHORT = {
    "SARK_DATABASE_URL": "database_url",
    "SARK_REDIS_URL": "redis_url",
    "SARK_STATE": "state",
    "SARK_ARTIFACTS_DIR": "artifacts.dir",
}
# Whole sections, as JSON. SARK_SERVER is the command line's: where the server is.
_WHOLE = {"SARK_SOURCES", "SARK_ADAPTERS", "SARK_SECRETS"}
# How near a name of the environment must come to one of ours to be a slip and not another's.
_SLIP = 0.85


@frozen
class Loaded:
    """The settings, and for each key that was set where it came from."""

    settings: Settings
    origins: Mapping[str, str]

    def shown(self) -> list[tuple[str, str, str]]:
        """Return every key with its value, masked where it may hold a secret, and its origin."""
        told = self.settings.model_dump()
        return [
            (key, masked(key, value), self.origins.get(key, "default"))
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
        _put(told, key, value, origin)
        origins = {k: o for k, o in origins.items() if not k.startswith(f"{key}.")}
        origins[key] = origin
    try:
        settings = Settings.model_validate(told)
    except ValidationError as error:
        raise Misconfigured(explain(error, file, origins)) from None
    _check_names(settings)
    return Loaded(_placed(settings, file, origins), origins)


def serving(settings: Settings, pools: Sequence[str], labels: Mapping[str, str]) -> Settings:
    """Return settings by which a worker serves these pools and has these labels, if there are any.

    Raise Misconfigured for the name of a pool that none can have.
    """
    told = settings.worker.model_dump()
    told |= {"pools": pools} if pools else {}
    told |= {"labels": {**(settings.worker.labels or {}), **labels}} if labels else {}
    try:
        worker = Worker.model_validate(told)
    except ValidationError as error:
        raise Misconfigured(f"--pool: {error.errors()[0]['msg']}") from None
    return settings.model_copy(update={"worker": worker})


def _placed(settings: Settings, file: Path | None, origins: Mapping[str, str]) -> Settings:
    """Return settings whose folders are absolute: beside the file that names them, or from here."""

    def place(key: str, path: Path) -> Path:
        beside = file is not None and origins.get(key) == str(file)
        return (file.resolve().parent if file and beside else Path.cwd()) / path

    state, artifacts, worker = settings.state, settings.artifacts, settings.worker
    update: dict[str, object] = {"state": place("state", state)}
    if artifacts.dir is not None:
        folder = place("artifacts.dir", artifacts.dir)
        update["artifacts"] = artifacts.model_copy(update={"dir": folder})
    if worker.scratch is not None:
        folder = place("worker.scratch", worker.scratch)
        update["worker"] = worker.model_copy(update={"scratch": folder})
    update["sources"] = tuple(
        each.model_copy(update={
            field: place(f"sources.{position}.{field}", path)
            for field in each.model_fields_set
            if isinstance(path := getattr(each, field), Path)
        })
        for position, each in enumerate(settings.sources)
    )  # fmt: skip
    return settings.model_copy(update=update)


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
        _refuse_slip(name)
        if not value:  # as good as not set: `SARK_REDIS_URL=${REDIS_URL:-}`
            continue
        if name in _SHORT:
            yield _SHORT[name], value, name
        elif name.startswith(_PREFIX) and ("__" in name or name in _WHOLE):
            yield name.removeprefix(_PREFIX).lower().replace("__", "."), _json(name, value), name


def _refuse_slip(name: str) -> None:
    """Raise Misconfigured for a name that is a slip of one of ours; others' names pass."""
    known = (*_SHORT, *_WHOLE)
    if name.startswith(_PREFIX) and "__" not in name and name not in known:
        near = get_close_matches(name, known, n=1, cutoff=_SLIP)
        if near:
            raise Misconfigured(f"{name}: there is no such variable; did you mean {near[0]}?")


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


def _json(name: str, text: str) -> object:
    """Return a list or an object that is written as JSON; anything else is text."""
    if text[:1] in ("[", "{") or name in _WHOLE:
        try:
            return orjson.loads(text)
        except ValueError as error:
            if name in _WHOLE:
                raise Misconfigured(f"{name}: expected JSON: {error}") from None
    return text


def _put(told: dict[str, Any], key: str, value: object, origin: str) -> None:
    """Put a value where its key says; a number is a place in a list, or the one after its end."""
    place: Any = told
    words = key.split(".")
    for word, following in pairwise([*words, ""]):
        if isinstance(place, list):
            if not (word.isdecimal() and int(word) <= len(place)):
                raise Misconfigured(f"{origin}: {key}: expected a number up to {len(place)}")
            position: Any = int(word)
            place += [{}] * (position == len(place))
        elif isinstance(place, dict):
            position = word
        else:
            raise Misconfigured(f"{origin}: {key}: there is nothing below a single value")
        if not following:
            place[position] = value
            return
        if isinstance(place, dict):
            place.setdefault(position, [] if following.isdecimal() else {})
        place = place[position]


def _flat(told: object, before: str) -> Iterator[tuple[str, object]]:
    if isinstance(told, Mapping) and told:
        for key, value in told.items():
            yield from _flat(value, f"{before}.{key}" if before else str(key))
    elif isinstance(told, list | tuple) and told and isinstance(told[0], Mapping):
        for position, value in enumerate(told):
            yield from _flat(value, f"{before}.{position}")
    else:
        yield before, told


def _check_names(settings: Settings) -> None:
    sources, tokens = settings.sources, settings.tokens
    for what, why, names in (
        ("sources", "a name is a source's webhook path", [each.name for each in sources]),
        ("tokens", "a name says who it is", [each.name for each in tokens]),
    ):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise Misconfigured(f"two {what} are called {twice[0]!r}; {why}")
