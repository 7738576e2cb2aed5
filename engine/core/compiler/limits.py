"""What stands beside a call: artifacts, breakers, rates, slots, caches, workers."""

from typing import get_args

from engine.core import plan, spec
from engine.core.compiler import timing
from engine.core.compiler.findings import Findings, listed, meant
from engine.core.compiler.node import Node
from engine.core.compiler.pool import terms_of
from engine.core.compiler.reference import check_fits, check_text
from engine.core.compiler.site import Schema, Site
from engine.core.compiler.world import World
from engine.core.frozen import frozen
from engine.core.plan import Artifact, Cache, Circuit, Concurrency, Effect, Pool, Rate
from engine.core.values import Json

_LEVEL: Schema = {"type": "string", "enum": list(get_args(spec.Level))}
_CACHED = frozenset({Effect.PURE, Effect.READ})


@frozen
class Limits:
    """All that bounds or keeps what a step does."""

    artifacts: tuple[Artifact, ...] = ()
    circuit: Circuit | None = None
    rate: Rate | None = None
    concurrency: Concurrency | None = None
    cache: Cache | None = None
    pool: str = ""
    terms: Pool | None = None
    settings: Json = None


_NO_LIMITS = Limits()
_BESIDE = frozenset({
    "artifacts", "circuit", "rate", "concurrency", "cache", "pool", "sandbox", "resources",
    "priority",
})  # fmt: skip


def limits_of(world: World, node: Node, uses: plan.Uses | None) -> Limits:
    """Return what the keys beside a step's verb ask for."""
    step = node.spec
    if _BESIDE.isdisjoint(step.written):
        return _NO_LIMITS
    if uses is not None:  # beside any other verb a priority has no place
        _check_waits(world, node)
    return Limits(
        _artifacts(world, node),
        _circuit(world, node),
        _rate(world.findings, node),
        concurrency(step.concurrency),
        _cache(world.findings, node, uses),
        step.pool or "",
        terms_of(world, node, uses),
        settings(step),
    )


def _check_waits(world: World, node: Node) -> None:
    """Find a priority that orders nothing: in a pool a level does, in a `concurrency` all of it."""
    told = node.spec.priority
    if told is None or node.spec.concurrency is not None:
        return
    if not node.spec.pool:
        message = f"the priority of {node.called} orders nothing: it waits in no `concurrency`"
        hint = "say `concurrency: ...` or `pool: ...`, or give the workflow a `priority`"
        world.findings.warning("no-effect", message, node.at("priority", key=True), hint=hint)
    elif isinstance(told, spec.Priority) and told.fair_key is not None:
        message = f"{node.called} takes no turns: the workers of a pool go by levels"
        hint = "say `concurrency: ...`, or give the workflow a `fair_key`"
        place = node.at("priority", "fair_key", key=True)
        world.findings.warning("no-effect", message, place, hint=hint)


def concurrency(told: spec.Concurrency | None) -> Concurrency | None:
    """Return how many of a group may be under way."""
    if told is None:
        return None
    return Concurrency(told.group, told.limit, told.scope, told.on_conflict, told.max_queue)


def settings(step: spec.Step) -> Json:
    """Return the further keys as they are written, None if there are none."""
    told: dict[str, Json] = {}
    if step.sandbox is not None:
        told["sandbox"] = step.sandbox
    if step.resources is not None:
        told["resources"] = step.resources.plain(nulls=False)
    if step.priority is not None:
        told["priority"] = priority(step.priority)
    return told or None


def priority(told: str | spec.Priority) -> Json:
    """Return who goes first: a level, and by whom turns are taken."""
    if isinstance(told, str):
        return {"level": told}
    return told.plain(nulls=False)


def check_priority(findings: Findings, site: Site, told: Schema) -> None:
    """Find a template that certainly gives no level, or no text to take turns by."""
    if site.place.path[-1] == "fair_key":
        check_text(findings, site, told)
    else:
        check_fits(findings, site, told, _LEVEL)


def _artifacts(world: World, node: Node) -> tuple[Artifact, ...]:
    told = []
    operation = world.operation(node)
    for name, each in (node.spec.artifacts or {}).items():
        place = node.at("artifacts", name, "from")
        if each.from_ is not None and operation is not None:
            given = list(operation.facts.files)
            if each.from_ not in given:
                message = f'{operation.name} gives no file "{each.from_}"'
                world.findings.error(
                    "unknown-file", message, place, hint=meant(each.from_, given),
                    expected=listed(given, "no file"),
                )  # fmt: skip
        retain = timing.span(world.findings, each.retain, (*node.path, "artifacts", name, "retain"))
        told.append(Artifact(name, each.from_ or "", each.path or "", each.media_type, retain))
    return tuple(told)


def _circuit(world: World, node: Node) -> Circuit | None:
    """Return the breaker of a step; what it is comes from its own document."""
    name = node.spec.circuit
    return None if name is None else world.neighbours.breaker(name)


def _rate(findings: Findings, node: Node) -> Rate | None:
    told = node.spec.rate
    if told is None:
        return None
    period = timing.span(findings, told.per, (*node.path, "rate", "per"))
    return Rate(told.group or "", told.limit, period)


def _cache(findings: Findings, node: Node, uses: plan.Uses | None) -> Cache | None:
    told = node.spec.cache
    if told is None:
        return None
    if uses is not None and uses.effect not in _CACHED:
        message = f"{node.called} is cached though it does something: it is `{uses.effect}`"
        hint = "only a call that is pure or reads can be answered from a cache"
        findings.error("unsafe-cache", message, node.at("cache", key=True), hint=hint)
    return Cache(
        timing.span(findings, told.ttl, (*node.path, "cache", "ttl")), told.key, told.scope
    )
