"""The operations of this process: built-in adapters, and others that the settings allow by name."""

import dataclasses
import importlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial

from adapters.contract import (
    Adapter,
    AdapterFactory,
    Json,
    Manifest,
    Operation,
    SettingError,
)
from adapters.manifest import BUILT_IN as MANIFESTS
from adapters.registry import Registry
from engine.core.values import digest
from engine.errors import Misconfigured
from engine.manifest import MANIFEST as OWN

BUILT_IN = (
    "container", "echo", "file", "github", "http", "shell", "smtp", "sql", "table", "text",
)  # fmt: skip
_OWN = "sark"
_PLUGINS = "plugins"


def build(settings: Mapping[str, Json], database_url: str | None = None) -> Registry:
    """Return the registry that `[adapters]` describes, not yet open.

    The engine's own operations are in it too; they look into the database at `database_url`.

    `settings` maps an adapter's name to its own settings; `plugins` lists the third-party
    adapters (entry points of the group `sark.adapters`) that may be loaded, and no other is.
    Raise Misconfigured for an unknown adapter, an unusable setting or a plugin that is refused.
    """
    from engine import plugin
    from engine.record import Record

    plugins = _plugins(settings)
    known = [*BUILT_IN, *plugins]
    for name in settings:
        if name not in (*known, _PLUGINS):
            raise Misconfigured(f'unknown setting "adapters.{name}"{_suggestion(name, known)}')
    registry, made = Registry(), dict[str, Adapter]()
    for name in known:
        create = partial(_create, name, settings.get(name, {}))
        made[name] = create(_built_in(name)) if name in BUILT_IN else plugin.make(name, create)
        _add(registry, name, made[name])
    _add(registry, _OWN, Record(database_url))
    _join(made["shell"], made["container"])
    return registry


def catalogue(settings: Mapping[str, Json] | None = None) -> Mapping[str, Manifest]:
    """Return every operation's manifest by name; nothing is opened and no client is loaded.

    Without settings no adapter is loaded either: its code is not what a spec is checked against.
    """
    if not settings:
        return {each.name: each for each in (*MANIFESTS, OWN)}
    return build(settings).manifests


def catalogue_digest(manifests: Mapping[str, Manifest]) -> str:
    """Return the digest of all that a plan may depend on in the manifests."""
    # What looks into code is no datum: that it is there counts.
    plain = {
        name: {
            **dataclasses.asdict(each),
            "faults": sorted(each.faults),
            "reads": sorted(each.reads),
        }
        for name, each in manifests.items()
    }
    return digest(plain)


@asynccontextmanager
async def open_operations(
    settings: Mapping[str, Json], database_url: str | None = None
) -> AsyncIterator[Mapping[str, Operation]]:
    """Give every operation by name, ready to be invoked; close every adapter afterwards."""
    registry = build(settings, database_url)
    await registry.open()
    try:
        yield registry.operations
    finally:
        await registry.close()


@asynccontextmanager
async def open_operation(settings: Mapping[str, Json], name: str) -> AsyncIterator[Operation]:
    """Give one operation of a built-in adapter, ready to be invoked; open no other adapter."""
    adapter, _, _ = name.partition(".")
    made = _create(adapter, settings.get(adapter, {}), _built_in(adapter))
    await made.open()
    try:
        yield next(each for each in made.operations() if each.manifest.name == name)
    finally:
        await made.close()


def _plugins(settings: Mapping[str, Json]) -> Sequence[str]:
    names = settings.get(_PLUGINS, ())
    if isinstance(names, str) or not isinstance(names, Sequence):
        raise Misconfigured('"adapters.plugins" must be a list of entry point names')
    found = [name for name in names if isinstance(name, str)]
    if len(found) != len(names) or len(set(found)) != len(found):
        raise Misconfigured('"adapters.plugins" must name each entry point once')
    for name in found:
        if name in (*BUILT_IN, _OWN, _PLUGINS):
            raise Misconfigured(f'plugin "{name}" would take the place of a built-in adapter')
    return found


def _create(name: str, given: Json, factory: AdapterFactory) -> Adapter:
    if not isinstance(given, Mapping):
        raise Misconfigured(f'"adapters.{name}" must be a table of settings')
    try:
        return factory(given)
    except SettingError as error:
        raise Misconfigured(f"adapters.{name}: {error}") from None


def _add(registry: Registry, name: str, adapter: Adapter) -> None:
    """Register an adapter whose every operation is in its own name space."""
    for operation in adapter.operations():
        if not operation.manifest.name.startswith(f"{name}."):
            raise Misconfigured(f"adapter {name} offers {operation.manifest.name}, not {name}.*")
    try:
        registry.add(adapter)
    except ValueError as error:
        raise Misconfigured(f"adapter {name}: {error}") from error


def _join(shell: Adapter, container: Adapter) -> None:
    """Let `shell.run@1` run what names an image as `container.run@1` does."""
    from adapters.container import Container
    from adapters.shell import Shell

    assert isinstance(shell, Shell)
    assert isinstance(container, Container)
    shell.container = next(
        each for each in container.operations() if each.manifest.name == "container.run@1"
    )


def _suggestion(word: str, known: list[str]) -> str:
    from adapters.settings import suggestion

    return suggestion(word, known)


def _built_in(name: str) -> AdapterFactory:
    factory: AdapterFactory = importlib.import_module(f"adapters.{name}").create
    return factory
