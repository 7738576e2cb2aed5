"""What a workflow says of its runs: keys, slots, who goes first, what ends them early."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from engine.core import plan, spec
from engine.core.compiler import shape, site
from engine.core.compiler.env import check_reach
from engine.core.compiler.findings import Path, Place
from engine.core.compiler.gathering import priority_areas
from engine.core.compiler.limits import check_priority, concurrency, priority
from engine.core.compiler.match import correlated
from engine.core.compiler.reference import check_condition, check_text, resolve
from engine.core.compiler.scene import scene_of
from engine.core.compiler.site import Schema, Use
from engine.core.compiler.timing import maybe_span, span
from engine.core.compiler.world import World
from engine.core.expression import has_template
from engine.core.frozen import frozen
from engine.core.values import Json
from engine.core.whole import LONGEST


@frozen
class WholeRun:
    """What a plan says of its runs."""

    cancel_when: tuple[plan.CancelWhen, ...]
    concurrency: plan.Concurrency | None
    settings: Json
    queue: timedelta


def compile_run(world: World) -> WholeRun:
    """Check what a workflow says of its runs; what is wrong becomes findings."""
    workflow = world.workflow
    scene = scene_of(world, world.root)
    for use, area, path in _areas(workflow):
        for each in site.templates(world.findings, use, area, path):
            told, _ = resolve(scene, each, None)
            is_level = use is Use.RUN_PRIORITY
            (check_priority if is_level else check_text)(world.findings, each, told)
    cancel_when = tuple(
        _cancel(world, index, each) for index, each in enumerate(workflow.cancel_when)
    )
    check_reach(world)
    return WholeRun(
        cancel_when, concurrency(workflow.concurrency), _settings(world), _queue(world)
    )  # fmt: skip


def _areas(workflow: spec.Workflow) -> Iterator[tuple[Use, Json, Path]]:
    if workflow.idempotency is not None:
        yield Use.RUN_KEY, workflow.idempotency.key, ("idempotency", "key")
    if workflow.concurrency is not None:
        yield Use.RUN_GROUP, workflow.concurrency.group, ("concurrency", "group")
    yield from priority_areas(Use.RUN_PRIORITY, workflow.priority)
    yield Use.RUN_ENVIRONMENT, dict(workflow.env), ("env",)


def _queue(world: World) -> timedelta:
    """Return how long a run may wait for its place; find a bound on a wait that there is not."""
    told = world.workflow.timeout
    if not isinstance(told, spec.RunTimeout):
        return plan.QUEUE
    if "queue" in told.written and world.workflow.concurrency is None:
        message = "this bounds no wait: without `concurrency` a run has no place to wait for"
        place = Place(("timeout", "queue"), key=True)
        world.findings.warning("no-effect", message, place, hint="say `concurrency: ...`")
    return span(world.findings, told.queue, ("timeout", "queue"))


def _cancel(world: World, index: int, told: spec.CancelWhen) -> plan.CancelWhen:
    path = ("cancel_when", index, "match")
    equal = None
    if told.match is not None:
        each = site.expression(world.findings, Use.CANCEL, told.match, path)
        if each is not None:
            names: Mapping[str, Schema] = {"event": shape.happened(told.event)}
            kind, _ = resolve(scene_of(world, world.root), each, None, names)
            check_condition(world.findings, each, kind)
            equal = correlated(each)
    return plan.CancelWhen(told.event, told.match, equal, told.as_ or "")


def _objectives(world: World) -> list[Json]:
    told: dict[str, int] = {}
    for index, each in enumerate(world.workflow.objectives):
        place = Place(("objectives", index, "id"))
        if each.id in told:
            also = [(Place(("objectives", told[each.id], "id")), "the first one is here")]
            message = f'two objectives have the id "{each.id}"'
            world.findings.error("duplicate-objective", message, place, related=also)
        told.setdefault(each.id, index)
        maybe_span(world.findings, each.duration_below, ("objectives", index, "duration_below"))
    return [each.plain(nulls=False) for each in world.workflow.objectives]


def _settings(world: World) -> Json:
    """Return the keys for those who start and watch runs, None if there are none."""
    workflow, told = world.workflow, dict[str, Json]()
    if workflow.idempotency is not None:
        _check_key(world, workflow.idempotency.key)
        span(world.findings, workflow.idempotency.ttl, ("idempotency", "ttl"))
        told["idempotency"] = workflow.idempotency.plain(nulls=False)
    if workflow.priority is not None:
        told["priority"] = priority(workflow.priority)
    if workflow.budget is not None:
        told["budget"] = workflow.budget.plain(nulls=False)
    if workflow.objectives:
        told["objectives"] = _objectives(world)
    return told or None


def _check_key(world: World, key: str) -> None:
    """Find a key under which no run could start."""
    if not has_template(key) and not 0 < len(key) <= LONGEST:
        world.findings.error(
            "bad-value", f"`idempotency.key` may have 1 to {LONGEST} characters, not {len(key)}",
            Place(("idempotency", "key")),
            hint='name what makes two starts the same, as in "order-{{ inputs.order }}"',
        )  # fmt: skip
