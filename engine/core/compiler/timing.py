"""How long things may take: attempts, steps, pauses; and that each fits into what is around it."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from engine.core import spec
from engine.core.compiler.findings import Findings, Path, Place, listed
from engine.core.compiler.node import Node, Steps
from engine.core.compiler.world import World
from engine.core.expression import has_template
from engine.core.facts import Operation
from engine.core.plan import Timeout
from engine.core.values import format_duration, parse_duration

LONGEST = timedelta(days=3_660)
_NONE = timedelta(0)


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
        maybe_span(findings, told.total, (*path, "total")),
        _heartbeat(world, node, told, path),
    )
    if made.total is not None and "attempt" in told.written and made.total < made.attempt:
        _unreachable(findings, Place((*path, "attempt")), made.attempt, "the step", made.total)
    return made


def _heartbeat(world: World, node: Node, told: spec.Timeout, path: Path) -> timedelta | None:
    """Return how long an attempt may be silent; `defaults` are for those that can be heard."""
    silence = maybe_span(world.findings, told.heartbeat, (*path, "heartbeat"))
    operation = world.operation(node)
    if silence is None or operation is None:
        return silence
    if not operation.facts.progress:
        if node.spec.timeout is told:
            _unheard(world, node, operation)
        return None
    attempt = parse_duration(told.attempt)
    if silence >= attempt:
        words = f"{format_duration(silence)} of silence, but an attempt may last only"
        message = f"`heartbeat` waits for {words} {format_duration(attempt)}"
        hint = "write a shorter `heartbeat`, or a longer `attempt`"
        place = Place((*path, "heartbeat"))
        world.findings.warning("timeout-order", message, place, hint=hint)
    return silence


def _unheard(world: World, node: Node, operation: Operation) -> None:
    """Say that an operation is silent until it ends, however well it does."""
    heard = [name for name, each in world.catalogue.items() if each.facts.progress]
    message = f"{operation.name} does not report progress, so there is no `heartbeat` to hear"
    world.findings.error(
        "silent-operation", message, node.at("timeout", "heartbeat", key=True),
        hint="bound it by `attempt`", expected=listed(sorted(heard), "no operation does"),
    )  # fmt: skip


def time_inside(world: World, node: Node, bound: timedelta) -> timedelta:
    """Return how long the scopes that a step opens may take."""
    total = timeout(world, node).total
    return bound if total is None else min(total, bound)


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


def check_sum(findings: Findings, scope: Steps, whole: timedelta) -> None:
    """Warn of pauses, one after the other, that do not fit into a scope though each does.

    A step with an `if` may be skipped, so its pause is not counted: each alone is checked.
    """
    if scope.graph is None or not any(map(_pauses, (node.spec for node in scope.nodes))):
        return
    ends = [_NONE] * len(scope.nodes)
    for position in scope.graph.order:
        before = (ends[edge.step] for edge in scope.graph.after[position])
        ends[position] = max(before, default=_NONE) + _surely(scope.nodes[position].spec)
    longest = max(ends)
    if longest > whole and all(_pauses(node.spec) <= whole for node in scope.nodes):
        what = f"all that is waited for on one way through {scope.called}"
        place = scope.nodes[ends.index(longest)].place
        too_long(findings, place, what, longest, scope.called, whole)


def _surely(step: spec.Step) -> timedelta:
    """Return the longest that a step which is never skipped waits."""
    return _pauses(step) if step.if_ is None else _NONE


def _pauses(step: spec.Step) -> timedelta:
    """Return the longest that a step waits for time, an event, people, or its next turn."""
    told = [parse_duration(text) for text, _, _ in _waits(step) if not has_template(text)]
    if step.repeat is not None:
        told.append(parse_duration(step.repeat.every) * (step.repeat.max_times - 1))
    return max(told, default=_NONE)


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


def maybe_span(findings: Findings, text: str | None, path: Sequence[str | int]) -> timedelta | None:
    return None if text is None else span(findings, text, path)


def _whole(findings: Findings, node: Node, own: str | spec.Timeout | None) -> Timeout:
    path = (*node.path, "timeout")
    if own is None:
        return Timeout()
    if isinstance(own, str):
        return Timeout(total=span(findings, own, path))
    for key in ("queue", "attempt", "heartbeat"):
        if key in own.written:
            message = f"`{key}` means nothing on a step that calls no operation: write `total`"
            findings.error("misplaced-key", message, Place((*path, key), key=True))
    return Timeout(total=maybe_span(findings, own.total, (*path, "total")))


def _waits(step: spec.Step) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Yield the pauses of a step as written, each with its keys and a name."""
    if step.wait is not None and step.wait.for_ is not None:
        yield step.wait.for_, ("wait", "for"), "this pause"
    if step.await_ is not None:
        yield step.await_.within, ("await", "within"), "this wait for an event"
    if step.approve is not None:
        yield step.approve.expires, ("approve", "expires"), "this decision"


def _unreachable(
    findings: Findings, place: Place, attempt: timedelta, what: str, whole: timedelta
) -> None:
    message = (
        f"an attempt may last {format_duration(attempt)}, but {what} only {format_duration(whole)}"
    )
    findings.warning("timeout-order", message, place)
