"""A plan made ready to run: every expression, template and schema compiled once.

A step is compiled when it is first needed, so a plan of 10,000 steps costs what is used of it.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import TypeAlias

from engine.core import plan as plans
from engine.core import schema
from engine.core.expression import (
    Compiled,
    Reference,
    UndefinedError,
    compile_value,
    parse_expression,
)
from engine.core.inputs import BoundInputs
from engine.core.plan import Assignment, Plan, Projection, Scope, Set, Step, Uses
from engine.core.plan.place import places
from engine.core.schema import Validator
from engine.core.spilled import ByReference
from engine.core.values import Json

Names = Mapping[str, object]


class BoundAssignment:
    """A typed value, ready to evaluate and to check."""

    def __init__(self, plan: Assignment) -> None:
        self.name = plan.name
        self.value = compile_value(plan.value)
        self.validator = schema.validator(plan.schema)


class BoundProjection:
    """An output of a step, ready to read from what its verb gave, and to check."""

    def __init__(self, plan: Projection) -> None:
        self.name = plan.name
        self.source = parse_expression(plan.source)
        self.validator = schema.validator(plan.schema)
        told = plan.schema.get("type") if isinstance(plan.schema, Mapping) else None
        self._may_be_null = "null" in told if isinstance(told, list | tuple) else told == "null"

    def read(self, names: Names) -> Json:
        """Return what the verb gave: null where that is not there and the type says it may be."""
        try:
            return handed_on(self.source, names)
        except UndefinedError:
            if self._may_be_null:
                return None
            raise


class BoundForEach:
    def __init__(self, plan: plans.ForEach) -> None:
        self.plan = plan
        self.over = parse_expression(plan.over)
        self.key = _expression(plan.key)
        self.body = BoundScope(plan.body)
        self.collect = _assignments(plan.collect)


class BoundRepeat:
    def __init__(self, plan: plans.Repeat) -> None:
        self.plan = plan
        self.until = parse_expression(plan.until)
        self.body = BoundScope(plan.body)


class BoundCase:
    def __init__(self, plan: plans.Case) -> None:
        self.value = plan.value
        self.condition = _expression(plan.condition)
        self.body = BoundScope(plan.body)


class BoundSwitch:
    def __init__(self, plan: plans.Switch) -> None:
        self.value = _expression(plan.value)
        self.cases = tuple(map(BoundCase, plan.cases))
        self.otherwise = BoundScope(plan.otherwise) if plan.otherwise else None


class BoundRace:
    def __init__(self, plan: plans.Race) -> None:
        self.branches = tuple((each.id, BoundScope(each.body)) for each in plan.branches)


class BoundBlock:
    def __init__(self, plan: plans.Block) -> None:
        self.body = BoundScope(plan.body)


class BoundCall:
    def __init__(self, plan: plans.Call) -> None:
        self.plan = plan
        self.arguments = compile_value(plan.arguments)
        self.inputs = BoundInputs(plan.inputs)
        self.body = BoundScope(plan.body)


class BoundStart:
    def __init__(self, plan: plans.Start) -> None:
        self.workflow = plan.workflow
        self.arguments = compile_value(plan.arguments)


class BoundWait:
    def __init__(self, plan: plans.Wait) -> None:
        self.duration = _template(plan.duration)
        self.until = _template(plan.until)


class BoundAwait:
    def __init__(self, plan: plans.Await) -> None:
        self.plan = plan
        self.match = _expression(plan.match)
        self.correlation = _expression(plan.correlation[1]) if plan.correlation else None


class BoundApprove:
    def __init__(self, plan: plans.Approve) -> None:
        self.plan = plan
        self.show = compile_value(plan.show)
        self.binds = _assignments(plan.binds)


class BoundEmit:
    def __init__(self, plan: plans.Emit) -> None:
        self.type = plan.type
        self.subject = _template(plan.subject)
        self.data = compile_value(plan.data)


class BoundFail:
    def __init__(self, plan: plans.Fail) -> None:
        self.type = compile_value(plan.type)
        self.message = compile_value(plan.message)


class BoundSet:
    def __init__(self, plan: Set) -> None:
        self.values = _assignments(plan.values)


BoundVerb: TypeAlias = (
    Uses | BoundSet | BoundCall | BoundStart | BoundBlock | BoundForEach | BoundRepeat
    | BoundSwitch | BoundRace | BoundWait | BoundAwait | BoundApprove | BoundEmit | BoundFail
    | plans.Rollback
)  # fmt: skip


class BoundStep:
    """A step with its expressions ready to evaluate.

    `is_guarded` is true where a call may have to wait for its turn, or not be made at all,
    `is_handed_out` where workers of a pool make it and not the owner of the run.
    """

    def __init__(self, plan: Step, position: int) -> None:
        self.plan = plan
        self.position = position
        self.id = plan.id
        self.uses = plan.verb if isinstance(plan.verb, Uses) else None
        self.join_edges = sum(not edge.inferred for edge in plan.after)
        self.is_guarded = bool(plan.circuit or plan.rate or plan.concurrency)
        self.is_handed_out = plan.terms is not None

    @cached_property
    def verb(self) -> BoundVerb:
        """The verb, ready; a `Uses` is so by the properties of the step."""
        return _bind(self.plan.verb)

    @cached_property
    def condition(self) -> Compiled | None:
        return _expression(self.plan.condition)

    @cached_property
    def retry_condition(self) -> Compiled | None:
        return _expression(self.plan.retry.condition)

    @cached_property
    def arguments(self) -> Compiled:
        return compile_value(self.uses.arguments if self.uses else {})

    @cached_property
    def key(self) -> Compiled | None:
        return compile_value(self.uses.key) if self.uses and self.uses.key else None

    @cached_property
    def cache_key(self) -> Compiled:
        return compile_value(self.plan.cache.key if self.plan.cache else None)

    @cached_property
    def rate_group(self) -> Compiled:
        return compile_value(self.plan.rate.group if self.plan.rate else "")

    @cached_property
    def slot_group(self) -> Compiled:
        return compile_value(self.plan.concurrency.group if self.plan.concurrency else "")

    @cached_property
    def level(self) -> Compiled | None:
        return _template(self._priority("level"))

    @cached_property
    def fair_key(self) -> Compiled | None:
        return _template(self._priority("fair_key"))

    def _priority(self, key: str) -> str | None:
        told = self.plan.settings.get("priority") if isinstance(self.plan.settings, Mapping) else {}
        value = told.get(key) if isinstance(told, Mapping) else None
        return None if value is None else str(value)

    @cached_property
    def read(self) -> tuple[Reference, ...]:
        """All that the expressions of the call read, before it is made."""
        every = (
            self.arguments, self.key, self.cache_key, self.rate_group, self.slot_group,
            self.level, self.fair_key,
        )  # fmt: skip
        return tuple(path for each in every if each is not None for path in each.references)

    @cached_property
    def secrets(self) -> frozenset[str]:
        """The names of the secrets that the call reads."""
        paths = (each.path for each in self.read)
        return frozenset(str(path[1]) for path in paths if path[0] == "secrets" and path[1:])

    @cached_property
    def projections(self) -> tuple[BoundProjection, ...]:
        return tuple(map(BoundProjection, self.plan.outputs))

    @cached_property
    def compensation(self) -> "BoundScope | None":
        return BoundScope(self.plan.compensation) if self.plan.compensation else None

    @cached_property
    def fallback(self) -> "BoundFallback | None":
        return BoundFallback(self.plan.fallback) if self.plan.fallback else None


class BoundFallback:
    """What stands in for a step: a scope, or values where there is none."""

    def __init__(self, plan: plans.Fallback) -> None:
        self.outputs = _assignments(plan.outputs)
        self.body = BoundScope(plan.body) if plan.body else None


class BoundHandler:
    """An `on_failure`, ready to be asked whether it is for an error."""

    def __init__(self, plan: plans.Handler) -> None:
        self.plan = plan
        self.condition = _expression(plan.condition)
        self.body = BoundScope(plan.body)
        self.outputs = _assignments(plan.outputs)


class BoundScope:
    """A scope's steps; `first` are the positions of those that wait for none."""

    def __init__(self, plan: Scope) -> None:
        self.plan = plan
        self.steps = tuple(BoundStep(step, position) for position, step in enumerate(plan.steps))
        self.first = tuple(each.position for each in self.steps if not each.plan.after)

    @property
    def is_one_verb(self) -> bool:
        """True if the scope is one verb and gives what that gives."""
        return len(self.steps) == 1 and not self.steps[0].id

    @cached_property
    def outputs(self) -> tuple[BoundAssignment, ...]:
        return _assignments(self.plan.outputs)

    @cached_property
    def handlers(self) -> tuple[BoundHandler, ...]:
        return tuple(map(BoundHandler, self.plan.handlers))

    @cached_property
    def finally_(self) -> "BoundScope | None":
        return BoundScope(self.plan.finally_) if self.plan.finally_ else None


