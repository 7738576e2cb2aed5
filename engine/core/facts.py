"""What the core may know of an operation: the shape of an adapter's manifest, by structure alone.

The core does not import adapters. `adapters.contract.Manifest` has these attributes, and so has
anything else that wants to be compiled against.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from engine.core.values import Json, digest

CODE = "code"
SECRET = "secret"
HOST = "host"
PATH = "path"
HEADER = "header"


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


Operations = Mapping[str, OperationFacts]


def catalogue_digest(operations: Operations) -> str:
    """Return the digest of all that a plan may depend on; equal for equal manifests."""
    return digest({name: _facts(operations[name]) for name in sorted(operations)})


def roles_at(facts: OperationFacts, pointer: Sequence[str | int]) -> frozenset[str]:
    """Return the roles of the argument at `pointer`, those of every area around it included."""
    told = [roles for place, roles in facts.roles.items() if _covers(place, pointer)]
    return frozenset(role for roles in told for role in roles)


def roles_within(facts: OperationFacts, pointer: Sequence[str | int]) -> frozenset[str]:
    """Return the roles that a value put at `pointer` may reach: at it, around it and inside it."""
    told = [
        roles
        for place, roles in facts.roles.items()
        if _covers(place, pointer) or _is_inside(place, pointer)
    ]
    return frozenset(role for roles in told for role in roles)


def _covers(place: str, pointer: Sequence[str | int]) -> bool:
    """True if `pointer` is `place` or lies below it; `*` in a place is any one key."""
    parts = _parts(place)
    return len(parts) <= len(pointer) and _agree(parts, pointer)


def _is_inside(place: str, pointer: Sequence[str | int]) -> bool:
    """True if `place` lies below `pointer`."""
    parts = _parts(place)
    return len(parts) > len(pointer) and _agree(parts, pointer)


def _agree(parts: Sequence[str], pointer: Sequence[str | int]) -> bool:
    pairs = zip(parts, pointer, strict=False)
    return all(part in ("*", str(key)) for part, key in pairs)


def _parts(place: str) -> list[str]:
    return [each.replace("~1", "/").replace("~0", "~") for each in place.split("/")[1:]]


def _facts(operation: OperationFacts) -> Json:
    return {
        "arguments": operation.arguments,
        "outputs": operation.outputs,
        "effect": operation.effect,
        "idempotent": operation.idempotent,
        "effect_by": operation.effect_by,
        "idempotent_by": operation.idempotent_by,
        "roles": {place: sorted(roles) for place, roles in operation.roles.items()},
    }
