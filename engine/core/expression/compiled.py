"""The doors in: a text or a whole Json area becomes something that can be evaluated."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from engine.core.expression import scan, tree
from engine.core.expression.evaluate import evaluator
from engine.core.expression.fault import Compiled, Fault, FaultError, Reference
from engine.core.expression.parsing import parse
from engine.core.expression.reference import references
from engine.core.expression.simple import MAX_LENGTH
from engine.core.pointer import Pointer
from engine.core.values import Json, canonical

MAX_TEMPLATE = 262_144
# Of all its expressions with their braces: Jinja's parser takes its time, and a megabyte a page.
MAX_EXPRESSIONS = MAX_LENGTH
MAX_AREA_DEPTH = 50
_LONGEST_KEPT = 128


@dataclass(eq=False)
class Expression:
    """What every door here gives.

    `evaluate` is a plain closure, nothing stands before it. It is made when it is first asked for:
    whoever checks a spec does not.
    """

    source: str
    references: tuple[Reference, ...]
    node: tree.Node
    is_area: bool = False

    @cached_property
    def evaluate(self) -> Callable[[Mapping[str, Any]], Json]:
        return evaluator(self.node, self.source, is_area=self.is_area)


def parse_expression(text: str) -> Compiled:
    """Return a bare expression, as `if` and its like hold, made ready; raise FaultError."""
    return _bare(text) if len(text) > _LONGEST_KEPT else _kept_bare(text)


def parse_template(text: str) -> Compiled:
    """Return a template made ready; raise FaultError.

    `{{ expr }}` alone keeps its type, a text without braces is itself, and mixed text gives a
    string.
    """
    return _mixed(text) if len(text) > _LONGEST_KEPT else _kept_mixed(text)


def compile_value(area: Json) -> Compiled:
    """Return a whole Json area made ready: constants are kept, every template is compiled.

    The FaultError that it raises, for the first fault it meets, has the pointer of its text.
    Parts that hold no template are shared by all values that the area gives.
    """
    if isinstance(area, str):
        return parse_template(area)
    node = _area(area, Pointer())
    source = canonical(area).decode()
    return Expression(source, references(node), node, is_area=True)


def holds(condition: Compiled, names: Mapping[str, Any], what: str) -> bool:
    """Return whether a condition is true; `what` is how a message calls it.

    Raise EvaluationError where it has no value, ValueError where that is neither true nor false.
    """
    value = condition.evaluate(names)
    if not isinstance(value, bool):
        raise ValueError(f"{what} must give true or false; it gave {type(value).__name__}")
    return value


def templates_in(area: Json) -> list[tuple[Pointer, str]]:
    """Return every text of an area that is more than itself, with where it stands."""
    found: list[tuple[Pointer, str]] = []
    _collect(area, Pointer(), found)
    return found


def _bare(text: str) -> Compiled:
    fault = scan.braces(text) if len(text) <= MAX_LENGTH else None
    if fault is not None:
        raise FaultError(fault)
    return _expression(text, parse(text))


def _mixed(text: str) -> Compiled:
    return _expression(text, _template(text))


# The same few texts are read over and over. A tree takes some 400 times the memory of its text,
# so long ones are not kept.
_kept_bare = lru_cache(maxsize=1_024)(_bare)
_kept_mixed = lru_cache(maxsize=1_024)(_mixed)


def _expression(source: str, node: tree.Node) -> Expression:
    return Expression(source, references(node), node)


def _template(text: str) -> tree.Node:
    if not scan.has_template(text):
        return tree.Constant(text, start=0, end=len(text))
    if len(text) > MAX_TEMPLATE:
        message = f"a template has at most {MAX_TEMPLATE:,} characters"
        raise FaultError(Fault("expression-limit", message, 0, len(text)))
    pieces = scan.parts(text)
    if sum(4 + len(each.text) for each in pieces if each.is_expression) > MAX_EXPRESSIONS:
        message = f"the expressions of a template have at most {MAX_EXPRESSIONS:,} characters"
        raise FaultError(Fault("expression-limit", message, 0, len(text)))
    nodes = tuple(
        parse(part.text, part.offset)
        if part.is_expression
        else tree.Constant(part.text, start=part.offset, end=part.offset + len(part.text))
        for part in pieces
    )
    is_whole = text.startswith("{{") and len(nodes) == 1
    return nodes[0] if is_whole else tree.Text(nodes, start=0, end=len(text))


def _area(value: Json, at: Pointer) -> tree.Node:
    """Return the tree of an area; what holds no template is one constant, however large."""
    if len(at) > MAX_AREA_DEPTH:
        fault = Fault("expression-limit", f"values nest deeper than {MAX_AREA_DEPTH}", 0, 0)
        raise FaultError(fault, at)
    constant = tree.Constant(value, start=0, end=0)
    if isinstance(value, str):
        if not scan.has_template(value):
            return constant
        try:
            operand = _template(value)
        except FaultError as error:
            raise FaultError(error.fault, at) from None
        return tree.Within(at, value, operand, start=0, end=len(value))
    if isinstance(value, Mapping):
        return _mapping(value, at, constant)
    if isinstance(value, Sequence):
        items = tuple(_area(each, at.to(position)) for position, each in enumerate(value))
        moving = any(not isinstance(each, tree.Constant) for each in items)
        return tree.ListOf(items, start=0, end=0) if moving else constant
    return constant


def _mapping(value: Mapping[str, Json], at: Pointer, constant: tree.Constant) -> tree.Node:
    entries: list[tuple[tree.Node, tree.Node]] = []
    for key, each in value.items():
        if scan.has_template(key):
            message = "the key of a mapping is a literal, it takes no braces"
            raise FaultError(Fault("braces-in-key", message, 0, len(key)), at.to(key))
        entries.append((tree.Constant(key, start=0, end=0), _area(each, at.to(key))))
    moving = any(not isinstance(each, tree.Constant) for _, each in entries)
    return tree.MapOf(tuple(entries), start=0, end=0) if moving else constant


def _collect(value: Json, at: Pointer, found: list[tuple[Pointer, str]]) -> None:
    if isinstance(value, str):
        if scan.has_template(value):
            found.append((at, value))
    elif isinstance(value, (dict, list)):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            if (isinstance(each, str) and "{" in each) or isinstance(each, (dict, list)):
                _collect(each, at.to(key), found)
