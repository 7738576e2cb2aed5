"""What a plan says, place by place, under the names that an author gives and a run shows.

Two plans are compared by these. Order of keys, comments, files and lines say nothing; a default
says the same whether it is written out or not.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, fields, is_dataclass
from datetime import timedelta
from typing import Any, TypeAlias

from engine.core.anatomy import Part, parts
from engine.core.frozen import frozen
from engine.core.picture import words
from engine.core.plan import Call, Case, Handler, Plan, Scope, Set, Start, Step, Uses
from engine.core.values import Json, digest, format_duration

Places: TypeAlias = dict[str, Json]

# A field by the word of the language; `None` is said otherwise, or follows from what is.
_WORDS: Mapping[str, str | None] = {
    "arguments": "with", "condition": "if", "error_class": "class", "finally_": "finally",
    "operation": "uses", "type_": "type", "values": "set", "workflow": "call",
    "after": None, "before": None, "compensation": None, "fallback": None, "id": None,
    "line": None, "terms": None, "verb": None, "name": None, "key": "idempotency.key",
    "file": None, "digest": None, "format": None, "root": None, "inputs": None, "secrets": None,
    "triggers": None, "settings": "", "on_compensation_failure": None,
}  # fmt: skip
# Verbs whose keys stand in the step itself.
_BARE = (Uses, Set, Call, Start)
# Fields that only a call has, and that say what other fields say of its workflow.
_NAMED = ("id", "name")


@frozen
class Said:
    """`steps` are those of a plan by their places; `places` what is said, of steps and besides."""

    steps: dict[str, Step] = field(default_factory=dict)
    places: Places = field(default_factory=dict)


def said(plan: Plan) -> Said:
    """Return what a plan says; workflows that it calls are told by what their plans are."""
    told = Said()
    told.places.update(_of_plan(plan))
    called: list[str] = []
    for part in parts(plan):
        if any(part.path.startswith(each) for each in called):
            continue
        told.places.update(_of_scope(part, _placed(plan, part.path.rstrip("."))))
        for step in part.scope.steps:
            path = part.path_of(step)
            place = _placed(plan, path)
            if step.id:
                told.steps[place] = step
            told.places.update(_of_step(step, part.scope, place))
            if isinstance(step.verb, Call):
                called.append(f"{path}.")
    return told


def _placed(plan: Plan, path: str) -> str:
    """Return where a path of a run is written: that of a step is below `steps`."""
    first = path.partition(".")[0].partition("[")[0]
    return f"steps.{path}" if any(each.id == first for each in plan.root.steps) else path


def _of_plan(plan: Plan) -> Iterator[tuple[str, Json]]:
    yield from _leaves("", plan)
    assert isinstance(plan.inputs, Mapping)
    properties, required = plan.inputs.get("properties"), plan.inputs.get("required")
    yield from _leaves("inputs", properties)
    yield from ((f"inputs.{name}.required", True) for name in _texts(required))
    for each in plan.triggers:
        place = f"triggers.{each.id}"
        yield place, each.type
        yield from _leaves(place, each.settings)
        yield from _leaves(f"{place}.filter", each.filter)
        yield from _leaves(f"{place}.with", each.arguments)


def _of_scope(part: Part, place: str) -> Iterator[tuple[str, Json]]:
    """Yield what is said of a scope, and of the case or handler that it is the body of."""
    yield from _leaves(place, part.scope)
    if isinstance(part.source, Case | Handler):
        yield from _leaves(place, part.source)


def _of_step(step: Step, scope: Scope, place: str) -> Iterator[tuple[str, Json]]:
    yield from _leaves(place, step)
    needs: list[Json] = [
        scope.steps[edge.step].id + (f": {edge.requires}" if not edge.data else "")
        for edge in step.after
    ]
    if needs:
        yield f"{place}.needs", needs
    inferred: list[Json] = [scope.steps[edge.step].id for edge in step.after if edge.inferred]
    if inferred:
        yield f"{place}.reads", inferred
    if step.fallback is not None:
        for each in step.fallback.outputs:
            yield from _leaves(f"{place}.fallback.outputs.{each.name}", each.value)
    yield from _of_verb(step, place)


def _of_verb(step: Step, place: str) -> Iterator[tuple[str, Json]]:
    verb, kind = step.verb, words.kind(step)
    if not isinstance(verb, _BARE):
        yield f"{place}.verb", kind
    yield from _leaves(place if isinstance(verb, _BARE) else f"{place}.{kind}", verb)
    if isinstance(verb, Call):
        yield f"{place}.call.plan", digest(_body(verb.body))


def _body(scope: Scope) -> Json:
    """Return all that a called workflow is, as one value."""
    inner = said(Plan("", "", {}, scope))
    return dict(inner.places)


def _leaves(place: str, value: Any) -> Iterator[tuple[str, Json]]:
    """Yield the values within a value by their places; scopes are told elsewhere."""
    if value is None or isinstance(value, Scope):
        return
    if is_dataclass(value):
        for each in fields(value):
            word = _WORDS.get(each.name, each.name)
            if word is not None:
                yield from _leaves(_below(place, word), getattr(value, each.name))
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(_below(place, key), inner)
    elif isinstance(value, tuple) and any(is_dataclass(each) for each in value):
        for number, each in enumerate(value):
            if not isinstance(each, Step | Handler | Case):
                name = next((getattr(each, n) for n in _NAMED if hasattr(each, n)), str(number))
                yield from _leaves(_below(place, str(name)), each)
    elif value not in ((), ""):
        yield place, _plain(value)


def _plain(value: Any) -> Json:
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, str) else value


def _below(place: str, word: str) -> str:
    return f"{place}.{word}" if place and word else place or word


def _texts(value: Json) -> Sequence[str]:
    return [str(each) for each in value] if isinstance(value, Sequence) else []
