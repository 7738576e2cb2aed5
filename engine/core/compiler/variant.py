"""A workflow as it is in one environment: every variable that it reads is a constant.

All is found out twice where variables are read: with the types that they have in all
environments, and with the values that they have in one. So what holds of a value that is written
out, such as that it is one of a few words, holds of a variable too.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from engine.core import spec
from engine.core.compiler.findings import Findings, Path, Place
from engine.core.compiler.site import Site
from engine.core.compiler.variable import ROOT
from engine.core.compiler.world import World
from engine.core.diagnostic import Diagnostic, Severity, Span
from engine.core.document import Document
from engine.core.expression import folded_expression, folded_template
from engine.core.spec.model import Model
from engine.core.values import Json

# What is found where a constant leaves no choice: in another environment there is one.
_WITHOUT_A_CHOICE = frozenset(
    {
        "constant-condition",
        "missing-case",
        "never-equal",
        "never-runs",
        "unknown-case",
        "unreachable",
    }
)


class VariantFindings(Findings):
    """The findings on a workflow in one environment, where texts are not as they were written."""

    def __init__(self, document: Document, place: str) -> None:
        super().__init__(document)
        self._place = place

    def span(self, place: Place) -> Span:
        return super().span(Place(place.path, place.key))

    def _note(
        self, severity: Severity, code: str, message: str, place: Place, hint: str, expected: str,
        related: Iterable[tuple[Place, str]],
    ) -> None:  # fmt: skip
        if code not in _WITHOUT_A_CHOICE:
            told = f"in the environment {self._place}: {message}"
            whole = Place(place.path, place.key)
            super()._note(severity, code, told, whole, hint, expected, related)


def together(
    anywhere: Sequence[Diagnostic], somewhere: Sequence[Diagnostic]
) -> Iterator[Diagnostic]:
    """Yield what is found in a workflow without errors, then what is found of its environments.

    A warning of the first kind that no environment bears out is none.
    """
    told = {_about(each) for each in anywhere}
    again = {_about(each) for each in somewhere}
    for each in anywhere:
        if each.code in _WITHOUT_A_CHOICE or _about(each) in again:
            yield each
    yield from (each for each in somewhere if _about(each) not in told)


def _about(finding: Diagnostic) -> tuple[str, int]:
    return finding.code, finding.span.line


def variant(world: World, place: str) -> spec.Workflow:
    """Return a workflow that was looked through, with the values of an environment."""
    told = {name: world.neighbours.variable(name).values for name in world.variables}
    known = {ROOT: {name: each[place] for name, each in told.items() if place in each}}
    workflow = world.workflow
    for each in world.bound:
        workflow = _with(workflow, each.place.path, _folded(each, known))
    return workflow


def _folded(site: Site, known: Mapping[str, Json]) -> Json:
    fold = folded_expression if site.is_bare else folded_template
    return fold(site.text, known)


def _with(value: Any, path: Path, new: Json) -> Any:
    """Return a value of which the part at `path` is another; the rest is shared."""
    if not path:
        return new
    head, rest = path[0], path[1:]
    if isinstance(value, Model):
        name = next(name for name, key in value.keys.items() if key.key == head)
        return value.but(**{name: _with(getattr(value, name), rest, new)})
    if isinstance(value, Mapping):
        return {**value, head: _with(value[str(head)], rest, new)}
    assert isinstance(value, Sequence)
    items = list(value)
    items[int(head)] = _with(items[int(head)], rest, new)
    return items
