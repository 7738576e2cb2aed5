"""Steps that wait for each other in a circle."""

from collections.abc import Mapping, Sequence

from engine.core.compiler.findings import Findings
from engine.core.compiler.node import Steps
from engine.core.compiler.wish import Wish

# Of a longer cycle the middle is left out: nobody reads a thousand names.
_MOST_SHOWN = 12


def report(
    findings: Findings, steps: Steps, wishes: Sequence[Mapping[int, Wish]], left: set[int]
) -> None:
    """Report one cycle, take it out, and go on until what is left has none."""
    while left:
        cycle = _cycle(wishes, left)
        _report_cycle(findings, steps, wishes, cycle)
        left -= set(cycle)
        left = _without_ends(wishes, left)


def _cycle(wishes: Sequence[Mapping[int, Wish]], left: set[int]) -> list[int]:
    """Return a cycle in running order. Each of `left` waits for another of `left`."""
    trail: list[int] = []
    seen: dict[int, int] = {}
    position = min(left)
    while position not in seen:
        seen[position] = len(trail)
        trail.append(position)
        position = min(before for before in wishes[position] if before in left)
    cycle = trail[seen[position] :][::-1]
    start = cycle.index(min(cycle))
    return cycle[start:] + cycle[:start]


def _without_ends(wishes: Sequence[Mapping[int, Wish]], left: set[int]) -> set[int]:
    """Take out what waits for none of `left`, again and again."""
    while True:
        ends = {position for position in left if not any(each in left for each in wishes[position])}
        if not ends:
            return left
        left = left - ends


def _report_cycle(
    findings: Findings, steps: Steps, wishes: Sequence[Mapping[int, Wish]], cycle: list[int]
) -> None:
    names = [steps.nodes[position].id for position in cycle]
    places = [
        (
            wishes[after][before].place,
            f"{steps.nodes[after].id} waits for {steps.nodes[before].id} here",
        )
        for before, after in zip(cycle, cycle[1:] + cycle[:1], strict=True)
    ]
    findings.error(
        "cycle",
        f"steps wait for each other: {' -> '.join(_shown([*names, names[0]]))}",
        places[0][0],
        hint="take out one of these needs or references",
        related=places[1:_MOST_SHOWN],
    )


def _shown(names: list[str]) -> list[str]:
    left_out = len(names) - _MOST_SHOWN
    if left_out <= 1:
        return names
    half = _MOST_SHOWN // 2
    return [*names[:half], f"{left_out:,} others", *names[-half:]]
