"""What the core may know of an operation: the shape of an adapter's manifest, by structure alone.

The core does not import adapters. `adapters.contract.Manifest` has these attributes, and so has
anything else that wants to be compiled against.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, TypeAlias, TypeVar, cast

from engine.core.plan import Effect
from engine.core.schema import inlined
from engine.core.values import Json, digest

CODE = "code"
SECRET = "secret"  # nosec B105
HOST = "host"
PATH = "path"
HEADER = "header"
FILE = "file"

LISTING = "file.list@1"
"""The operation by which `file` triggers see files."""

ARTIFACT: Mapping[str, Json] = {
    "type": "object",
    "properties": {
        "artifact": {"type": "string"},
        "name": {"type": "string"},
        "media_type": {"type": "string"},
        "bytes": {"type": "integer"},
    },
    "required": ["artifact", "name", "media_type", "bytes"],
    "additionalProperties": False,
}
"""A file that a step has kept, as an expression sees it."""

Pointer: TypeAlias = Sequence[str | int]
Faults: TypeAlias = Callable[[str], Iterable[tuple[int, str]]]
Reads: TypeAlias = Callable[[str], Iterable[tuple[int, str, bool, Collection[str]]]]
_Found = TypeVar("_Found")


class OperationFacts(Protocol):
    """One operation, as its manifest declares it; see `adapters.contract.Manifest`."""

    @property
    def name(self) -> str: ...

    @property
    def arguments(self) -> Mapping[str, Json]: ...

    @property
    def outputs(self) -> Mapping[str, Json]: ...

    @property
    def effect(self) -> str: ...

    @property
    def idempotent(self) -> bool: ...

    @property
    def effect_by(self) -> tuple[str, Mapping[str, str]] | None: ...

    @property
    def idempotent_by(self) -> tuple[str, Mapping[str, bool]] | None: ...

    @property
    def roles(self) -> Mapping[str, Sequence[str]]: ...

    @property
    def files(self) -> Sequence[str]: ...

    @property
    def progress(self) -> str: ...

    @property
    def sandbox(self) -> str: ...

    @property
    def sandbox_by(self) -> tuple[str, str] | None: ...

    @property
    def resources(self) -> Mapping[str, str]: ...

    @property
    def faults(self) -> Mapping[str, Faults]: ...

    @property
    def reads(self) -> Mapping[str, Reads]: ...


Operations: TypeAlias = Mapping[str, OperationFacts]


@dataclass(frozen=True)
class Operation:
    """An operation made ready to compile against, once for all workflows."""

    facts: OperationFacts

    @property
    def name(self) -> str:
        return self.facts.name

    @cached_property
    def arguments(self) -> Mapping[str, Json]:
        """What it takes, its references followed."""
        return _followed(self.facts.arguments)

    @cached_property
    def taken(self) -> Mapping[str, Json]:
        """What it takes in a spec: an artifact where the call has the path of a file."""
        told: Json = self.arguments
        for place, roles in self._roles:
            if FILE in roles:
                told = _with_artifact(told, place)
        assert isinstance(told, Mapping)
        return told

    @cached_property
    def outputs(self) -> Mapping[str, Json]:
        """What it returns, its references followed."""
        return _followed(self.facts.outputs)

    @cached_property
    def has_code(self) -> bool:
        """True if one of its arguments is code."""
        return any(CODE in roles for _, roles in self._roles)

    @cached_property
    def has_url(self) -> bool:
        """True if one of its arguments is a whole address: it says host and path."""
        return any({HOST, PATH} <= roles for _, roles in self._roles)

    def roles_at(self, pointer: Pointer) -> frozenset[str]:
        """Return the roles of the argument at `pointer`, those of every area around it included."""
        told = [roles for place, roles in self._roles if _covers(place, pointer)]
        return frozenset().union(*told)

    def roles_within(self, pointer: Pointer) -> frozenset[str]:
        """Return the roles that a value put at `pointer` may reach: there, around and inside it."""
        told = [roles for place, roles in self._roles if _agree(place, pointer)]
        return frozenset().union(*told)

    def names_at(self, pointer: Pointer) -> bool:
        """True if the names that the code at `pointer` reads are known."""
        return any(_parts(at) == tuple(map(str, pointer)) for at in self.facts.reads)

    def faults(
        self, arguments: Mapping[str, Json]
    ) -> Iterator[tuple[tuple[str, ...], str, int, str]]:
        """Yield what is wrong with code: its pointer and text, the line, from 1, and words."""
        for place, text, (line, words) in _within(arguments, self.facts.faults):
            yield place, text, line, words

    def reads(
        self, arguments: Mapping[str, Json]
    ) -> Iterator[tuple[tuple[str, ...], str, tuple[int, str, bool, Collection[str]]]]:
        """Yield what code reads of `values`: its pointer and text, and what its manifest tells."""
        return _within(arguments, self.facts.reads)

    def effect_with(self, arguments: Mapping[str, Json]) -> Effect:
        """Return what it does to the world; the worst where an argument decides it at run time."""
        whole = self._effect
        if self.facts.effect_by is None:
            return whole
        argument, table = self.facts.effect_by
        value = self._constant(arguments, argument)
        if value is not None:
            return Effect(table[value]) if value in table else whole
        return worst(whole, *map(Effect, table.values()))

    def is_idempotent_with(self, arguments: Mapping[str, Json]) -> bool:
        """True if doing it twice is like doing it once, whatever an argument may be."""
        if self.facts.idempotent_by is None:
            return self.facts.idempotent
        argument, table = self.facts.idempotent_by
        value = self._constant(arguments, argument)
        if value is not None:
            return table.get(value, self.facts.idempotent)
        return self.facts.idempotent and all(table.values())

    def sandbox_with(self, arguments: Mapping[str, Json]) -> str:
        """Return what a call is shut in."""
        by = self.facts.sandbox_by
        return self.facts.sandbox if by is None or by[0] not in arguments else by[1]

    def resources_with(self, arguments: Mapping[str, Json]) -> Mapping[str, str]:
        """Return the limit that sets each of the resources that a call keeps to."""
        by = self.facts.sandbox_by
        return self.facts.resources if by is None or by[0] not in arguments else {}

    def places(self, role: str) -> list[str]:
        """Return the arguments that have a role, as a person writes them: `auth.bearer`."""
        return sorted(".".join(place) for place, roles in self._roles if role in roles)

    @cached_property
    def _effect(self) -> Effect:
        return Effect(self.facts.effect)

    @cached_property
    def _roles(self) -> tuple[tuple[tuple[str, ...], frozenset[str]], ...]:
        return tuple((_parts(at), frozenset(told)) for at, told in self.facts.roles.items())

    def _constant(self, arguments: Mapping[str, Json], name: str) -> str | None:
        """Return the text of an argument that is the same in every run, else nothing."""
        given = arguments.get(name)
        if given is None:
            properties = self.arguments.get("properties")
            declared = properties.get(name) if isinstance(properties, Mapping) else None
            given = declared.get("default") if isinstance(declared, Mapping) else None
        return given if isinstance(given, str) and "{{" not in given else None


class Catalogue(dict[str, Operation]):
    """Every operation that a workflow may call, made ready; nobody adds one."""

    def __init__(self, operations: Operations) -> None:
        super().__init__((name, Operation(each)) for name, each in operations.items())

    @cached_property
    def adapters(self) -> frozenset[str]:
        """All that a connection or a pool may name: adapters, and operations of them."""
        return frozenset(part for each in self for part in names(each))

    @cached_property
    def digest(self) -> str:
        """The digest of all that a plan may depend on; equal for equal manifests."""
        return digest({name: _told(each.facts) for name, each in self.items()})


def names(operation: str) -> tuple[str, str, str]:
    """Return what names an operation: `http`, `http.request` and `http.request@1`."""
    stem = operation.partition("@")[0]
    return (stem.partition(".")[0], stem, operation)


def _with_artifact(schema: Json, place: tuple[str, ...]) -> Json:
    """Return a schema of arguments in which an artifact stands at `place`."""
    if not place:
        return ARTIFACT
    if not isinstance(schema, Mapping):
        return schema
    properties = schema.get("properties")
    if isinstance(properties, Mapping) and place[0] in properties:
        inner = _with_artifact(properties[place[0]], place[1:])
        return {**schema, "properties": {**properties, place[0]: inner}}
    key = "items" if schema.get("type") == "array" else "additionalProperties"
    return {**schema, key: _with_artifact(schema[key], place[1:])} if key in schema else schema


def worst(*effects: Effect) -> Effect:
    """Return the effect that does most to the world."""
    return max(effects, key=list(Effect).index)


def _covers(place: tuple[str, ...], pointer: Pointer) -> bool:
    """True if `pointer` is `place` or lies below it; `*` in a place is any one key."""
    return len(place) <= len(pointer) and _agree(place, pointer)


def _agree(place: tuple[str, ...], pointer: Pointer) -> bool:
    """True if one of the two is the other or lies below it."""
    for part, key in zip(place, pointer, strict=False):
        if part != "*" and part != str(key):
            return False
    return True


def _within(
    arguments: Mapping[str, Json], finders: Mapping[str, Callable[[str], Iterable[_Found]]]
) -> Iterator[tuple[tuple[str, ...], str, _Found]]:
    """Yield what is found in texts of arguments: pointer and text of each, and what it is."""
    for at, find in finders.items():
        place, text = _parts(at), cast(Json, arguments)
        for key in place:
            text = text.get(key) if isinstance(text, Mapping) else None
        if isinstance(text, str):
            for found in find(text):
                yield place, text, found


def _parts(place: str) -> tuple[str, ...]:
    return tuple(each.replace("~1", "/").replace("~0", "~") for each in place.split("/")[1:])


def _followed(schema: Json) -> Mapping[str, Json]:
    told = inlined(schema)
    assert isinstance(told, Mapping)
    return told


def _told(facts: OperationFacts) -> Json:
    return {
        "arguments": facts.arguments,
        "outputs": facts.outputs,
        "effect": facts.effect,
        "idempotent": facts.idempotent,
        "effect_by": facts.effect_by,
        "idempotent_by": facts.idempotent_by,
        "roles": {place: sorted(roles) for place, roles in facts.roles.items()},
        "files": sorted(facts.files),
        "progress": facts.progress,
        "sandbox": facts.sandbox,
        "sandbox_by": facts.sandbox_by,
        "resources": facts.resources,
        "faults": sorted(facts.faults),
        "reads": sorted(facts.reads),
    }
