"""Workflows that lead to each other: by a call, by a start, by an event that one emits."""

from collections.abc import Container, Iterator, Mapping, Sequence

from engine.core.cloudevent import RESERVED
from engine.core.commit.circle import circles, settled
from engine.core.commit.declared import Declared, Mention
from engine.core.diagnostic import Diagnostic, Related, Severity
from engine.core.frozen import frozen
from engine.core.wording import listed, meant

MAX_DEPTH = 16
MAX_STEPS = 2_000
# Of a longer chain the middle is left out: nobody reads a hundred names.
_MOST_SHOWN = 12


@frozen
class _Link:
    """How one workflow leads to the next: where, and what happens there."""

    place: Mention
    told: str


_Links = Mapping[str, Mapping[str, _Link]]


def calls(workflows: Mapping[str, Declared]) -> Iterator[Diagnostic]:
    """Find workflows that call themselves, calls in calls beyond measure, and plans too large."""
    links = {
        name: {told.name: _Link(told, f"{name} calls {told.name}") for told in each.wiring.calls}
        for name, each in workflows.items()
        if each.wiring.calls
    }
    for circle in circles(links):
        told = f"workflows call each other without end: {_path(circle)}"
        yield _circular("call-cycle", told, links, circle, "take out one of these calls")
    order = settled(links)
    leaves = workflows.keys() - links.keys() if links else ()
    yield from _too_deep(links, order, leaves)
    yield from _too_large(workflows, order, leaves)


def events(workflows: Mapping[str, Declared], *, is_whole: bool) -> Iterator[Diagnostic]:
    """Find events that nobody emits, and workflows that start each other without end.

    Where a document cannot be read (`is_whole` is false), it may be the one that emits.
    """
    if is_whole:
        yield from _nobody_emits(workflows)
    links = _starts(workflows)
    for circle in circles(links):
        if _is_by_calls_alone(workflows, circle):
            continue
        told = f"workflows start each other without end: {_path(circle)}"
        hint = "take out one of these, or bound the chain with `max_chain` on a trigger"
        yield _circular("trigger-cycle", told, links, circle, hint)


def _too_deep(links: _Links, order: Sequence[str], leaves: Container[str]) -> Iterator[Diagnostic]:
    depth: dict[str, int] = {}
    deepest: dict[str, str] = {}
    for name in order:
        known = [each for each in links[name] if each in depth or each in leaves]
        deep = max(known, key=lambda each: depth.get(each, 0), default="")
        depth[name] = 1 + depth.get(deep, 0) if deep else 0
        deepest[name] = deep
        if depth[name] == MAX_DEPTH + 1:
            path = [name]
            while deepest.get(path[-1]):
                path.append(deepest[path[-1]])
            message = f"calls are nested over {MAX_DEPTH} deep: {' -> '.join(_shown(path))}"
            yield Diagnostic("call-depth", message, links[name][deep].place.span)


def _too_large(
    workflows: Mapping[str, Declared], order: Sequence[str], leaves: Container[str]
) -> Iterator[Diagnostic]:
    """Find workflows that have too many steps only with all that they call."""
    total: dict[str, int] = {}

    def steps(name: str) -> int:
        return workflows[name].wiring.steps if name in leaves else total.get(name, 0)

    for name in order:
        wiring = workflows[name].wiring
        parts = [steps(told.name) for told in wiring.calls]
        total[name] = wiring.steps + sum(parts)
        if total[name] > MAX_STEPS >= max([wiring.steps, *parts]):
            message = (
                f'with all that it calls, the workflow "{name}" has {total[name]:,} steps; '
                f"a plan may have {MAX_STEPS:,}"
            )
            span = workflows[name].span
            yield Diagnostic(
                "too-many-steps", message, span, hint="start some of them with `detach: true`"
            )


def _nobody_emits(workflows: Mapping[str, Declared]) -> Iterator[Diagnostic]:
    wirings = [each.wiring for each in workflows.values()]
    emitted = {told.name for each in wirings for told in each.emits}
    known = emitted | {told.name for each in wirings for told in each.outside}
    for each in wirings:
        for told in (*each.starts, *each.bounded, *each.awaits):
            if told.name not in known and not told.name.startswith(RESERVED):
                message = f'no workflow of this commit emits "{told.name}"'
                otherwise = "it must come from outside, by the API"
                hint = meant(told.name, emitted, otherwise)
                expected = listed(sorted(emitted), "no event")
                yield Diagnostic(
                    "event-nobody-emits", message, told.span, Severity.WARNING, hint, expected
                )


def _starts(workflows: Mapping[str, Declared]) -> _Links:
    """Return how each workflow leads to others; what it calls runs within it, and leads on."""
    by_type: dict[str, list[str]] = {}
    for name, each in workflows.items():
        for told in each.wiring.starts:
            by_type.setdefault(told.name, []).append(name)
    links: dict[str, dict[str, _Link]] = {}
    for name, each in workflows.items():
        wiring = each.wiring
        if not (wiring.emits or wiring.detached or wiring.calls or wiring.follows):
            continue
        mine = links.setdefault(name, {})
        for told in wiring.emits:
            for other in by_type.get(told.name, ()):
                mine[other] = _Link(told, f"{name} emits {told.name}, on which {other} starts")
        for told in wiring.detached:
            mine[told.name] = _Link(told, f"{name} starts {told.name}")
        for told in wiring.calls:
            mine[told.name] = _Link(told, f"{name} calls {told.name}")
        for told in wiring.follows:
            where = links.setdefault(told.name, {})
            where[name] = _Link(told, f"{name} starts when {told.name} has ended")
    return links


def _is_by_calls_alone(workflows: Mapping[str, Declared], circle: Sequence[str]) -> bool:
    return all(
        after in {told.name for told in workflows[name].wiring.calls}
        for name, after in _pairs(circle)
    )


def _circular(
    code: str, message: str, links: _Links, circle: Sequence[str], hint: str
) -> Diagnostic:
    told = [links[name][after] for name, after in _pairs(circle)]
    also = [Related(each.place.span, f"{each.told} here") for each in told[1:_MOST_SHOWN]]
    return Diagnostic(code, message, told[0].place.span, hint=hint, related=tuple(also))


def _pairs(circle: Sequence[str]) -> Iterator[tuple[str, str]]:
    return zip(circle, [*circle[1:], circle[0]], strict=True)


def _path(circle: Sequence[str]) -> str:
    return " -> ".join(_shown([*circle, circle[0]]))


def _shown(names: list[str]) -> list[str]:
    left_out = len(names) - _MOST_SHOWN
    if left_out <= 1:
        return names
    half = _MOST_SHOWN // 2
    return [*names[:half], f"{left_out:,} others", *names[-half:]]
