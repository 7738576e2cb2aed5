"""What is known of one workflow while it is compiled, and which of it has been used."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from engine.core import schema as schemas
from engine.core import spec
from engine.core.commit.flow import Flow, Labels, Trust
from engine.core.commit.neighbour import Neighbours
from engine.core.compiler import shape
from engine.core.compiler.findings import Findings, Path, Place
from engine.core.compiler.node import Node, Steps
from engine.core.compiler.site import Schema, Site
from engine.core.expression import FaultError, parse_expression, type_of
from engine.core.facts import Catalogue, Operation
from engine.core.schema.shape import element
from engine.core.values import Json


@dataclass(eq=False)
class World:
    """One workflow, the catalogue, what it may ask of its neighbours, and what has come to light.

    `untrusted` are the inputs that an event feeds, `calls` the steps that call other workflows,
    `flows` where text of strangers may go, `labels` those of all inputs together once they were
    asked for, `views` the shapes of steps that have been read.
    `bound` are the sites that read variables, `variables` the shapes of those that are read.
    `lacking` are the triggers that do not bring what a path of `trigger.event` leads to.
    """

    findings: Findings
    workflow: spec.Workflow
    catalogue: Catalogue
    triggers: Mapping[str, spec.Trigger]
    root: Steps
    neighbours: Neighbours = field(default_factory=Neighbours)
    untrusted: set[str] = field(default_factory=set)
    calls: dict[Node, int] = field(default_factory=dict)
    flows: list[Flow] = field(default_factory=list)
    labels: Labels | None = None
    used_inputs: set[str] = field(default_factory=set)
    used_secrets: set[str] = field(default_factory=set)
    bound: list[Site] = field(default_factory=list)
    variables: dict[str, Schema] = field(default_factory=dict)
    lacking: dict[Path, list[str]] = field(default_factory=dict)
    views: dict[Node, Schema] = field(default_factory=dict)
    _declared: dict[Path, Schema] = field(default_factory=dict)

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
            self._declared[path] = told if isinstance(told, dict) else shape.ANYTHING
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
        """Return the shape of what each trigger brings to a run."""
        return {
            name: shape.gathered(each, self._one(name, each))
            for name, each in self.triggers.items()
        }

    @cached_property
    def trigger(self) -> Schema:
        """Return the shape of `trigger`."""
        return shape.trigger(self.triggers, self.events)

    def event(self, name: str, trigger: spec.Trigger) -> Schema:
        """Return the shape of a single event of a trigger.

        A schema in a file may be any, as long as nobody has laid it in.
        """
        if isinstance(trigger, spec.WorkflowTrigger):
            followed = self.neighbours.workflow(trigger.workflow)
            return shape.event(trigger, followed.outputs if followed is not None else None)
        payload = getattr(trigger, "payload", None)
        if payload is None or not str(payload.get("$ref", "#")).startswith("#"):
            return shape.event(trigger)
        return shape.event(trigger, self.readable(payload, ("triggers", name, "payload")))

    def _one(self, name: str, trigger: spec.Trigger) -> Schema:
        """Return the shape of what a trigger decides on: its event, or an item that it fans out."""
        event, text = self.event(name, trigger), getattr(trigger, "fan_out", None)
        if text is None or getattr(trigger, "batch", None) is None:
            return event
        try:
            told, faults = type_of(parse_expression(text), {"event": event})
        except FaultError:
            return shape.ANYTHING
        item = shape.ANYTHING if faults else element(told)
        return item if isinstance(item, Mapping) else shape.ANYTHING

    @cached_property
    def names(self) -> Mapping[str, Schema]:
        """Return the shape of every name that can be read anywhere, but for steps."""
        return {
            "inputs": self.readable_inputs,
            "trigger": self.trigger,
            "run": shape.RUN,
            "secrets": shape.closed(dict.fromkeys(self.workflow.secrets, shape.STRING)),
        }

    def secrets_at(self, path: Path) -> list[str]:
        """Return the secrets that what stands at `path` may read: the author's, or all.

        What the document does not hold, a secret or a text, a connection has lent.
        """
        document, every = self.findings.document, self.workflow.secrets
        if not document.holds(path):
            return every
        return [name for at, name in enumerate(every) if document.holds(("secrets", at))]

    def call(self, node: Node) -> int:
        """Return the number of a step that calls another workflow."""
        return self.calls.setdefault(node, len(self.calls))

    @property
    def trust(self) -> Trust:
        """Return all that other workflows must know of where text of strangers goes."""
        names = tuple(each.spec.call or "" for each in self.calls)
        flows = sorted(self.flows, key=lambda each: each.span)
        return Trust(names, tuple(sorted(self.untrusted)), tuple(flows))

    def operation(self, node: Node) -> Operation | None:
        """Return a step's operation, if it has one that exists."""
        return self.catalogue.get(node.spec.uses or "")

    def readable(self, schema: Schema, path: Path) -> Json:
        """Return what may be read of a value whose schema the author wrote at `path`.

        What is not declared may not be read, even if the schema would let it pass.
        """
        return schemas.closed(self.declared(schema, path))
