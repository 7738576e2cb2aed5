"""What a step does to the world, and whether and how often an attempt may be made again."""

from datetime import timedelta

from engine.core import spec
from engine.core.compiler import timing
from engine.core.compiler.findings import Findings, Place
from engine.core.compiler.node import Kind, Node
from engine.core.compiler.world import World
from engine.core.facts import Operation, worst
from engine.core.plan import Effect, Retry, Timeout
from engine.core.values import format_duration

_HARMLESS = frozenset({Effect.PURE, Effect.READ})
_UNDOING = Retry(
    max_attempts=10, initial=timedelta(seconds=2), factor=2.0, max=timedelta(minutes=5)
)
# What undoes a step, or stands in for it, is no part of what the step does.
_APART = frozenset({Kind.COMPENSATION, Kind.FALLBACK})
_DEFAULT_RETRY = Retry(max_attempts=4)  # as `spec.Retry` has it


def judge(world: World, node: Node, operation: Operation) -> tuple[Effect, bool]:
    """Return the effect of a call, and whether an attempt may be made again without harm.

    An author who says that a reading operation writes is believed, and then nothing but a key
    makes it repeatable.
    """
    arguments = node.spec.with_ or {}
    known = operation.effect_with(arguments)
    effect = _raised(world.findings, node, known)
    if node.spec.idempotency is not None or effect in _HARMLESS:
        return effect, True
    changed = known in _HARMLESS and effect not in _HARMLESS
    return effect, not changed and operation.is_idempotent_with(arguments)


def effect_of(world: World, node: Node) -> Effect | None:
    """Return the most that a step does to the world; None if that is not known."""
    step = node.spec
    if step.uses is not None:
        operation = world.operation(node)
        if operation is None:
            return None
        known = operation.effect_with(step.with_ or {})
        return known if step.effect is None else worst(known, Effect(step.effect))
    if step.call is not None:
        return None
    if step.emit is not None:
        return Effect.WRITE
    held = [effect_of(world, each) for inner in node.inner if inner.kind not in _APART
            for each in inner.nodes]  # fmt: skip
    told = [each for each in held if each is not None]
    return None if len(told) < len(held) else worst(Effect.PURE, *told)


def retry(world: World, node: Node, repeatable: bool) -> Retry:
    """Return when and how often a failed attempt is made again.

    What `defaults` say holds for steps that may be repeated; a step's own word holds as written,
    and must say `unsafe: true` where a repetition could do harm. What undoes something is
    repeated longer, for nobody else will undo it.
    """
    own, common = node.spec.retry, world.workflow.defaults.retry
    is_undoing = any(each.kind is Kind.COMPENSATION for each in node.scope.chain())
    if own is not None:
        _check_unsafe(world.findings, node, own, repeatable=repeatable)
        return _retry(world.findings, own, (*node.path, "retry"))
    if is_undoing:
        if not repeatable:
            _unsafe_undoing(world.findings, node)
        return _UNDOING
    if common is not None and common.unsafe and not repeatable:
        _warn_unsafe(world.findings, node, node.place)
    elif not repeatable:
        return Retry()
    if common is None:
        return _DEFAULT_RETRY
    return _retry(world.findings, common, ("defaults", "retry"))


def check_memory(world: World, node: Node, told: Retry, timeout: Timeout) -> None:
    """Find attempts that may come when the far side has forgotten the step's key.

    Pauses between attempts count at their longest; waits for a worker do not count.
    """
    key = node.spec.idempotency
    if key is None or key.ttl is None:
        return
    ttl = timing.span(world.findings, key.ttl, (*node.path, "idempotency", "ttl"))
    ends = (told.max_elapsed, timeout.total, (told.max_attempts - 1) * (timeout.attempt + told.max))
    last = min(each for each in ends if each is not None)
    if told.max_attempts == 1 or last < ttl:
        return
    message = (
        f"the last attempt of {node.called} may begin {format_duration(last)} after the first, "
        f"when its key is forgotten: `ttl` is {format_duration(ttl)}"
    )
    hint = "write a shorter `retry.max_elapsed`, or a longer `ttl` if the far side has one"
    world.findings.error("unsafe-retry", message, node.at("idempotency", "ttl"), hint=hint)


def _raised(findings: Findings, node: Node, known: Effect) -> Effect:
    """Return the effect as the author raised it."""
    if node.spec.effect is None:
        return known
    told = Effect(node.spec.effect)
    if worst(told, known) is not told:
        message = f'`effect: {told}` says less than what "{node.spec.uses}" does here: {known}'
        findings.error(
            "effect-lowered", message, node.at("effect"), hint="an effect can only be raised"
        )
        return known
    return told


def _unsafe_undoing(findings: Findings, node: Node) -> None:
    message = (
        f"{node.called} is not safe to repeat, and what undoes a step is repeated until it did"
    )
    hint = "undo with an idempotent operation, give it an `idempotency.key`, or say `retry: ...`"
    findings.error("unsafe-retry", message, node.at("uses"), hint=hint)


def _check_unsafe(findings: Findings, node: Node, told: spec.Retry, *, repeatable: bool) -> None:
    if repeatable or told.max_attempts == 1:
        return
    if told.unsafe:
        _warn_unsafe(findings, node, node.at("retry", "unsafe"))
        return
    findings.error(
        "unsafe-retry",
        f"{node.called} is not safe to repeat: a retry could do its work twice",
        node.at("retry", key=True),
        hint='add `idempotency: {key: "{{ run.id }}-' + _key_of(node) + '"}`, or `max_attempts: 1`',
    )


def _warn_unsafe(findings: Findings, node: Node, place: Place) -> None:
    message = f"{node.called} is retried though its work could be done twice"
    hint = "give it an `idempotency.key` that the far side knows"
    findings.warning("unsafe-retry", message, place, hint=hint)


def _key_of(node: Node) -> str:
    """Return a word for a key: the step's id, or that of the step whose verb it is."""
    owner = node.scope.owner
    if node.id or owner is None:
        return node.id or "handler"
    return _key_of(owner)


def _retry(findings: Findings, told: spec.Retry, path: tuple[str | int, ...]) -> Retry:
    return Retry(
        told.max_attempts,
        timing.span(
            findings, told.backoff.initial, (*path, "backoff", "initial"), least=timedelta(0)
        ),
        told.backoff.factor,
        timing.span(findings, told.backoff.max, (*path, "backoff", "max"), least=timedelta(0)),
        told.backoff.jitter == "full",
        timing.maybe_span(findings, told.max_elapsed, (*path, "max_elapsed")),
        told.if_,
    )
