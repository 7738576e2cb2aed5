"""A workflow, read, becomes a plan, or findings that say why not."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from engine.core import codec, plan, spec
from engine.core.compiler import node, reference, safety, scope, site, start, step
from engine.core.compiler.findings import Findings, Path, Place
from engine.core.compiler.node import Steps
from engine.core.compiler.scene import Scene
from engine.core.compiler.scope import CompiledScope
from engine.core.compiler.site import Schema, Use
from engine.core.compiler.world import World
from engine.core.diagnostic import Diagnostic, Enough
from engine.core.document import Document
from engine.core.expression import Reference
from engine.core.facts import Catalogue, Operations
from engine.core.plan import Plan


def compile_workflow(
    document: Document, workflow: spec.Workflow, operations: Operations | Catalogue
) -> tuple[Plan | None, list[Diagnostic]]:
    """Return the plan of a workflow and all findings; there is no plan if one is an error.

    Whoever compiles many makes a `Catalogue` of the operations, once.
    """
    findings = Findings(document)
    catalogue = operations if isinstance(operations, Catalogue) else Catalogue(operations)
    made = None
    with suppress(Enough):
        made = _plan(_world(findings, workflow, catalogue))
    return made and codec.sealed(made), findings.sorted()


def _plan(world: World) -> Plan | None:
    findings, workflow = world.findings, world.workflow
    start.check_defaults(world)
    triggers = start.compile_triggers(world)
    bound = safety.span(findings, workflow.timeout, ("timeout",))
    root = scope.compile_scope(world, world.root, bound, "the run")
    last = _finally(world)
    _check_common_retry(world, root.scene)
    outputs = _outputs(world, root)
    if not findings.has_errors:
        _warn_of_unused(world)
    if findings.has_errors or root.plan is None:
        return None
    return Plan(
        workflow.name,
        findings.file,
        start.inputs(workflow.inputs, workflow.inputs),
        replace(root.plan, outputs=outputs, finally_=last.plan if last is not None else None),
        triggers,
        tuple(sorted(set(workflow.secrets))),
        title=workflow.title or "",
        owners=tuple(workflow.owners),
        labels=tuple(sorted(workflow.labels.items())),
    )


def _world(findings: Findings, workflow: spec.Workflow, catalogue: Catalogue) -> World:
    taken: dict[str, Place] = {}
    root = node.gather(findings, workflow.steps, ("steps",), taken, catalogue)
    last: Steps | None = None
    if workflow.finally_ is not None:
        steps = workflow.finally_.steps
        last = node.gather(findings, steps, ("finally", "steps"), taken, catalogue)
    node.check_count(findings, [root] if last is None else [root, last])
    return World(findings, workflow, catalogue, start.triggers(workflow), root, last)


def _finally(world: World) -> CompiledScope | None:
    declared = world.workflow.finally_
    if declared is None or world.last is None:
        return None
    bound = safety.span(world.findings, declared.timeout, ("finally", "timeout"))
    return scope.compile_scope(world, world.last, bound, "`finally`")


def _check_common_retry(world: World, scene: Scene) -> None:
    """Check the condition that all retries have; it reads no step, for it belongs to them all."""
    common = world.workflow.defaults.retry
    if common is None or common.if_ is None:
        return
    path = ("defaults", "retry", "if")
    each = site.expression(world.findings, Use.COMMON_RETRY, common.if_, path)
    if each is not None:
        told, _ = reference.resolve(scene, each, None)
        start.check_condition(world.findings, each, told)


def _outputs(world: World, root: CompiledScope) -> tuple[plan.Assignment, ...]:
    """Check the workflow's outputs: typed, and given by every run that succeeds."""
    types: dict[Path, Schema] = {}
    for name, value in world.workflow.outputs.items():
        path = ("outputs", name, "value")
        for each in site.templates(world.findings, Use.OUTPUT, value.value, path):
            told, _ = reference.resolve(root.scene, each, None)
            types[name, *each.pointer] = told
            for read in each.compiled.references:
                _check_assigned(root.scene, name, read, each.at(read), root.missing)
    return step.assignments(world, world.workflow.outputs, ("outputs",), types)


def _check_assigned(
    scene: Scene, output: str, read: Reference, place: Place, missing: Mapping[str, str]
) -> None:
    if read.has_default or len(read.path) < 3 or read.path[0] != "steps":
        return
    name = str(read.path[1])
    if read.path[2] != "outputs":
        return
    reason = missing.get(name) or scene.lacks(name, read.path[3:])
    if reason:
        message = f'output "{output}" may be missing: step "{name}" may not give it, for {reason}'
        hint = "write `| default(...)` after the reference"
        scene.world.findings.error("maybe-missing", message, place, hint=hint)


def _warn_of_unused(world: World) -> None:
    for name in world.workflow.inputs:
        if name not in world.used_inputs:
            place = Place(("inputs", name), key=True)
            world.findings.warning("unused-input", f'nothing reads the input "{name}"', place)
    for index, name in enumerate(world.workflow.secrets):
        if name not in world.used_secrets:
            place = Place(("secrets", index))
            world.findings.warning("unused-secret", f'nothing reads the secret "{name}"', place)
