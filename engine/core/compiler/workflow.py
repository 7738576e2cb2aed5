"""A workflow, read, becomes a plan, or findings that say why not."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from engine.core import codec, spec
from engine.core.commit import Neighbours, Trust
from engine.core.compiler import course, reference, scope, site, start, taint, timing, whole_run
from engine.core.compiler.budget import is_within
from engine.core.compiler.findings import Findings, Place
from engine.core.compiler.layout import lay_out
from engine.core.compiler.node import Kind
from engine.core.compiler.scene import scene_of
from engine.core.compiler.site import Use
from engine.core.compiler.variant import VariantFindings, together, variant
from engine.core.compiler.world import World
from engine.core.diagnostic import Diagnostic, Enough, Gathered, has_errors
from engine.core.document import Document
from engine.core.facts import Catalogue, Operations
from engine.core.frozen import frozen
from engine.core.plan import Plan


@frozen
class Made:
    """What a workflow compiles to: all findings, and no plan if one is an error.

    `trust` is for those who put it together with others, None if it was not looked through.
    """

    diagnostics: list[Diagnostic]
    plan: Plan | None = None
    trust: Trust | None = None


def compile_workflow(
    document: Document,
    workflow: spec.Workflow,
    operations: Operations | Catalogue,
    neighbours: Neighbours | None = None,
    observe: Callable[[World], None] | None = None,
) -> Made:
    """Return what a workflow compiles to.

    Without `neighbours` it is alone. Whoever compiles many makes a `Catalogue` of the operations,
    once. Whoever wants to know what the compiler knows of the workflow hands over `observe`.
    """
    made = compile_unsealed(document, workflow, operations, neighbours, observe)
    return replace(made, plan=made.plan and codec.sealed(made.plan))


def compile_unsealed(
    document: Document,
    workflow: spec.Workflow,
    operations: Operations | Catalogue,
    neighbours: Neighbours | None = None,
    observe: Callable[[World], None] | None = None,
) -> Made:
    """Return the same, for those who ask for no digest or lay something into the plan first."""
    findings = Findings(document)
    catalogue = operations if isinstance(operations, Catalogue) else Catalogue(operations)
    made, world = _made(findings, workflow, catalogue, neighbours or Neighbours(), observe)
    if world is None or not world.bound or findings.has_errors:
        return made
    return _somewhere(made, world, document)


def _made(
    findings: Findings,
    workflow: spec.Workflow,
    catalogue: Catalogue,
    neighbours: Neighbours,
    observe: Callable[[World], None] | None = None,
) -> tuple[Made, World | None]:
    """Return what a workflow compiles to, and what is known of it unless it is far too wrong."""
    plan = trust = world = None
    with suppress(Enough):
        root = lay_out(findings, workflow, catalogue)
        triggers = start.triggers(workflow)
        world = World(findings, workflow, catalogue, triggers, root, neighbours)
        if observe is not None:
            observe(world)
        plan = _plan(world)
        trust = world.trust
    return Made(findings.sorted(), plan, trust), world


def _somewhere(made: Made, world: World, document: Document) -> Made:
    """Return what a workflow that reads variables comes to where they have values.

    It is right if it is so in every environment that it may be compiled for; the plan is that of
    the first.
    """
    plans, found = [], list[Diagnostic]()
    for place in world.neighbours.places:
        findings = VariantFindings(document, place)
        there, _ = _made(findings, variant(world, place), world.catalogue, world.neighbours)
        plans.append(there.plan)
        found += there.diagnostics
    gathered = Gathered()
    with suppress(Enough):
        gathered.extend(together(made.diagnostics, found))
    is_wrong = has_errors(found) or not plans
    return Made(gathered.sorted(), None if is_wrong else plans[0], made.trust)


def _plan(world: World) -> Plan | None:
    findings, workflow = world.findings, world.workflow
    start.check_defaults(world)
    triggers = start.compile_triggers(world)
    scope.resolve_scope(world, world.root)
    taint.spread(world, world.root)
    scope.compile_scope(world, world.root, timing.LONGEST)
    taint.note_flows(world)
    course.check_course(world, world.root)
    _check_common_retry(world)
    whole = whole_run.compile_run(world)
    if not findings.has_errors:
        _warn_of_unused(world)
    root = world.root.plan
    if findings.has_errors or root is None:
        return None
    undo_failed = (each.plan for each in world.root.after if each.kind is Kind.UNDO_FAILED)
    made = Plan(
        workflow.name,
        findings.file,
        start.inputs(workflow.inputs, workflow.inputs),
        root,
        triggers,
        tuple(sorted(set(workflow.secrets))),
        next(undo_failed, None),
        whole.cancel_when,
        whole.concurrency,
        whole.settings,
        title=workflow.title or "",
        owners=tuple(workflow.owners),
        labels=tuple(sorted(workflow.labels.items())),
        queue=whole.queue,
    )
    return made if is_within(world, made) else None


def _check_common_retry(world: World) -> None:
    """Check the condition that all retries have; it reads no step, for it belongs to them all."""
    common = world.workflow.defaults.retry
    if common is None or common.if_ is None:
        return
    path = ("defaults", "retry", "if")
    each = site.expression(world.findings, Use.COMMON_RETRY, common.if_, path)
    if each is not None:
        told, _ = reference.resolve(scene_of(world, world.root), each, None)
        reference.check_condition(world.findings, each, told)


def _warn_of_unused(world: World) -> None:
    for name in world.workflow.inputs:
        if name not in world.used_inputs:
            place = Place(("inputs", name), key=True)
            world.findings.warning("unused-input", f'nothing reads the input "{name}"', place)
    for index, name in enumerate(world.workflow.secrets):
        place = Place(("secrets", index))
        is_lent = not world.findings.document.holds(place.path)
        if name not in world.used_secrets and not is_lent:
            world.findings.warning("unused-secret", f'nothing reads the secret "{name}"', place)
