"""What is known of one workflow while it is compiled, and which of it has been used."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from engine.core import schema as schemas
from engine.core import spec
from engine.core.compiler import shape
from engine.core.compiler.findings import Findings, Path, Place
from engine.core.compiler.node import Node, Steps
from engine.core.compiler.site import Schema
from engine.core.facts import Catalogue, Operation
from engine.core.values import Json


@dataclass(eq=False)
class World:
    """One workflow, the catalogue, and what has come to light of them.

    `untrusted` are the inputs that an event feeds, `dirty` the outputs of steps that an event
    has a part in, by step. `lacking` are the triggers that do not bring what a path of
    `trigger.event` leads to.
    """

    findings: Findings
    workflow: spec.Workflow
    catalogue: Catalogue
    triggers: Mapping[str, spec.Trigger]
    root: Steps
    last: Steps | None
    untrusted: set[str] = field(default_factory=set)
    dirty: dict[str, frozenset[str]] = field(default_factory=dict)
    used_inputs: set[str] = field(default_factory=set)
    used_secrets: set[str] = field(default_factory=set)
    lacking: dict[Path, list[str]] = field(default_factory=dict)
    _declared: dict[Path, Schema] = field(default_factory=dict)
    _views: dict[str, Schema] = field(default_factory=dict)

    def declared(self, schema: Schema, path: Path) -> Schema:
        """Return the schema that the author wrote at `path`, its references followed.

        What is wrong in it is found the first time; then it may be anything.
        """
        if path not in self._declared:
            problems = schemas.check(schema)
            for pointer, message in problems:
                place = Place((*path, *pointer))
                self.findings.error("bad-schema", f"this is no schema: {message}", place)
            told = shape.ANYTHING if problems else schemas.inlined(schema)
            self._declared[path] = told if isinstance(told, Mapping) else shape.ANYTHING
        return self._declared[path]

    @cached_property
    def inputs(self) -> dict[str, Schema]:
        """Return the schema of each input."""
        declared = self.workflow.inputs
        return {name: self.declared(each, ("inputs", name)) for name, each in declared.items()}

    @cached_property
    def readable_inputs(self) -> Schema:
        """Return the shape of `inputs`."""
        return shape.closed({name: schemas.closed(each) for name, each in self.inputs.items()})

    @cached_property
    def events(self) -> Mapping[str, Schema]:
        """Return the shape of what each trigger brings."""
        told = {}
        for name, each in self.triggers.items():
            payload = each.payload if isinstance(each, spec.WebhookTrigger) else None
            path = ("triggers", name, "payload")
            body = None if payload is None else schemas.closed(self.declared(payload, path))
            told[name] = shape.event(each, body)
        return told

    def operation(self, node: Node) -> Operation | None:
        """Return a step's operation, if it has one that exists."""
        return self.catalogue.get(node.spec.uses or "")

    def view(self, node: Node) -> Schema:
        """Return the shape of `steps.<id>`."""
        if node.id not in self._views:
            self._views[node.id] = shape.view(self._outputs(node))
        return self._views[node.id]

    def scopes_read(self, scope: Steps) -> tuple[Steps, ...]:
        """Return the scopes whose steps may be read in `scope`: `finally` also reads the root's."""
        return (scope, self.root) if scope is self.last else (scope,)

    def _outputs(self, node: Node) -> Json:
        """Return the shape of a step's outputs.

        Of a value that the author declares, what is not declared may not be read, even if the
        schema would let it pass.
        """
        key = "outputs" if node.spec.set is None else "set"
        told = node.spec.outputs if node.spec.set is None else node.spec.set
        if told is not None:
            path = (*node.path, key)
            types = {
                name: schemas.closed(self.declared(each.model_extra or {}, (*path, name)))
                for name, each in told.items()
            }
            return shape.closed(types)
        operation = self.operation(node)
        return shape.ANYTHING if operation is None else operation.outputs
