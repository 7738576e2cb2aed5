"""An environment: that its variables are constants, and of the types that they have elsewhere."""

from engine.core import spec
from engine.core.commit.neighbour import Neighbours
from engine.core.compiler import bounds
from engine.core.compiler.findings import Findings, Path, Place
from engine.core.compiler.variable import kind_of
from engine.core.expression import has_template
from engine.core.kind import named
from engine.core.values import Json


def check(findings: Findings, model: spec.Environment, neighbours: Neighbours) -> None:
    """Find what is wrong with an environment, by itself and among the others."""
    if model.protection is not None:
        bounds.span(findings, model.protection.expires, ("protection", "expires"))
        _warn_of_no_guard(findings)
    for name, value in model.variables.items():
        path = ("variables", name)
        _check_constant(findings, value, path)
        _check_type(findings, model.name, name, value, neighbours)


def _warn_of_no_guard(findings: Findings) -> None:
    """Say that nothing holds a run to a protection: whoever reads it must not rely on it."""
    message = "`protection` has no effect yet: no run is asked about, and none is kept out"
    hint = "ask by `approve` in the workflow, and protect the branch at the forge"
    findings.warning("no-effect", message, Place(("protection",), key=True), hint=hint)


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
