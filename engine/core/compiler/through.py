"""Steps that call through a connection: what that gives is laid into their arguments.

It is done before anything is compiled, so all that holds of arguments holds of what a connection
gives: their types, which of them may take a secret, which hosts they lead to.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from engine.core import facts, spec
from engine.core.commit.neighbour import Neighbours, overlaid
from engine.core.compiler.findings import Findings, Path, Place
from engine.core.compiler.url import is_url
from engine.core.expression import has_template
from engine.core.facts import Catalogue, Operation
from engine.core.spec.model import Model
from engine.core.values import Json

_Model = TypeVar("_Model", bound=Model)


def laid_through(
    findings: Findings, workflow: spec.Workflow, neighbours: Neighbours, catalogue: Catalogue
) -> spec.Workflow:
    """Return the workflow with what connections give in the arguments of the steps that name them.

    The secrets that they read are among those of the workflow then.
    """
    joiner = _Joiner(findings, neighbours, catalogue)
    made = joiner.model(workflow, ())
    return made.but(secrets=[*made.secrets, *sorted(joiner.secrets - {*made.secrets})])


def is_known(neighbours: Neighbours, name: str | None, uses: str) -> bool:
    """True if it is known what a call is given: by no connection, or by one that it can have."""
    if name is None:
        return True
    connection = neighbours.connection_here(name)
    return connection is not None and connection.get("adapter") in facts.names(uses)


@dataclass(slots=True)
class _Joiner:
    """Joins arguments all over a workflow; `secrets` are those of the connections so far."""

    findings: Findings
    neighbours: Neighbours
    catalogue: Catalogue
    secrets: set[str] = field(default_factory=set)

    def model(self, model: _Model, path: Path) -> _Model:
        """Return a model with all calls in it joined."""
        changed: dict[str, Any] = {
            name: self._inside(value, (*path, key.key))
            for name, key in model.keys.items()
            if name in model.written and isinstance(value := getattr(model, name), _HOLDERS)
        }
        if {"uses", "connection"} <= model.written:
            changed["with_"] = self._arguments(model, path)
            changed["written"] = model.written | {"with_"}
        return model.but(**changed)

    def _inside(self, value: Any, path: Path) -> Any:
        if isinstance(value, Model):
            return self.model(value, path)
        if isinstance(value, dict):
            return {key: self._inside(each, (*path, key)) for key, each in value.items()}
        if isinstance(value, list):
            return [self._inside(each, (*path, index)) for index, each in enumerate(value)]
        return value

    def _arguments(self, model: Model, path: Path) -> Mapping[str, Json] | None:
        """Return the arguments of a call with those of its connection."""
        held = model.__dict__
        uses, name = str(held["uses"]), str(held["connection"])
        given: Mapping[str, Json] | None = held["with_"]
        operation, connection = self.catalogue.get(uses), self.neighbours.connection_here(name)
        if operation is None or not connection:
            return given  # that there is none, or that it cannot be read, is found elsewhere
        adapter, lent = str(connection["adapter"]), connection["with"]
        assert isinstance(lent, Mapping)
        if adapter not in facts.names(uses):
            message = f'the connection "{name}" is of {adapter}, and {uses} is not'
            hint = f"name a Connection with `adapter: {facts.names(uses)[0]}`"
            place = Place((*path, "connection"))
            self.findings.error("connection-adapter", message, place, hint=hint)
            return given
        self.secrets |= {str(each) for each in _listed(connection["secrets"])}
        addresses = _addresses(lent, given or {}, operation)
        own = {key: each for key, each in (given or {}).items() if key not in addresses}
        for pointer in _twice(lent, own):
            self._refuse(name, (*path, "with", *pointer))
        return overlaid(lent, {**own, **addresses})

    def _refuse(self, name: str, path: Path) -> None:
        message = f'the connection "{name}" says `{path[-1]}` already'
        hint = "take it out here, or call through another connection"
        self.findings.error("connection-argument", message, Place(path, key=True), hint=hint)


_HOLDERS = (Model, dict, list)


def _addresses(
    lent: Mapping[str, Json], given: Mapping[str, Json], operation: Operation
) -> dict[str, Json]:
    """Return the addresses of which the connection says the beginning, and a step the path.

    Where a template is in the beginning, nobody could tell which host the path belongs to.
    """
    told: dict[str, Json] = {}
    for name, text in given.items():
        base = lent.get(name) if is_url(operation, (name,)) else None
        is_path = isinstance(text, str) and text.startswith("/")
        if is_path and isinstance(base, str) and not has_template(base):
            told[name] = f"{base.rstrip('/')}{text}"
    return told


def _twice(lent: Mapping[str, Json], own: Mapping[str, Json], at: Path = ()) -> list[Path]:
    """Return the pointers to what both say."""
    found: list[Path] = []
    for key, value in own.items():
        other = lent.get(key)
        if isinstance(value, Mapping) and isinstance(other, Mapping):
            found += _twice(other, value, (*at, key))
        elif key in lent:
            found.append((*at, key))
    return found


def _listed(value: Json) -> list[Json]:
    return list(value) if isinstance(value, list | tuple) else []