class BoundCancel:
    """An event that ends the run early."""

    def __init__(self, plan: plans.CancelWhen) -> None:
        self.plan = plan
        self.match = _expression(plan.match)
        self.correlation = _expression(plan.correlation[1]) if plan.correlation else None


class Bound:
    """A whole plan, ready to run; share one over all its runs."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.root = BoundScope(plan.root)
        self.cancel_when = tuple(map(BoundCancel, plan.cancel_when))

    @cached_property
    def alert(self) -> BoundScope | None:
        """What runs when a compensation has failed."""
        told = self.plan.on_compensation_failure
        return BoundScope(told) if told else None

    @cached_property
    def places(self) -> Mapping[int, str]:
        """Where each step stands in the plan, by its `id()`."""
        return places(self.plan)

    @cached_property
    def inputs(self) -> Validator:
        return schema.validator(self.plan.inputs)


def evaluate(assignments: tuple[BoundAssignment, ...], names: Names) -> dict[str, Json]:
    """Return the values by name; raise EvaluationError or ValueError where one is not as typed.

    One that is passed by reference, and is an assignment's as a whole, is passed on so.
    """
    values: dict[str, Json] = {}
    for each in assignments:
        value = handed_on(each.value, names)
        problems = each.validator.problems(value)
        if problems:
            pointer, message = problems[0]
            raise ValueError(f"{each.name}{pointer}: {message}")
        values[each.name] = value
    return values


def project(projections: tuple[BoundProjection, ...], names: Names) -> dict[str, Json]:
    """Return the outputs by name; raise EvaluationError or ValueError where one is not as typed."""
    values: dict[str, Json] = {}
    for each in projections:
        value = each.read(names)
        problems = each.validator.problems(value)
        if problems:
            pointer, message = problems[0]
            raise ValueError(f"output {each.name}{pointer}: {message}")
        values[each.name] = value
    return values


def handed_on(value: Compiled, names: Names) -> Json:
    """Return a value; of what is passed by reference the reference, if it is that as a whole."""
    try:
        return value.evaluate(names)
    except ByReference as told:
        if not told.is_alone:
            raise
        return told.value  # type: ignore[return-value]


def _bind(verb: plans.Verb) -> BoundVerb:
    if isinstance(verb, Uses | plans.Rollback):
        return verb
    made: BoundVerb = _BINDERS[type(verb)](verb)  # type: ignore[operator]
    return made


_BINDERS: Mapping[type, object] = {
    Set: BoundSet,
    plans.Call: BoundCall,
    plans.Start: BoundStart,
    plans.Block: BoundBlock,
    plans.ForEach: BoundForEach,
    plans.Repeat: BoundRepeat,
    plans.Switch: BoundSwitch,
    plans.Race: BoundRace,
    plans.Wait: BoundWait,
    plans.Await: BoundAwait,
    plans.Approve: BoundApprove,
    plans.Emit: BoundEmit,
    plans.Fail: BoundFail,
}


def _assignments(told: tuple[Assignment, ...]) -> tuple[BoundAssignment, ...]:
    return tuple(map(BoundAssignment, told))


def _expression(text: str | None) -> Compiled | None:
    return None if text is None else parse_expression(text)


def _template(text: str | None) -> Compiled | None:
    return None if text is None else compile_value(text)
