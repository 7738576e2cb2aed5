"""What a step does to the world, whether an attempt may be repeated, and how often and how long."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from engine.core import spec
from engine.core.compiler.findings import Findings, Place
from engine.core.compiler.node import Kind, Node
from engine.core.compiler.world import World
from engine.core.expression import has_template
from engine.core.facts import Operation, worst
from engine.core.plan import Effect, Retry, Timeout
from engine.core.values import format_duration, parse_duration

LONGEST = timedelta(days=3_660)
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


def timeout(world: World, node: Node) -> Timeout:
    """Return the bounds on a step's time; of a step that calls nothing, on all of it."""
    own = node.spec.timeout
    if node.spec.uses is None:
        return _whole(world.findings, node, own)
    told = world.workflow.defaults.timeout if own is None else own
    path = ("defaults", "timeout") if own is None else (*node.path, "timeout")
    findings = world.findings
    if told is None:
        return Timeout()
    if isinstance(told, str):
        return Timeout(attempt=span(findings, told, path))
    made = Timeout(
        span(findings, told.queue, (*path, "queue")),
        span(findings, told.attempt, (*path, "attempt")),
        _span(findings, told.total, (*path, "total")),
        _span(findings, told.heartbeat, (*path, "heartbeat")),
    )
    if made.total is not None and "attempt" in told.model_fields_set and made.total < made.attempt:
        _unreachable(findings, Place((*path, "attempt")), made.attempt, "the step", made.total)
    return made


def time_inside(world: World, node: Node, bound: timedelta) -> timedelta:
    """Return how long the scopes that a step opens may take."""
    total = timeout(world, node).total
    return bound if total is None else min(total, bound)


def _whole(findings: Findings, node: Node, own: str | spec.Timeout | None) -> Timeout:
    path = (*node.path, "timeout")
    if own is None:
        return Timeout()
    if isinstance(own, str):
        return Timeout(total=span(findings, own, path))
    for key in ("queue", "attempt", "heartbeat"):
        if key in own.model_fields_set:
            message = f"`{key}` means nothing on a step that calls no operation: write `total`"
            findings.error("misplaced-key", message, Place((*path, key), key=True))
    return Timeout(total=_span(findings, own.total, (*path, "total")))


def check_fits(world: World, node: Node, made: Timeout, whole: timedelta) -> None:
    """Warn of what may last longer than all that it is a part of."""
    around = node.scope.called
    if node.spec.timeout is not None and node.spec.uses is not None and made.attempt > whole:
        _unreachable(world.findings, node.at("timeout"), made.attempt, around, whole)
    bound = whole if made.total is None else min(made.total, whole)
    what = around if bound == whole else node.called
    if made.total is not None and node.spec.uses is None and made.total > whole:
        too_long(world.findings, node.at("timeout"), node.called, made.total, around, whole)
    for told, keys, name in _waits(node.spec):
        if has_template(told):
            continue
        longest = parse_duration(told)
        if longest > bound:
            too_long(world.findings, node.at(*keys), name, longest, what, bound)


def too_long(
    findings: Findings, place: Place, what: str, longest: timedelta, around: str, whole: timedelta
) -> None:
    """Warn of a part that may last longer than what it is a part of."""
    lasts, bound = format_duration(longest), format_duration(whole)
    message = f"{what} may last {lasts}, but {around} only {bound}"
    hint = f"give {around} more time with `timeout: ...`"
    findings.warning("timeout-order", message, place, hint=hint)


def _waits(step: spec.Step) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Yield the pauses of a step as written, each with its keys and a name."""
    if step.wait is not None and step.wait.for_ is not None:
        yield step.wait.for_, ("wait", "for"), "this pause"
    if step.await_ is not None:
        yield step.await_.within, ("await", "within"), "this wait for an event"
    if step.approve is not None:
        yield step.approve.expires, ("approve", "expires"), "this decision"


def span(
    findings: Findings,
    text: str,
    path: Sequence[str | int],
    least: timedelta = timedelta(milliseconds=1),
) -> timedelta:
    """Return the span of time that `text` says; one that is too short or long is a finding."""
    told = parse_duration(text)
    if least <= told <= LONGEST:
        return told
    message = f'"{text}" is no span of time from {format_duration(least)} to {LONGEST.days}d'
    findings.error("bad-duration", message, Place(tuple(path)), hint="write 30s, 5m, 1h30m or 7d")
    return LONGEST


def _span(findings: Findings, text: str | None, path: Sequence[str | int]) -> timedelta | None:
    return None if text is None else span(findings, text, path)


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
        span(findings, told.backoff.initial, (*path, "backoff", "initial"), least=timedelta(0)),
        told.backoff.factor,
        span(findings, told.backoff.max, (*path, "backoff", "max"), least=timedelta(0)),
        told.backoff.jitter == "full",
        _span(findings, told.max_elapsed, (*path, "max_elapsed")),
        told.if_,
    )


def _unreachable(
    findings: Findings, place: Place, attempt: timedelta, what: str, whole: timedelta
) -> None:
    message = (
        f"an attempt may last {format_duration(attempt)}, but {what} only {format_duration(whole)}"
    )
    findings.warning("timeout-order", message, place)
