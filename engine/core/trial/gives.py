"""What a step gives, by its plan: the outputs that a mock of it may and must have."""

from collections.abc import Iterable, Mapping
from dataclasses import field

from engine.core import schema
from engine.core.facts import Catalogue
from engine.core.frozen import frozen
from engine.core.plan import (
    Assignment,
    Block,
    Call,
    ForEach,
    Race,
    Repeat,
    Scope,
    Set,
    Start,
    Step,
    Switch,
    Uses,
)
from engine.core.values import Json


@frozen
class Gives:
    """The outputs of a step: the schema of each, by its name.

    `required` are those that are always there. There may be others if it `is_open`.
    """

    types: Mapping[str, Json] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    is_open: bool = False

    def misfit(self, name: str, value: Json) -> str:
        """Return why a value is not that of an output, or an empty string."""
        problems = schema.validator(self.types[name]).problems(value)
        if not problems:
            return ""
        pointer, words = problems[0]
        return f"{pointer}: {words}" if str(pointer) else words


def gives(step: Step, operations: Catalogue) -> Gives:
    """Return what a step gives; of an operation that is unknown nothing is known."""
    if step.outputs:
        return _all({each.name: each.schema for each in step.outputs})
    match step.verb:
        case Uses(operation):
            return _of_operation(operation, operations)
        case Set(values):
            return _assigned(values)
        case Block(body) | Call(body=body) | Repeat(body):
            return _of_scope(body, operations)
        case ForEach(collect=collect):
            return _assigned(collect)
        case Switch(cases, _, otherwise):
            bodies = [each.body for each in cases] + ([otherwise] if otherwise else [])
            return _any_of([_of_scope(each, operations) for each in bodies])
        case Race(branches):
            told = _any_of([_of_scope(each.body, operations) for each in branches])
            names: Json = {"type": "string", "enum": [each.id for each in branches]}
            return Gives({**told.types, "winner": names}, told.required | {"winner"})
        case Start():
            return _all({"run": {"type": "string"}})
        case _:
            return Gives()


def _of_operation(name: str, operations: Catalogue) -> Gives:
    """Return the outputs of an operation itself; a test need not give those that nobody reads."""
    if name not in operations:
        return Gives(is_open=True)
    told = operations[name].outputs
    properties = told.get("properties")
    types = properties if isinstance(properties, Mapping) else {}
    is_open = told.get("additionalProperties") is not False
    return Gives(types, is_open=is_open)


def _of_scope(scope: Scope, operations: Catalogue) -> Gives:
    if len(scope.steps) == 1 and not scope.steps[0].id:
        return gives(scope.steps[0], operations)
    return _assigned(scope.outputs)


def _assigned(told: Iterable[Assignment]) -> Gives:
    return _all({each.name: each.schema for each in told})


def _all(types: Mapping[str, Json]) -> Gives:
    return Gives(types, frozenset(types))


def _any_of(told: list[Gives]) -> Gives:
    """Return what several ways through a step give; the compiler sees to it that types agree."""
    types = {name: each for one in told for name, each in one.types.items()}
    required = frozenset.intersection(*[each.required for each in told])
    return Gives(types, required, any(each.is_open for each in told))
