"""Operations by name: what an adapter offers is added here once, and found here ever after."""

import re
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from types import MappingProxyType

from adapters.contract import Adapter, Manifest, Operation, Role

_NAME = re.compile(r"(?P<adapter>[a-z][a-z0-9_]*)\.[a-z][a-z0-9_]*@[1-9][0-9]*")
_FILE = re.compile(r"[a-z][a-z0-9_]*")
_EFFECTS = frozenset({"pure", "read", "write", "destructive"})
_CLOSING = 5.0


class Registry:
    """Every operation that this process may call.

    Registering costs nothing but memory: sockets and processes are made by `open`, so that a
    command line that only needs the manifests stays quick.
    """

    def __init__(self, adapters: Iterable[Adapter] = ()) -> None:
        self._adapters: list[Adapter] = []
        self._operations: dict[str, Operation] = {}
        self._stack: AsyncExitStack | None = None
        for adapter in adapters:
            self.add(adapter)

    def add(self, adapter: Adapter) -> None:
        """Take in every operation of `adapter`.

        Raise ValueError for a manifest that contradicts itself or a name that is taken.
        """
        fresh = {each.manifest.name: each for each in adapter.operations()}
        for name, operation in fresh.items():
            check_manifest(operation.manifest)
            if name in self._operations:
                raise ValueError(f"operation {name} is already registered")
        self._operations.update(fresh)
        self._adapters.append(adapter)

    @property
    def manifests(self) -> Mapping[str, Manifest]:
        """Return the manifest of every operation by its name."""
        return {name: each.manifest for name, each in self._operations.items()}

    @property
    def operations(self) -> Mapping[str, Operation]:
        """Return every operation by its name, as a view."""
        return MappingProxyType(self._operations)

    async def open(self) -> None:
        """Open every adapter, or none: what did open is closed again when a later one fails."""
        async with AsyncExitStack() as stack:
            for adapter in self._adapters:
                await adapter.open()
                stack.push_async_callback(_close, adapter)
            self._stack = stack.pop_all()

    async def close(self) -> None:
        """Close every adapter, last opened first; closing twice does nothing."""
        stack, self._stack = self._stack, None
        if stack is not None:
            await stack.aclose()


async def _close(adapter: Adapter) -> None:
    """Close one adapter, and do not let a slow one keep the process."""
    import asyncio  # late, for whoever only reads manifests has no need of it

    async with asyncio.timeout(_CLOSING):
        await adapter.close()


def check_manifest(manifest: Manifest) -> None:
    """Raise ValueError with the first thing in `manifest` that contradicts itself."""
    for problem in _problems(manifest):
        raise ValueError(f"manifest of {manifest.name!r}: {problem}")


def _problems(manifest: Manifest) -> Iterable[str]:
    match = _NAME.fullmatch(manifest.name)
    if match is None:
        yield "the name must look like adapter.operation@1"
        return
    if manifest.effect not in _EFFECTS:
        yield f"effect {manifest.effect!r} is not one of {', '.join(sorted(_EFFECTS))}"
    for area, schema in (("arguments", manifest.arguments), ("outputs", manifest.outputs)):
        if schema.get("type") != "object":
            yield f"{area} must be a schema of type object"
    yield from _refinement_problems(manifest)
    if len(set(manifest.files)) != len(manifest.files) or not all(
        map(_FILE.fullmatch, manifest.files)
    ):
        yield "files must be different names of a-z, 0-9 and _, a letter first"
    declared = [(each.type, each.error_class) for each in manifest.errors]
    if len(set(declared)) != len(declared):
        yield "an error type is declared twice in one class"
    for kind, _ in declared:
        if not kind.startswith(f"{match['adapter']}."):
            yield f"error type {kind!r} does not begin with {match['adapter']!r}"


def _refinement_problems(manifest: Manifest) -> Iterable[str]:
    properties = manifest.arguments.get("properties")
    known = set(properties) if isinstance(properties, Mapping) else set()
    for refined in (manifest.effect_by, manifest.idempotent_by):
        if refined is not None and refined[0] not in known:
            yield f"refined by {refined[0]!r}, which is no argument"
    if manifest.effect_by is not None and not set(manifest.effect_by[1].values()) <= _EFFECTS:
        yield "effect_by names an unknown effect"
    for pointer in manifest.roles:
        if not pointer.startswith("/") or pointer.split("/")[1] not in known:
            yield f"role at {pointer!r}, which is no argument"
    for pointer in (*manifest.faults, *manifest.reads):
        if Role.CODE not in manifest.roles.get(pointer, ()):
            yield f"faults or names are looked for at {pointer!r}, which is no code"
    if manifest.reads and "values" not in known:
        yield "code reads names, and no argument `values` has them"
