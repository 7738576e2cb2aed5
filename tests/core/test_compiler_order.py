"""The order of steps, by graphs drawn at random."""

from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from engine.core.compiler import compile_file
from engine.core.plan import Plan, Requirement
from tests.core.catalogue import CATALOGUE

HEAD = "apiVersion: sark/v1\nkind: Workflow\nname: demo\nsteps:\n"
NEEDS = st.sampled_from(["ok", "succeeded", "done"])
READS = st.sampled_from(["outputs.message", "outputs.message | default(1)", "status"])
Arrows = dict[tuple[int, int], tuple[str | None, str | None]]
"""By who waits and for whom: the result needed, and what is read."""


@st.composite
def arrows(draw: st.DrawFn, *, forward: bool) -> tuple[int, Arrows]:
    """Return how many steps there are, and why they wait for each other."""
    count = draw(st.integers(1, 7))
    pairs = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))
    wanted = pairs.filter(lambda pair: pair[0] > pair[1] if forward else pair[0] != pair[1])
    reasons = st.tuples(st.none() | NEEDS, st.none() | READS).filter(any)
    told = draw(st.dictionaries(wanted, reasons, max_size=12)) if count > 1 else {}
    return count, told


def written(count: int, told: Arrows) -> bytes:
    """Return the spec of a graph."""
    lines = [HEAD]
    for position in range(count):
        needs = {to: need for (who, to), (need, _) in told.items() if who == position and need}
        reads = [f"{{{{ steps.s{to}.{read} }}}}" for (who, to), (_, read) in told.items()
                 if who == position and read]  # fmt: skip
        lines.append(f"  s{position}:\n    uses: echo.say@1\n")
        lines.append(f"    with: {{message: [{', '.join(map(repr, reads))}]}}\n")
        if needs:
            body = ", ".join(f"s{to}: {need}" for to, need in needs.items())
            lines.append(f"    needs: {{{body}}}\n")
    return "".join(lines).encode()


def plan_of(source: bytes) -> tuple[Plan | None, list[str]]:
    unit = compile_file("demo.yaml", source, CATALOGUE)
    return unit.workflows[0].plan, [each.message for each in unit.diagnostics]


@given(arrows(forward=True))
def test_every_reason_to_wait_is_one_edge(drawn: tuple[int, Arrows]) -> None:
    """
    Two steps have one edge however many reasons there are; it asks for the strongest of them.
    """
    count, told = drawn

    plan, _ = plan_of(written(count, told))

    assert plan is not None
    edges = {
        (who, edge.step): (edge.requires, edge.data, edge.inferred)
        for who, step in enumerate(plan.root.steps)
        for edge in step.after
    }
    assert edges == {
        pair: (Requirement(need or "done"), read == "outputs.message", need is None)
        for pair, (need, read) in told.items()
    }


@given(arrows(forward=True))
def test_who_waits_and_who_is_waited_for_agree(drawn: tuple[int, Arrows]) -> None:
    """
    `before` is `after` turned round, each pair once.
    """
    plan, _ = plan_of(written(*drawn))

    assert plan is not None
    steps = plan.root.steps
    after = sorted((edge.step, who) for who, step in enumerate(steps) for edge in step.after)
    before = sorted((who, follower) for who, step in enumerate(steps) for follower in step.before)
    assert after == before


@given(arrows(forward=False))
def test_a_circle_is_found_exactly_where_there_is_one(drawn: tuple[int, Arrows]) -> None:
    """
    Steps that wait for each other are refused, and each circle that is told is a real one.
    """
    count, told = drawn

    plan, messages = plan_of(written(count, told))

    assert has_cycle(told) == (plan is None)
    for message in messages:
        names = message.removeprefix("steps wait for each other: ").split(" -> ")
        trail = [int(name[1:]) for name in names]
        assert trail[0] == trail[-1]
        assert all((who, to) in told for to, who in pairwise(trail))


def has_cycle(told: Arrows) -> bool:
    """Return what the standard library says."""
    before: dict[int, set[int]] = {}
    for who, to in told:
        before.setdefault(who, set()).add(to)
    try:
        TopologicalSorter(before).prepare()
    except CycleError:
        return True
    return False
