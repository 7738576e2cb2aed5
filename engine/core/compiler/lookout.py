"""A `file` trigger and its connection: that there is something to look at, and how often."""

from collections.abc import Mapping

from engine.core import facts, spec
from engine.core.compiler import shape
from engine.core.compiler.argument import Area
from engine.core.compiler.findings import Findings, Path, Place
from engine.core.compiler.site import Schema
from engine.core.facts import Catalogue
from engine.core.frozen import frozen
from engine.core.values import Json

# What the trigger itself gives to the operation, and no connection.
_OWN = frozenset({"paths", "limit", "after"})
_CODE = "no-listing"


@frozen
class Listing:
    """The arguments of the operation that lists, apart: those of a connection and of a trigger."""

    connection: Schema
    trigger: Schema


def listing(catalogue: Catalogue) -> Listing | None:
    """Return what the operation that lists files takes, None where there is none."""
    operation = catalogue.get(facts.LISTING)
    if operation is None:
        return None
    properties = operation.taken["properties"]
    assert isinstance(properties, Mapping)
    own = {name: told for name, told in properties.items() if name in _OWN}
    rest = {name: told for name, told in properties.items() if name not in _OWN}
    required = operation.taken.get("required", ())
    assert isinstance(required, list | tuple)
    return Listing(
        shape.closed(rest, [name for name in rest if name not in required]),
        shape.closed(own, list(own)),
    )


def is_listed(adapter: str) -> bool:
    """True if a connection of this adapter leads to files."""
    return adapter in facts.names(facts.LISTING)


def check_connection(
    findings: Findings, model: spec.Connection, catalogue: Catalogue, types: Mapping[Path, Schema]
) -> None:
    """Find what is wrong in the `with` of a connection that leads to files."""
    told = listing(catalogue) if is_listed(model.adapter) else None
    if told is not None:
        place: Path = ("with",) if model.with_ else ("name",)
        area = Area(findings, facts.LISTING, place, types)
        area.check(model.with_, told.connection)


def check_trigger(
    findings: Findings,
    trigger: spec.FileTrigger,
    path: Path,
    catalogue: Catalogue,
    connection: Mapping[str, Json] | None,
) -> None:
    """Find globs that the operation does not take, and a connection that leads to no files."""
    told = listing(catalogue)
    if told is not None:
        area = Area(findings, facts.LISTING, path, {})
        area.check({"paths": trigger.paths}, told.trigger)
    adapter = (connection or {}).get("adapter")
    if isinstance(adapter, str) and adapter in catalogue.adapters and not is_listed(adapter):
        message = f'connection "{trigger.connection}" is of {adapter}, which lists no files'
        hint = "name a Connection with `adapter: file`"
        findings.error(_CODE, message, Place((*path, "connection")), hint=hint)
