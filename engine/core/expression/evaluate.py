"""Syntax trees to closures: what runs when an expression is evaluated.

A closure takes the names and the meter. A value that is only looked up is handed on as it is;
whatever makes something new counts what it makes.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from engine.core.expression import tree
from engine.core.expression.budget import Meter, check_output
from engine.core.expression.fault import EvaluationError, UndefinedError
from engine.core.expression.function import FUNCTIONS
from engine.core.expression.looking import LOST, alone, as_it_is, look_up
from engine.core.expression.operator import arithmetic, compare, negative
from engine.core.expression.path import written
from engine.core.expression.scalar import TESTS, text
from engine.core.expression.signature import Parameter
from engine.core.kind import kind, named
from engine.core.spilled import Spilled
from engine.core.values import Json

Names: TypeAlias = Mapping[str, Any]
Run: TypeAlias = Callable[[Names, Meter], Json]
_MAX_WORD = 60
_N = TypeVar("_N")


def evaluator(node: tree.Node, source: str, *, is_area: bool = False) -> Callable[[Names], Json]:
    """Return what evaluates a whole tree over names; its result is within the limits.

    Of an area, only what its templates give is counted: the rest is there already.
    """
    if isinstance(node, tree.Constant):
        value = node.value
        return lambda _: value
    if isinstance(node, tree.Path):
        return look_up(node.path, alone)
    run = _closure(node, source)

    def evaluate(names: Names) -> Json:
        meter = Meter()
        try:
            result = run(names, meter)
            if not is_area:
                meter.make(result)
        except RecursionError:
            raise EvaluationError("budget", "a value nests too deep to go through") from None
        return result

    return evaluate


def _closure(node: tree.Node, source: str) -> Run:
    make: Callable[[Any, str], Run] = _MAKERS[type(node)]
    return make(node, source)


def word(node: tree.Node, source: str) -> str:
    """Return what the author wrote for a node, cut short."""
    if isinstance(node, tree.Path):
        return written(node.path)
    word = source[node.start : node.end]
    return word if len(word) <= _MAX_WORD else f"{word[: _MAX_WORD - 1]}…"


def _constant(node: tree.Constant, _: str) -> Run:
    value = node.value
    return lambda _names, _meter: value


def _reference(node: tree.Path, _: str) -> Run:
    value = look_up(node.path, Spilled.opened)
    return lambda names, _meter: value(names)


def _lookup(node: tree.Lookup, source: str) -> Run:
    base, key = _closure(node.base, source), _closure(node.key, source)
    said = word(node, source)

    def run(names: Names, meter: Meter) -> Json:
        value: Any = base(names, meter)
        segment = key(names, meter)
        if isinstance(segment, bool) or not isinstance(segment, str | int):
            message = f"`{said}`: a key is a string or an integer, not {named(kind(segment))}"
            raise EvaluationError("type", message)
        try:
            found: Any = value[segment]
        except LOST:
            raise UndefinedError(f"`{said}` is not defined") from None
        return found.opened() if type(found) is Spilled else found

    return run


def _slice(node: tree.Slice, source: str) -> Run:
    base = _closure(node.base, source)
    bounds = [
        None if each is None else _closure(each, source)
        for each in (node.first, node.last, node.step)
    ]
    said = word(node, source)

    def run(names: Names, meter: Meter) -> Json:
        value = base(names, meter)
        marks: list[Any] = [None if each is None else each(names, meter) for each in bounds]
        if not isinstance(value, Sequence):
            raise EvaluationError("type", f"`{said}`: {named(kind(value))} has no parts in order")
        for mark in marks:
            if mark is not None and kind(mark) != "integer":
                raise EvaluationError("type", f"`{said}`: a slice is marked by integers")
        if marks[2] == 0:
            raise EvaluationError("value", f"`{said}`: a step of 0 leads nowhere")
        meter.take(value)
        return value[slice(*marks)]

    return run


def _list(node: tree.ListOf, source: str) -> Run:
    items = [_closure(each, source) for each in node.items]
    return lambda names, meter: [each(names, meter) for each in items]


def _map(node: tree.MapOf, source: str) -> Run:
    """Return what makes a mapping: constant parts are laid out once, in their places."""
    layout: dict[str, Json] = {}
    moving: list[tuple[str, Run]] = []
    for key, value in node.entries:
        if not isinstance(key, tree.Constant) or not isinstance(key.value, str):
            return _computed_map(node, source)
        constant = isinstance(value, tree.Constant)
        layout[key.value] = value.value if isinstance(value, tree.Constant) else None
        if not constant:
            moving.append((key.value, _closure(value, source)))

    def run(names: Names, meter: Meter) -> Json:
        result = layout.copy()
        for key, each in moving:
            result[key] = each(names, meter)
        return result

    return run


def _computed_map(node: tree.MapOf, source: str) -> Run:
    entries = [(_closure(key, source), _closure(value, source)) for key, value in node.entries]

    def run(names: Names, meter: Meter) -> Json:
        result: dict[str, Json] = {}
        for key, value in entries:
            name = key(names, meter)
            if not isinstance(name, str):
                raise EvaluationError(
                    "type", f"a key of a mapping is a string, not {named(kind(name))}"
                )
            result[name] = value(names, meter)
        return result

    return run


def _sign(node: tree.Negative, source: str) -> Run:
    operand, keep = _closure(node.operand, source), node.keep
    return lambda names, meter: negative(operand(names, meter), keep)


def _arithmetic(node: tree.Arithmetic, source: str) -> Run:
    operator = node.operator
    left, right = _closure(node.left, source), _closure(node.right, source)
    return lambda names, meter: arithmetic(operator, left(names, meter), right(names, meter), meter)


def _comparison(node: tree.Comparison, source: str) -> Run:
    first = _closure(node.first, source)
    rest = [(operator, _closure(each, source)) for operator, each in node.rest]
    if len(rest) == 1:
        ((only, second),) = rest
        return lambda names, meter: compare(only, first(names, meter), second(names, meter), meter)

    def run(names: Names, meter: Meter) -> Json:
        left = first(names, meter)
        for operator, each in rest:
            right = each(names, meter)
            if not compare(operator, left, right, meter):
                return False
            left = right
        return True

    return run


def _both(node: tree.Both, source: str) -> Run:
    left, right = _closure(node.left, source), _closure(node.right, source)
    return lambda names, meter: left(names, meter) and right(names, meter)


def _either(node: tree.Either, source: str) -> Run:
    left, right = _closure(node.left, source), _closure(node.right, source)
    return lambda names, meter: left(names, meter) or right(names, meter)


def _not(node: tree.Not, source: str) -> Run:
    operand = _closure(node.operand, source)
    return lambda names, meter: not operand(names, meter)


def _choice(node: tree.Choice, source: str) -> Run:
    condition = _closure(node.condition, source)
    then, otherwise = _closure(node.then, source), _closure(node.otherwise, source)
    return lambda names, meter: (then if condition(names, meter) else otherwise)(names, meter)


def _text(node: tree.Text, source: str) -> Run:
    parts = [(_closure(each, source), word(each, source)) for each in node.parts]

    def run(names: Names, meter: Meter) -> Json:
        pieces = []
        for each, said in parts:
            value = each(names, meter)
            pieces.append(value if type(value) is str else text(value, said))
        size = sum(map(len, pieces))
        check_output(size)
        meter.spend(size >> 6)
        return "".join(pieces)

    return run


def _counted(node: tree.Node, source: str) -> Run:
    """Return what gives a value of which the length is asked: of a list it may be known alone."""
    if not isinstance(node, tree.Path):
        return _closure(node, source)
    value = look_up(node.path, Spilled.listed)
    return lambda names, _meter: value(names)


def _call(node: tree.Call, source: str) -> Run:
    function = FUNCTIONS[node.function]
    argued = _counted if function.name == "length" else _closure
    arguments = [
        (parameter, None if argument is None else argued(argument, source))
        for parameter, argument in zip(function.parameters, node.arguments, strict=True)
    ]
    words = ["" if each is None else word(each, source) for each in node.arguments]
    apply, name = function.apply, function.name

    def run(names: Names, meter: Meter) -> Json:
        values: list[object] = []
        for (parameter, argument), word in zip(arguments, words, strict=True):
            if argument is None:
                values.append(parameter.otherwise)
                continue
            value = argument(names, meter)
            if parameter.accepts and kind(value) not in parameter.accepts:
                raise _misfit(name, parameter, value, word)
            meter.take(value)
            values.append(value)
        result: Any = apply(meter, *values)
        if isinstance(result, str):
            check_output(len(result))
        return result.opened() if type(result) is Spilled else result

    return run


def _misfit(name: str, parameter: Parameter, value: Json, word: str) -> EvaluationError:
    wanted, found = named(parameter.accepts), named(kind(value))
    return EvaluationError("type", f"`{name}` takes {wanted}; `{word}` is {found}")


def _default(node: tree.Default, source: str) -> Run:
    if isinstance(node.operand, tree.Path) and node.falsy is None:
        return _default_of_path(node.operand.path, _closure(node.fallback, source))
    operand, fallback = _closure(node.operand, source), _closure(node.fallback, source)
    falsy = None if node.falsy is None else _closure(node.falsy, source)

    def run(names: Names, meter: Meter) -> Json:
        try:
            value = operand(names, meter)
        except UndefinedError:
            return fallback(names, meter)
        if falsy is not None and not value and falsy(names, meter):
            return fallback(names, meter)
        return value

    return run


def _default_of_path(path: tuple[str | int, ...], fallback: Run) -> Run:
    """Return the commonest default: no error is made only to be caught."""

    def run(names: Names, meter: Meter) -> Json:
        value: Any = names
        try:
            for segment in path:
                value = value[segment]
        except LOST:
            return fallback(names, meter)
        return value.opened() if type(value) is Spilled else value

    return run


def _defined(node: tree.Defined, source: str) -> Run:
    operand = _closure(node.operand, source)

    def run(names: Names, meter: Meter) -> Json:
        try:
            operand(names, meter)
        except UndefinedError:
            return False
        return True

    return run


def _test(node: tree.Test, source: str) -> Run:
    operand, test = _closure(node.operand, source), TESTS[node.name]
    return lambda names, meter: test(operand(names, meter))


def _within(node: tree.Within, _: str) -> Run:
    if isinstance(node.operand, tree.Path):
        return _within_path(node.operand)
    operand = _closure(node.operand, node.source)

    def run(names: Names, meter: Meter) -> Json:
        value = operand(names, meter)
        meter.make(value)
        return value

    return run


def _within_path(node: tree.Path) -> Run:
    """Return the commonest template: what is passed by reference was counted where it was read."""
    found = look_up(node.path, as_it_is)

    def run(names: Names, meter: Meter) -> Json:
        value: Any = found(names)
        if type(value) is Spilled:
            return value.opened()
        meter.make(value)
        return value  # type: ignore[no-any-return]

    return run


_MAKERS: dict[type, Callable[[Any, str], Run]] = {
    tree.Constant: _constant,
    tree.Path: _reference,
    tree.Lookup: _lookup,
    tree.Slice: _slice,
    tree.ListOf: _list,
    tree.MapOf: _map,
    tree.Negative: _sign,
    tree.Arithmetic: _arithmetic,
    tree.Comparison: _comparison,
    tree.Both: _both,
    tree.Either: _either,
    tree.Not: _not,
    tree.Choice: _choice,
    tree.Text: _text,
    tree.Call: _call,
    tree.Default: _default,
    tree.Defined: _defined,
    tree.Test: _test,
    tree.Within: _within,
}
