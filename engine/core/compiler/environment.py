"""An environment: that its variables are constants, and of the types that they have elsewhere."""

from datetime import timedelta

from engine.core import spec
from engine.core.commit.neighbour import Neighbours
from engine.core.compiler import people, timing
from engine.core.compiler.findings import Findings, Path, Place
from engine.core.compiler.variable import kind_of
from engine.core.expression import has_template
from engine.core.kind import named
from engine.core.values import Json


def check(findings: Findings, model: spec.Environment, neighbours: Neighbours) -> None:
    """Find what is wrong with an environment, by itself and among the others."""
    if model.protection is not None:
        _check_protection(findings, model.protection)
    if model.promotion is not None:
        _check_promotion(findings, model.name, model.promotion)
    for name, value in model.variables.items():
        path = ("variables", name)
        _check_constant(findings, value, path)
        _check_type(findings, model.name, name, value, neighbours)


def _check_protection(findings: Findings, told: spec.Protection) -> None:
    """Find a protection that lets everybody in, or nobody ever."""
    path = ("protection",)
    timing.span(findings, told.expires, (*path, "expires"))
    timing.maybe_span(findings, told.wait, (*path, "wait"))
    if told.by:
        people.check(findings, told, path)
    elif told.wait is None:
        message = "`protection` holds no run: it asks nobody, and waits for nothing"
        hint = "say in `by` who lets a run in, as in `by: [group:ops]`, or write `wait: 10m`"
        findings.error("no-effect", message, Place(path, key=True), hint=hint)


def _check_promotion(findings: Findings, name: str, told: spec.Promotion) -> None:
    """Find a promotion from nowhere else, or one that soaks without end."""
    timing.span(findings, told.soak, ("promotion", "soak"), least=timedelta(0))
    if told.from_ == name:
        message = f"the environment {name} cannot be promoted from itself"
        hint = "name the environment where a commit is tried before"
        findings.error("bad-value", message, Place(("promotion", "from")), hint=hint)


def _check_constant(findings: Findings, value: Json, path: Path) -> None:
    """Find braces: nothing in a variable is evaluated."""
    if isinstance(value, str) and has_template(value):
        message = "a variable is a constant, in which no template is filled in"
        hint = "write the value itself, and put it together where it is read"
        findings.error("template-in-variable", message, Place(path), hint=hint)
    elif isinstance(value, dict):
        for key, each in value.items():
            _check_constant(findings, key, (*path, key))
            _check_constant(findings, each, (*path, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            _check_constant(findings, each, (*path, index))


def _check_type(
    findings: Findings, environment: str, name: str, value: Json, neighbours: Neighbours
) -> None:
    """Find a variable that is of another type in an environment whose name comes before."""
    told, mine = neighbours.elsewhere(name), kind_of(value)
    for other in sorted(told):
        theirs = kind_of(told[other])
        if other < environment and theirs != mine:
            message = (
                f'the variable "{name}" is {named(mine)} here, and {named(theirs)} in the '
                f"environment {other}"
            )
            hint = "give it values of one type; a text of digits is put in quotes"
            findings.error("variable-types", message, Place(("variables", name)), hint=hint)
            return
