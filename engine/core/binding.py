"""A plan made ready to run: every expression, template and schema compiled once.

A step is compiled when it is first needed, so a plan of 10,000 steps costs what is used of it.
"""

from collections.abc import Mapping
from functools import cached_property

from engine.core import schema
from engine.core.expression import Compiled, compile_value, parse_expression
from engine.core.plan import Assignment, Plan, Projection, Scope, Set, Step, Uses
from engine.core.schema import Validator
from engine.core.values import Json

Names = Mapping[str, object]


class BoundStep:
    """A step with its expressions ready to evaluate."""

    def __init__(self, plan: Step, position: int) -> None:
        self.plan = plan
        self.position = position
        self.id = plan.id
        self.uses = plan.verb if isinstance(plan.verb, Uses) else None
        self.join_edges = sum(not edge.inferred for edge in plan.after)

    @cached_property
    def condition(self) -> Compiled | None:
        return _expression(self.plan.condition)

    @cached_property
    def retry_condition(self) -> Compiled | None:
        return _expression(self.plan.retry.condition)

    @cached_property
    def values(self) -> tuple["BoundAssignment", ...]:
        verb = self.plan.verb
        return tuple(map(BoundAssignment, verb.values)) if isinstance(verb, Set) else ()

    @cached_property
    def arguments(self) -> Compiled:
        return compile_value(self.uses.arguments if self.uses else {})

    @cached_property
    def key(self) -> Compiled | None:
        return compile_value(self.uses.key) if self.uses and self.uses.key else None

    @cached_property
    def projections(self) -> tuple["BoundProjection", ...]:
        return tuple(map(BoundProjection, self.plan.outputs))


class BoundAssignment:
    """A typed value, ready to evaluate and to check."""

    def __init__(self, plan: Assignment) -> None:
        self.name = plan.name
        self.value = compile_value(plan.value)
        self.validator = schema.validator(plan.schema)


class BoundProjection:
    """An output of a step, ready to read from what the operation returned, and to check."""

    def __init__(self, plan: Projection) -> None:
        self.name = plan.name
        self.source = parse_expression(plan.source)
        self.validator = schema.validator(plan.schema)


class BoundScope:
    """A scope's steps; `first` are the positions of those that wait for none."""

    def __init__(self, plan: Scope) -> None:
        self.plan = plan
        self.steps = tuple(BoundStep(step, position) for position, step in enumerate(plan.steps))
        self.first = tuple(each.position for each in self.steps if not each.plan.after)


class Bound:
    """A whole plan, ready to run; share one over all its runs."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.root = BoundScope(plan.root)
        self.finally_ = BoundScope(plan.root.finally_) if plan.root.finally_ else None

    @cached_property
    def outputs(self) -> tuple[BoundAssignment, ...]:
        return tuple(map(BoundAssignment, self.plan.root.outputs))

    @cached_property
    def inputs(self) -> Validator:
        return schema.validator(self.plan.inputs)


def evaluate(assignments: tuple[BoundAssignment, ...], names: Names) -> dict[str, Json]:
    """Return the values by name; raise EvaluationError or ValueError where one is not as typed."""
    values: dict[str, Json] = {}
    for each in assignments:
        value = each.value.evaluate(names)
        problems = each.validator.problems(value)
        if problems:
            pointer, message = problems[0]
            raise ValueError(f"{each.name}{pointer}: {message}")
        values[each.name] = value
    return values


def _expression(text: str | None) -> Compiled | None:
    return None if text is None else parse_expression(text)
