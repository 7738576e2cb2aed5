"""What a step does to the world, whether an attempt may be repeated, and how often and how long."""

from collections.abc import Sequence
from datetime import timedelta

from engine.core import spec
from engine.core.compiler.findings import Findings, Place
from engine.core.compiler.node import Node
from engine.core.compiler.world import World
from engine.core.facts import Operation, worst
from engine.core.plan import Effect, Retry, Timeout
from engine.core.values import format_duration, parse_duration

LONGEST = timedelta(days=3_660)
_HARMLESS = frozenset({Effect.PURE, Effect.READ})
_DEFAULT_RETRY = Retry(max_attempts=4)  # as `spec.Retry` has it


def judge(world: World, node: Node, operation: Operation) -> tuple[Effect, bool]:
    """Return the effect of a step, and whether an attempt may be made again without harm.

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


def retry(world: World, node: Node, *, repeatable: bool) -> Retry:
    """Return when and how often a failed attempt is made again.

    What `defaults` say holds for steps that may be repeated; a step's own word holds as written,
    and must say `unsafe: true` where a repetition could do harm.
    """
    own, common = node.spec.retry, world.workflow.defaults.retry
    if own is not None:
        _check_unsafe(world.findings, node, own, repeatable=repeatable)
        return _retry(world.findings, own, (*node.path, "retry"))
    if common is not None and common.unsafe and not repeatable:
        _warn_unsafe(world.findings, node, node.place)
    elif not repeatable:
        return Retry()
    if common is None:
        return _DEFAULT_RETRY
    return _retry(world.findings, common, ("defaults", "retry"))


def timeout(world: World, node: Node) -> Timeout:
    """Return the bounds on a step's time."""
    own = node.spec.timeout
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


def check_fits(world: World, node: Node, made: Timeout, whole: timedelta) -> None:
    """Warn of an attempt that may last longer than all that it is a part of."""
    if node.spec.timeout is not None and made.attempt > whole:
        _unreachable(world.findings, node.at("timeout"), made.attempt, node.scope.called, whole)


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


def _check_unsafe(findings: Findings, node: Node, told: spec.Retry, *, repeatable: bool) -> None:
    if repeatable or told.max_attempts == 1:
        return
    if told.unsafe:
        _warn_unsafe(findings, node, node.at("retry", "unsafe"))
        return
    findings.error(
        "unsafe-retry",
        f'step "{node.id}" is not safe to repeat: a retry could do its work twice',
        node.at("retry", key=True),
        hint='add `idempotency: {key: "{{ run.id }}-' + node.id + '"}`, or `max_attempts: 1`',
    )


def _warn_unsafe(findings: Findings, node: Node, place: Place) -> None:
    message = f'step "{node.id}" is retried though its work could be done twice'
    hint = "give it an `idempotency.key` that the far side knows"
    findings.warning("unsafe-retry", message, place, hint=hint)


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
