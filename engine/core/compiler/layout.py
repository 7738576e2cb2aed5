"""The scopes of a workflow and the steps in them, laid out with all their expressions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from engine.core import spec
from engine.core.compiler import shape, site
from engine.core.compiler.findings import Findings, Path, Place
from engine.core.compiler.gathering import sites_of
from engine.core.compiler.node import Kind, Node, Result, Steps
from engine.core.compiler.placing import check_keys
from engine.core.compiler.protection import NAME as PROTECTION
from engine.core.compiler.site import Use
from engine.core.facts import Catalogue
from engine.core.values import Json

# `steps`, or a lone verb with its keys; those that give say what.
Giving: TypeAlias = spec.ForEach | spec.Repeat | spec.Case | spec.Branch
Body: TypeAlias = Giving | spec.Compensate | spec.Fallback | spec.Handler

MAX_STEPS = 2_000
RESERVED = frozenset({
    "finally", "on_failure", "compensate", "fallback", "on_compensation_failure", PROTECTION,
})  # fmt: skip


# Names that expressions read; `as` takes none of them.
TAKEN = frozenset({
    "inputs", "steps", "run", "trigger", "secrets", "event", "error", "self", "last", "turn",
    "key", "items", "failures", "variables",
})  # fmt: skip
# To do nothing is an answer to a case and to an error.
_MAY_BE_EMPTY = frozenset({Kind.CASE, Kind.BRANCH, Kind.HANDLER, Kind.FALLBACK})
_OF_THE_BODY = frozenset({"if_", "outputs"})


@dataclass(slots=True)
class Layout:
    """What scopes are made from, and how many steps there are so far."""

    findings: Findings
    catalogue: Catalogue
    count: int = 0


def lay_out(findings: Findings, workflow: spec.Workflow, catalogue: Catalogue) -> Steps:
    """Return the scope of the run, with all that is in it and all that follows it."""
    layout = Layout(findings, catalogue)
    root = Steps(Kind.RUN, ("steps",))
    _scoped(layout, root, workflow, ())
    undo_failed = workflow.on_compensation_failure
    if undo_failed is not None:
        scope = _following(root, Kind.UNDO_FAILED, shape.ERROR)
        scope.path = ("on_compensation_failure", "steps")
        scope.time = undo_failed.timeout, ("on_compensation_failure", "timeout")
        _fill(layout, scope, undo_failed.steps)
    if layout.count > MAX_STEPS:
        message = f"the workflow has {layout.count:,} steps; a plan may have {MAX_STEPS:,}"
        findings.error("too-many-steps", message, Place(("steps",), key=True))
    return root


def typed_values(told: Mapping[str, spec.TypedValue], path: Path) -> dict[str, Result]:
    """Return typed values that stand at `path`."""
    return {
        name: Result(each.value, (*path, name, "value"), each.extra, (*path, name))
        for name, each in told.items()
    }


def _scoped(layout: Layout, scope: Steps, told: spec.Workflow | spec.Block, path: Path) -> None:
    """Lay out a scope that has handlers, `finally` and outputs of its own."""
    scope.path = (*path, "steps")
    scope.cancels = told.on_step_failure == "cancel"
    if isinstance(told.timeout, spec.RunTimeout):
        scope.time = told.timeout.total, (*path, "timeout", "total")
    elif told.timeout is not None:
        scope.time = told.timeout, (*path, "timeout")
    scope.results = typed_values(told.outputs, (*path, "outputs"))
    _fill(layout, scope, told.steps)
    for index, handler in enumerate(told.on_failure):
        where = (*path, "on_failure", index)
        _handler(layout, _following(scope, Kind.HANDLER, shape.ERROR), handler, where)
    if told.finally_ is not None:
        last = _following(scope, Kind.FINALLY, shape.LAST_ERROR)
        last.path = (*path, "finally", "steps")
        last.time = told.finally_.timeout, (*path, "finally", "timeout")
        _fill(layout, last, told.finally_.steps)


def _following(scope: Steps, kind: Kind, error: Mapping[str, Json]) -> Steps:
    """Return a new scope that follows another."""
    made = Steps(kind, scope.path, scope.owner, scope, names={"error": error})
    scope.after.append(made)
    return made


def _handler(layout: Layout, scope: Steps, told: spec.Handler, path: Path) -> None:
    scope.handler = told
    if told.match.if_ is not None:
        where = (*path, "match", "if")
        scope.condition = site.expression(layout.findings, Use.MATCHED, told.match.if_, where)
    if told.outputs is not None:
        scope.results = _standing_in(told.outputs, (*path, "outputs"))
    _body(layout, scope, told, path)


def _standing_in(told: Mapping[str, Json], path: Path) -> dict[str, Result]:
    return {name: Result(value, (*path, name)) for name, value in told.items()}


def _body(layout: Layout, scope: Steps, told: Body, path: Path) -> None:
    """Lay out `steps`, or a lone verb with its keys."""
    if told.steps is not None:
        scope.path = (*path, "steps")
        if isinstance(told.timeout, str):
            scope.time = told.timeout, (*path, "timeout")
        elif told.timeout is not None:
            scope.time = told.timeout.total or told.timeout.attempt, (*path, "timeout")
        _fill(layout, scope, told.steps)
        return
    scope.path = path
    scope.is_sequence = True
    node = Node("", path, 0, _lone(told), scope)
    scope.nodes.append(node)
    _add_results(layout, scope)
    _complete(layout, node)


def _lone(told: Body) -> spec.Step:
    """Return a lone verb as a step; it has been validated."""
    names = (told.written & spec.Step.keys.keys()) - _OF_THE_BODY
    fields = {name: getattr(told, name) for name in names}
    if isinstance(told, Giving) and told.outputs is not None:
        fields["outputs"] = {
            name: each for name, each in told.outputs.items() if isinstance(each, spec.StepOutput)
        }
    return spec.Step(**fields)


def _fill(layout: Layout, scope: Steps, steps: spec.Steps) -> None:
    """Lay out the steps of a scope; what is around it has its own by now."""
    scope.is_sequence = isinstance(steps, list)
    if not steps and scope.kind not in _MAY_BE_EMPTY:
        message = "there is not a single step here"
        layout.findings.error("no-steps", message, Place(scope.path, key=True))
    for name, where, each in _named(steps, scope.path):
        node = Node(name, where, len(scope.nodes), each, scope)
        first = scope.find(name)
        if first is not None:
            _duplicate(layout.findings, node, first)
            continue
        if name in RESERVED:
            message = f'"{name}" is a name of the engine, which no step has'
            layout.findings.error("reserved-id", message, node.place)
        scope.by_id[name] = node
        scope.nodes.append(node)
    _add_results(layout, scope)
    for node in scope.nodes:
        _complete(layout, node)


def _complete(layout: Layout, node: Node) -> None:
    layout.count += 1
    check_keys(layout.findings, node)
    operation = layout.catalogue.get(node.spec.uses or "")
    node.sites = list(sites_of(layout.findings, node, operation))
    _open(layout, node)
    _open_others(layout, node)


def _open(layout: Layout, node: Node) -> None:
    """Lay out the scopes that the verb of a step opens."""
    step, path = node.spec, node.path
    if step.block is not None:
        scope = _inner(node, Kind.BLOCK)
        _scoped(layout, scope, step.block, (*path, "block"))
    elif step.for_each is not None:
        _check_name(layout.findings, node, step.for_each.as_)
        _giving(layout, _inner(node, Kind.ITEM), step.for_each, (*path, "for_each"))
    elif step.repeat is not None:
        _giving(layout, _inner(node, Kind.TURN), step.repeat, (*path, "repeat"))
    elif step.race is not None:
        for name, branch in step.race.branches.items():
            where = (*path, "race", "branches", name)
            _giving(layout, _inner(node, Kind.BRANCH), branch, where)
    elif step.switch is not None:
        for case, where in cases(step.switch):
            _giving(layout, _inner(node, Kind.CASE), case, (*path, "switch", *where))


def _check_name(findings: Findings, node: Node, name: str) -> None:
    """Refuse a name for an item that has a meaning already."""
    others = [each.owner.spec.for_each for each in node.scope.chain() if each.owner is not None]
    taken = {each.as_ for each in others if each is not None}
    if name in TAKEN or name in taken:
        message = f'an item cannot be read as "{name}": that name has a meaning here already'
        hint = "choose another: `as: ...`"
        findings.error("reserved-id", message, node.at("for_each", "as"), hint=hint)


def cases(told: "spec.Switch | list[spec.Choice | spec.Else]") -> Iterator[tuple[spec.Case, Path]]:
    """Yield the cases of a switch in order, `else` last, each with where it stands in it."""
    if isinstance(told, spec.Switch):
        yield from ((each, ("cases", name)) for name, each in told.cases.items())
        if told.else_ is not None:
            yield told.else_, ("else",)
        return
    for index, each in enumerate(told):
        yield (each.else_, (index, "else")) if isinstance(each, spec.Else) else (each, (index,))


def _open_others(layout: Layout, node: Node) -> None:
    """Lay out what stands in for a step, and what undoes it."""
    fallback, compensate = node.spec.fallback, node.spec.compensate
    if fallback is not None:
        path = (*node.path, "fallback")
        scope = _inner(node, Kind.FALLBACK)
        scope.names = {"error": shape.ERROR}
        if fallback.outputs is not None:
            scope.results = _standing_in(fallback.outputs, (*path, "outputs"))
        if fallback.written != {"outputs"}:
            _body(layout, scope, fallback, path)
        else:
            scope.path = path
            _add_results(layout, scope)
    if compensate is not None:
        _body(layout, _inner(node, Kind.COMPENSATION), compensate, (*node.path, "compensate"))


def _inner(node: Node, kind: Kind) -> Steps:
    scope = Steps(kind, node.path, node, node.scope)
    node.inner.append(scope)
    return scope


def _giving(layout: Layout, scope: Steps, told: Giving, path: Path) -> None:
    """Lay out a body that says what it gives: by `value` over its steps, by `from` over a verb."""
    if told.steps is not None and getattr(told, "compensate", None) is not None:
        message = "`compensate` means nothing beside `steps`"
        place = Place((*path, "compensate"), key=True)
        hint = "give a `compensate` to each of the steps that need one"
        layout.findings.error("misplaced-key", message, place, hint=hint)
    for name, each in (told.outputs or {}).items():
        wanted, word = (
            (spec.StepOutput, "from") if told.steps is None else (spec.TypedValue, "value")
        )
        if not isinstance(each, wanted):
            where = "beside a verb" if told.steps is None else "beside `steps`"
            message = f'output "{name}" is told by `{word}` {where}'
            place = Place((*path, "outputs", name), key=True)
            layout.findings.error("misplaced-key", message, place)
    if told.steps is not None:
        values = told.outputs or {}
        typed = {name: each for name, each in values.items() if isinstance(each, spec.TypedValue)}
        scope.results = typed_values(typed, (*path, "outputs"))
    _body(layout, scope, told, path)


def _add_results(layout: Layout, scope: Steps) -> None:
    for name, result in scope.results.items():
        told = site.templates(layout.findings, Use.OUTPUT, result.value, result.path)
        scope.sites.extend((name, each) for each in told)


def _named(steps: spec.Steps, path: Path) -> Iterator[tuple[str, Path, spec.Step]]:
    """Yield each step with its name and path; the reader has seen to it that it has one."""
    if isinstance(steps, dict):
        yield from ((name, (*path, name), each) for name, each in steps.items())
    else:
        yield from ((str(each.id), (*path, index), each) for index, each in enumerate(steps))


def _duplicate(findings: Findings, node: Node, first: Node) -> None:
    findings.error(
        "duplicate-step",
        f'there are two steps with the id "{node.id}"',
        node.place,
        hint="rename one: an id is unique in its scope and in those around it",
        related=[(first.place, "the first is here")],
    )
