"""Connections: what they give to calls, as they are written and as environments overlay them."""

from collections.abc import Iterable
from typing import Any

from engine.core import spec
from engine.core.commit.neighbour import Neighbours, overlaid
from engine.core.compiler import lookout, shape, site
from engine.core.compiler.findings import Findings, Path, Place, listed, meant
from engine.core.compiler.giving import properties_of
from engine.core.compiler.site import Site, Use
from engine.core.diagnostic import Severity
from engine.core.document import Document
from engine.core.expression import Reference
from engine.core.facts import Catalogue, names


def check(findings: Findings, model: spec.Connection, catalogue: Catalogue) -> None:
    """A connection reads nothing but the secrets that it declares, and gives what is taken."""
    types = {}
    for each in site.templates(findings, Use.ARGUMENT, model.with_, ("with",)):
        types[each.pointer] = shape.STRING
        for reference in each.compiled.references:
            _check_secret(findings, model, each, reference)
    lookout.check_connection(findings, model, catalogue, types)
    if not lookout.is_listed(model.adapter):
        _check_taken(findings, model, catalogue)


def _check_taken(findings: Findings, model: spec.Connection, catalogue: Catalogue) -> None:
    """Find an argument that no operation of the adapter takes."""
    called = [each for each in catalogue.values() if model.adapter in names(each.name)]
    known = {name for each in called for name in properties_of(each.taken)}
    for name in model.with_ if called else ():
        if name not in known:
            message = f'no operation of {model.adapter} takes the argument "{name}"'
            place, hint = Place(("with", name), key=True), meant(name, known)
            expected = listed(sorted(known), "no argument")
            findings.error("unknown-argument", message, place, hint=hint, expected=expected)


def check_overlays(
    findings: Findings, model: spec.Environment, catalogue: Catalogue, neighbours: Neighbours
) -> None:
    """A connection is as right with what an environment says otherwise as it is without."""
    for name, overlay in model.connections.items():
        written = neighbours.connection(name)
        if written:  # else it is not there, or wrong itself, and that is told where it shows
            said = {key: each for key, each in overlay.plain().items() if each is not None}
            merged = spec.Connection.of(overlaid(written, said))
            above = _Above(findings.document, ("connections", name), said)
            check(above, merged, catalogue)
            findings.extend(above.all)


class _Above(Findings):
    """Findings on a connection with an overlay, at the keys of the overlay.

    What the overlay has no part in is a finding of the connection itself.
    """

    def __init__(self, document: Document, path: Path, said: dict[str, Any]) -> None:
        super().__init__(document)
        self._path = path
        self._said = said

    def _note(
        self, severity: Severity, code: str, message: str, place: Place, hint: str, expected: str,
        related: Iterable[tuple[Place, str]],
    ) -> None:  # fmt: skip
        path = place.path
        if not _leads(self._said, path):
            if code != "unknown-secret" or "secrets" not in self._said:
                return
            path, place = ("secrets",), Place(())
        there = Place((*self._path, *path), place.key, place.text, place.offset, place.length)
        super()._note(severity, code, message, there, hint, expected, ())


def _leads(value: Any, path: Path) -> bool:
    """True if a path leads to something."""
    for key in path:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _check_secret(
    findings: Findings, model: spec.Connection, each: Site, reference: Reference
) -> None:
    name, *path = map(str, reference.path)
    if name != "secrets":
        message = f'there is no "{name}" to read in a connection: it belongs to no run'
        hint = ""
        if name == "variables":
            hint = "say in the Environment what is other there, under `connections`"
        findings.error("unknown-name", message, each.at(reference), expected="secrets", hint=hint)
    elif len(path) != 1 or path[0] not in model.secrets:
        told = ".".join(path)
        message = f'secret "{told}" is not declared' if path else "name the one secret needed"
        hint = meant(told, model.secrets, "add it to `secrets`")
        expected = listed(model.secrets, "no secret")
        place = each.at(reference)
        findings.error("unknown-secret", message, place, hint=hint, expected=expected)
