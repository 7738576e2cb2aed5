"""Every expression and template of a step; faults in them become findings."""

from collections.abc import Callable, Iterator

from engine.core import facts, spec
from engine.core.compiler import site
from engine.core.compiler.findings import Findings, Path
from engine.core.compiler.node import Node
from engine.core.compiler.site import Site, Use
from engine.core.facts import Operation
from engine.core.values import Json


def sites_of(findings: Findings, node: Node, operation: Operation | None) -> Iterator[Site]:
    """Yield every expression and template of a step, those of the scopes that it opens apart.

    What an operation takes for code holds none.
    """
    for use, text, keys in _expressions(node.spec):
        if text is not None:
            made = site.expression(findings, use, text, node.path + keys)
            if made is not None:
                yield made
    is_code = _code(operation)
    for use, area, keys in _areas(node.spec):
        told = is_code if use is Use.ARGUMENT else _never
        within = keys if use is Use.ENVIRONMENT else ()
        yield from site.templates(findings, use, area, node.path + keys, told, within)


def _expressions(step: spec.Step) -> Iterator[tuple[Use, str | None, Path]]:
    yield Use.CONDITION, step.if_, ("if",)
    if step.retry is not None:
        yield Use.RETRY, step.retry.if_, ("retry", "if")
    if step.for_each is not None:
        yield Use.OVER, step.for_each.over, ("for_each", "over")
        yield Use.ITEM_KEY, step.for_each.key, ("for_each", "key")
    elif step.repeat is not None:
        yield Use.UNTIL, step.repeat.until, ("repeat", "until")
    elif step.await_ is not None:
        yield Use.MATCH, step.await_.match, ("await", "match")
    elif isinstance(step.switch, spec.Switch):
        yield Use.CASE, step.switch.value, ("switch", "value")
    elif step.switch is not None:
        for index, each in enumerate(step.switch):
            if isinstance(each, spec.Choice):
                yield Use.CONDITION, each.if_, ("switch", index, "if")
    for name, output in (step.outputs or {}).items():
        yield Use.PROJECTION, output.from_, ("outputs", name, "from")


def _areas(step: spec.Step) -> Iterator[tuple[Use, Json, Path]]:
    """Yield the templates, and the areas that hold some."""
    if step.with_ is not None:
        yield (Use.ARGUMENT if step.call is None else Use.INPUT), step.with_, ("with",)
    for name, value in (step.set or {}).items():
        yield Use.VALUE, value.value, ("set", name, "value")
    if step.uses is not None:
        yield from _of_a_call(step)
    else:
        yield from _of_a_verb(step)
    if step.concurrency is not None:
        yield Use.GROUP, step.concurrency.group, ("concurrency", "group")
    yield from priority_areas(Use.PRIORITY, step.priority)


def _of_a_call(step: spec.Step) -> Iterator[tuple[Use, Json, Path]]:
    if step.idempotency is not None:
        yield Use.KEY, step.idempotency.key, ("idempotency", "key")
    if step.cache is not None and step.cache.key is not None:
        yield Use.CACHE, step.cache.key, ("cache", "key")
    if step.rate is not None and step.rate.group is not None:
        yield Use.RATE, step.rate.group, ("rate", "group")
    if step.env is not None:
        yield Use.ENVIRONMENT, step.env, ("env",)


def _of_a_verb(step: spec.Step) -> Iterator[tuple[Use, Json, Path]]:
    if step.for_each is not None:
        for name, value in (step.for_each.collect or {}).items():
            yield Use.COLLECT, value.value, ("for_each", "collect", name, "value")
    elif step.wait is not None:
        yield Use.WAIT, step.wait.for_, ("wait", "for")
        yield Use.WAIT, step.wait.until, ("wait", "until")
    elif step.approve is not None:
        yield Use.SHOW, step.approve.show, ("approve", "show")
        yield Use.BIND, step.approve.binds, ("approve", "binds")
    elif step.emit is not None:
        yield Use.SUBJECT, step.emit.subject, ("emit", "subject")
        yield Use.EMIT, step.emit.data, ("emit", "data")
    elif step.fail is not None:
        yield Use.FAIL, step.fail.type, ("fail", "type")
        yield Use.FAIL, step.fail.message, ("fail", "message")


def priority_areas(
    use: Use, told: "str | spec.Priority | None"
) -> Iterator[tuple[Use, Json, Path]]:
    """Yield what says who goes first, of a step or of a run."""
    if isinstance(told, spec.Priority):
        yield use, told.level, ("priority", "level")
        yield use, told.fair_key, ("priority", "fair_key")
    elif told is not None:
        yield use, told, ("priority",)


def _never(_: Path) -> bool:
    return False


def _code(operation: Operation | None) -> Callable[[Path], bool]:
    """Return what tells whether the argument at a pointer is code."""
    if operation is None or not operation.has_code:
        return _never
    return lambda pointer: facts.CODE in operation.roles_at(pointer)
