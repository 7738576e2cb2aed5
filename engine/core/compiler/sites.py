"""Every expression and template of a step."""

from collections.abc import Callable, Iterator

from engine.core import facts
from engine.core.compiler import site
from engine.core.compiler.findings import Findings, Path
from engine.core.compiler.node import Node
from engine.core.compiler.site import Site, Use
from engine.core.facts import Operation


def sites_of(findings: Findings, node: Node, operation: Operation | None) -> Iterator[Site]:
    """Yield every expression and template of a step; faults in them become findings.

    What an operation takes for code holds none.
    """
    step = node.spec
    bare: list[tuple[Use, str | None, tuple[str, ...]]] = [(Use.CONDITION, step.if_, ("if",))]
    if step.retry is not None:
        bare.append((Use.RETRY, step.retry.if_, ("retry", "if")))
    for name, output in (step.outputs or {}).items():
        bare.append((Use.PROJECTION, output.from_, ("outputs", name, "from")))
    for use, text, keys in bare:
        if text is not None:
            made = site.expression(findings, use, text, node.path + keys)
            if made is not None:
                yield made
    if step.idempotency is not None:
        place = (*node.path, "idempotency", "key")
        yield from site.templates(findings, Use.KEY, step.idempotency.key, place)
    yield from site.templates(
        findings, Use.ARGUMENT, step.with_ or {}, (*node.path, "with"), _code(operation)
    )
    for name, value in (step.set or {}).items():
        place = (*node.path, "set", name, "value")
        yield from site.templates(findings, Use.VALUE, value.value, place)


def _code(operation: Operation | None) -> Callable[[Path], bool]:
    """Return what tells whether the argument at a pointer is code."""
    if operation is None or not operation.has_code:
        return lambda _: False
    return lambda pointer: facts.CODE in operation.roles_at(pointer)
