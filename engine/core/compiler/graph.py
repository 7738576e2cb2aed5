"""The order of a scope: who waits for whom, for which result, and who may stay without."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from engine.core.compiler.cycle import report
from engine.core.compiler.findings import Findings, Place, listed, meant
from engine.core.compiler.node import Node, Steps
from engine.core.compiler.wish import Graph, Wish
from engine.core.frozen import frozen
from engine.core.plan import Edge, Requirement

_SEES_FAILURE = frozenset({Requirement.FAILED, Requirement.DONE})
FAILURE_WORDS = frozenset({"failed", "timed_out", "error"})


@frozen
class Read:
    """A step reads another. `data`: its outputs, at `path`, and there is no default.

    No step (`node` is None): what a scope gives reads one. A read of a scope further out is one
    by the step that holds the reader there.
    """

    node: Node | None
    target: Node
    word: str
    data: bool
    has_default: bool
    place: Place
    path: tuple[str | int, ...] = ()


def connect(findings: Findings, steps: Steps, reads: Iterable[Read]) -> Graph | None:
    """Return the order of a scope, or nothing if it waits for itself."""
    wishes: list[dict[int, Wish]] = [_needs(findings, steps, node) for node in steps.nodes]
    joins = tuple(_join(findings, node, wishes[node.position]) for node in steps.nodes)
    if steps.is_sequence:
        _follow(steps, wishes)
    for read in reads:
        assert read.node is not None
        position = read.node.position
        _add_read(findings, steps, wishes[position], read, read.node)
        _check_read(findings, wishes[position], read, read.node, joins[position])
    for node in steps.nodes:
        _check_contradiction(findings, steps, node, wishes[node.position])
    order = _order(wishes)
    if len(order) < len(wishes):
        report(findings, steps, wishes, set(range(len(wishes))) - set(order))
        return None
    after = tuple(tuple(mine[key].edge for key in sorted(mine)) for mine in wishes)
    return Graph(after, _followers(after), joins, tuple(order))


def may_stay_without(steps: Steps, graph: Graph) -> dict[str, str]:
    """Return the steps that may have no outputs although the run succeeds, and why."""
    reasons: dict[str, str] = {}
    for position in graph.order:
        node = steps.nodes[position]
        reason = _reason(steps, graph, node, reasons)
        if reason:
            reasons[node.id] = reason
    return reasons


def _reason(steps: Steps, graph: Graph, node: Node, reasons: Mapping[str, str]) -> str:
    if node.spec.optional:
        return "it is optional"
    if node.spec.if_ is not None:
        return "it has an `if`"
    edges = graph.after[node.position]
    join = graph.join[node.position]
    doubts = [doubt for edge in edges if (doubt := _doubt(steps, edge, reasons))]
    asked = [edge for edge in edges if not edge.inferred]
    if join and len(asked) - sum(bool(_doubt(steps, each, reasons)) for each in asked) >= join:
        doubts = [doubt for edge in edges if edge.data and (doubt := _doubt(steps, edge, reasons))]
    return doubts[0] if doubts else ""


def _doubt(steps: Steps, edge: Edge, reasons: Mapping[str, str]) -> str:
    """Return why an edge may not be met in a run that succeeds."""
    before = steps.nodes[edge.step]
    if edge.requires in (Requirement.FAILED, Requirement.SKIPPED):
        return f'it needs that "{before.id}" {_PAST[edge.requires]}'
    if edge.requires is Requirement.OK and before.spec.optional:
        return f'it needs "{before.id}", which is optional'
    if (edge.data or edge.requires is Requirement.SUCCEEDED) and before.id in reasons:
        return f'it needs "{before.id}", which may be skipped'
    return ""


_PAST = {Requirement.FAILED: "failed", Requirement.SKIPPED: "was skipped"}


def _needs(findings: Findings, steps: Steps, node: Node) -> dict[int, Wish]:
    """Return what the author asked for, by the position of who must come before."""
    needs = node.spec.needs or []
    wishes: dict[int, Wish] = {}
    for index, name in enumerate(needs):
        place = (
            node.at("needs", name, key=True) if isinstance(needs, dict) else node.at("needs", index)
        )
        requires = Requirement(needs[name]) if isinstance(needs, dict) else Requirement.OK
        target = steps.by_id.get(name)
        if target is None:
            _unknown_need(findings, steps, node, name, place)
        elif target is node:
            findings.error("self-reference", f'step "{node.id}" needs itself', place)
        else:
            wishes[target.position] = Wish(Edge(target.position, requires), place)
    return wishes


def _unknown_need(findings: Findings, steps: Steps, node: Node, name: str, place: Place) -> None:
    others = [each.id for each in steps.nodes if each is not node]
    message = f'step "{node.id}" needs "{name}", which is no step of this scope'
    findings.error(
        "unknown-step",
        message,
        place,
        hint=meant(name, others),
        expected=listed(others, "no other step"),
    )


def _join(findings: Findings, node: Node, wishes: Mapping[int, Wish]) -> int:
    """Return how many needs suffice; 0 means all."""
    join = node.spec.join
    if join == "all":
        return 0
    count = 1 if join == "any" else join
    if not isinstance(count, int) or not 1 <= count <= len(wishes):
        message = f'`join: {join}` of step "{node.id}" must be from 1 to its {len(wishes)} `needs`'
        hint = "list in `needs` the steps to choose from" if not wishes else ""
        findings.error("bad-join", message, node.at("join"), hint=hint)
        return 0
    return 0 if count == len(wishes) else count


def _follow(steps: Steps, wishes: list[dict[int, Wish]]) -> None:
    """Let each element of a list wait for the one before it, unless its `needs` say how.

    A list goes on past an optional step that has failed, as the run does.
    """
    for before, node in pairwise(steps.nodes):
        requires = Requirement.DONE if before.spec.optional else Requirement.OK
        wish = Wish(Edge(before.position, requires, inferred=True), node.place)
        wishes[node.position].setdefault(before.position, wish)


def _add_read(
    findings: Findings, steps: Steps, mine: dict[int, Wish], read: Read, node: Node
) -> None:
    target = read.target.position
    if steps.is_sequence and target > node.position:
        message = f'step "{node.id}" reads "{read.target.id}", which comes later in the list'
        hint = "move it up, or write `steps` as a mapping: then the order follows from what is read"
        findings.error("later-step", message, read.place, hint=hint)
        return
    wish = Wish(Edge(target, Requirement.DONE, read.data, inferred=True), read.place)
    mine[target] = mine[target].and_also(wish) if target in mine else wish


def _check_read(
    findings: Findings, mine: Mapping[int, Wish], read: Read, node: Node, join: int
) -> None:
    """Find reads that cannot work: of a failure that ends the run, of a step not waited for."""
    wish = mine.get(read.target.position)
    if wish is None:
        return
    name = read.target.id
    if join and not wish.edge.inferred and not read.has_default:
        message = f'with `join`, step "{node.id}" may start before "{name}" has ended'
        hint = "write `| default(...)` after the reference"
        findings.error("join-reference", message, read.place, hint=hint)
    if read.word in FAILURE_WORDS and not _may_see_failure(mine, read):
        message = f'step "{node.id}" never runs after "{name}" has failed, so this is never true'
        hint = f"write `needs: {{{name}: done}}`, or read it in `finally`"
        findings.warning("unseen-failure", message, read.place, hint=hint)


def _may_see_failure(mine: Mapping[int, Wish], read: Read) -> bool:
    if read.word == "timed_out" and _goes_on_in_time(read.target):
        return True
    if mine[read.target.position].edge.requires not in _SEES_FAILURE:
        return False
    if read.target.spec.optional:
        return True
    return any(
        not wish.edge.inferred and wish.edge.requires in _SEES_FAILURE for wish in mine.values()
    )


def _goes_on_in_time(node: Node) -> bool:
    """True if a step may succeed although its time ran out: a wait that then lets the run go on."""
    waits, asks = node.spec.await_, node.spec.approve
    if waits is not None:
        return waits.on_timeout == "continue"
    return asks is not None and asks.on_reject == "continue" and asks.on_expiry == "reject"


def _check_contradiction(
    findings: Findings, steps: Steps, node: Node, mine: Mapping[int, Wish]
) -> None:
    """Refuse a step that wants another not to succeed, and its outputs."""
    for wish in mine.values():
        if wish.edge.data and wish.edge.requires in _PAST:
            name = steps.nodes[wish.edge.step].id
            past = _PAST[wish.edge.requires]
            message = (
                f'step "{node.id}" can never run: it needs that "{name}" {past}, and its outputs'
            )
            findings.error(
                "never-runs", message, wish.place, hint="write `| default(...)` where it reads them"
            )


def _order(wishes: Sequence[Mapping[int, Wish]]) -> list[int]:
    """Return the positions so that each comes after those it waits for; a cycle's are left out."""
    waiting = [len(mine) for mine in wishes]
    followers = _followers([[wish.edge for wish in mine.values()] for mine in wishes])
    order = [position for position, count in enumerate(waiting) if count == 0]
    for position in order:  # grows while it is read
        for follower in followers[position]:
            waiting[follower] -= 1
            if waiting[follower] == 0:
                order.append(follower)
    return order


def _followers(after: Sequence[Sequence[Edge]]) -> tuple[tuple[int, ...], ...]:
    followers: list[list[int]] = [[] for _ in after]
    for position, edges in enumerate(after):
        for edge in edges:
            followers[edge.step].append(position)
    return tuple(map(tuple, followers))
