"""Evaluates expressions of a checked template by walking their tree, a step of the budget a node.

Attributes are looked up in data alone: `a.b` is `a["b"]`, and Python's attributes do not exist.
"""

import operator
from collections.abc import Callable, Mapping, Sequence

from jinja2 import nodes

from adapters.contract import Json
from adapters.text.budget import Budget, LimitError, ValueFault
from adapters.text.functions import (
    FILTERS,
    TESTS,
    as_integer,
    as_number,
    is_list,
    is_number,
    kind,
    number,
    show,
)

_MOST_RANGE = 10_000
_ARITHMETIC: Mapping[type[nodes.BinExpr], Callable[[float, float], float]] = {
    nodes.Sub: operator.sub,
    nodes.Mul: operator.mul,
    nodes.Div: operator.truediv,
    nodes.FloorDiv: operator.floordiv,
    nodes.Mod: operator.mod,
}
_ORDER: Mapping[str, Callable[[object, object], bool]] = {
    "lt": operator.lt,
    "lteq": operator.le,
    "gt": operator.gt,
    "gteq": operator.ge,
}


class _Missing:
    """What a name stands for that nobody has defined."""


_MISSING = _Missing()


class Evaluator:
    """Evaluates with one budget. `names` is what the template may know."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget

    def value(self, node: nodes.Expr, names: Mapping[str, Json]) -> Json:
        """Return the value of an expression; raise ValueFault if it has none."""
        found = self._find(node, names)
        if isinstance(found, _Missing):
            raise ValueFault(f"{path(node)} is undefined")
        return found

    def truth(self, node: nodes.Expr, names: Mapping[str, Json]) -> bool:
        """Return whether an expression holds: null, false, zero and empty do not."""
        return bool(self.value(node, names))

    def _find(self, node: nodes.Expr, names: Mapping[str, Json]) -> "Json | _Missing":
        """Return a value, or that it is missing where that may yet be excused."""
        self.budget.spend()
        match node:
            case nodes.Const():
                return _constant(node.value)
            case nodes.Name():
                return names.get(node.name, _MISSING)  # type: ignore[arg-type]
            case nodes.Getattr():
                return _member(self.value(node.node, names), node.attr)
            case nodes.Getitem():
                return self._item(node, names)
            case nodes.Filter():
                return self._filter(node, names)
            case nodes.Test():
                return self._test(node, names)
            case nodes.List() | nodes.Tuple():
                return [self.value(each, names) for each in node.items]
            case nodes.Dict():
                return {
                    show(self.value(each.key, names)): self.value(each.value, names)
                    for each in node.items
                }
            case nodes.Call():
                return self._range(node, names)
            case _:
                return self._operation(node, names)

    def _operation(self, node: nodes.Expr, names: Mapping[str, Json]) -> Json:
        match node:
            case nodes.CondExpr():
                if self.truth(node.test, names):
                    return self.value(node.expr1, names)
                return self.value(node.expr2, names) if node.expr2 is not None else ""
            case nodes.And():
                return self.truth(node.left, names) and self.truth(node.right, names)
            case nodes.Or():
                return self.truth(node.left, names) or self.truth(node.right, names)
            case nodes.Not():
                return not self.truth(node.node, names)
            case nodes.Neg() | nodes.Pos():
                sign = -1 if isinstance(node, nodes.Neg) else 1
                return number(sign * as_number(self.value(node.node, names)))
            case nodes.Concat():
                texts = [show(self.value(each, names)) for each in node.nodes]
                self.budget.text(sum(map(len, texts)))
                return "".join(texts)
            case nodes.Compare():
                return self._compare(node, names)
            case nodes.BinExpr():
                return self._arithmetic(node, names)
            case _:
                raise ValueFault(f"{type(node).__name__} has no value")

    def _arithmetic(self, node: nodes.BinExpr, names: Mapping[str, Json]) -> Json:
        left, right = self.value(node.left, names), self.value(node.right, names)
        if isinstance(node, nodes.Add) and not is_number(left):
            return self._add(left, right)
        calculate = _ARITHMETIC.get(type(node), operator.add)
        try:
            return number(calculate(as_number(left), as_number(right)))
        except ZeroDivisionError:
            raise ValueFault("a division by zero") from None
        except OverflowError:
            raise ValueFault("a number is too large") from None

    def _add(self, left: Json, right: Json) -> Json:
        if isinstance(left, str) and isinstance(right, str):
            self.budget.text(len(left) + len(right))
            return left + right
        if is_list(left) and is_list(right):
            both = [*left, *right]  # type: ignore[misc,union-attr]
            self.budget.spend(len(both))
            return both
        raise ValueFault(f"{kind(left)} and {kind(right)} cannot be added")

    def _compare(self, node: nodes.Compare, names: Mapping[str, Json]) -> bool:
        left = self.value(node.expr, names)
        for each in node.ops:
            right = self.value(each.expr, names)
            if not self._holds(each.op, left, right):
                return False
            left = right
        return True

    def _holds(self, name: str, left: Json, right: Json) -> bool:
        self.budget.spend(_size(left) + _size(right))
        if name in {"eq", "ne"}:
            same = left == right and isinstance(left, bool) == isinstance(right, bool)
            return same == (name == "eq")
        if name in {"in", "notin"}:
            if not isinstance(right, Mapping | Sequence):
                raise ValueFault(f"nothing is in {kind(right)}")
            if isinstance(right, str) and not isinstance(left, str):
                raise ValueFault(f"{kind(left)} is not part of a string")
            found = left in right if isinstance(right, str) or not is_list(left) else False
            return found == (name == "in")
        numbers = is_number(left) and is_number(right)
        if not numbers and not (isinstance(left, str) and isinstance(right, str)):
            raise ValueFault(f"{kind(left)} and {kind(right)} have no order")
        return _ORDER[name](left, right)

    def _item(self, node: nodes.Getitem, names: Mapping[str, Json]) -> "Json | _Missing":
        whole = self.value(node.node, names)
        if not isinstance(node.arg, nodes.Slice):
            return _member(whole, self.value(node.arg, names))
        if not isinstance(whole, Sequence):
            raise ValueFault(f"{kind(whole)} has no slices")
        ends = [
            None if each is None else as_integer(self.value(each, names), -(2**31), 2**31)
            for each in (node.arg.start, node.arg.stop, node.arg.step)
        ]
        if ends[2] == 0:
            raise ValueFault("a slice of step zero")
        self.budget.spend(1 + len(whole) // 16)
        return whole[slice(*ends)]

    def _filter(self, node: nodes.Filter, names: Mapping[str, Json]) -> Json:
        args = [self.value(each, names) for each in node.args]
        given = {each.key: self.value(each.value, names) for each in node.kwargs}
        assert node.node is not None
        if node.name == "default":
            return self._default(self._find(node.node, names), args, given)
        value = self.value(node.node, names)
        try:
            return FILTERS[node.name](self.budget, value, *args, **given)
        except TypeError:
            raise ValueFault(f"the filter {node.name!r} has other arguments") from None
        except ValueFault as fault:
            raise ValueFault(f"{node.name}: {fault}") from None

    def _default(
        self, value: "Json | _Missing", args: Sequence[Json], given: Mapping[str, Json]
    ) -> Json:
        """Return `value`, or the argument if it is missing; with a second `true`, if it is empty."""
        if given or not 1 <= len(args) <= 2:
            raise ValueFault("default takes a value, and true to stand in for empty ones too")
        if isinstance(value, _Missing):
            return args[0]
        return args[0] if len(args) == 2 and args[1] is True and not value else value

    def _test(self, node: nodes.Test, names: Mapping[str, Json]) -> Json:
        if node.name in {"defined", "undefined"}:
            missing = isinstance(self._find(node.node, names), _Missing)
            return missing == (node.name == "undefined")
        return TESTS[node.name](self.value(node.node, names))

    def _range(self, node: nodes.Call, names: Mapping[str, Json]) -> Json:
        args = [as_integer(self.value(each, names), -(2**31), 2**31) for each in node.args]
        if not 1 <= len(args) <= 3 or (len(args) == 3 and args[2] == 0):
            raise ValueFault("range takes one to three integers")
        found = range(*args)
        if len(found) > _MOST_RANGE:
            raise LimitError(f"a range of more than {_MOST_RANGE}")
        self.budget.spend(len(found))
        return list(found)


def path(node: nodes.Node) -> str:
    """Return how an author wrote a reference, as far as it is one."""
    match node:
        case nodes.Name():
            return node.name
        case nodes.Getattr():
            return f"{path(node.node)}.{node.attr}"
        case nodes.Getitem(arg=nodes.Const(value=key)):
            return f"{path(node.node)}[{key!r}]"
        case nodes.Getitem():
            return f"{path(node.node)}[...]"
        case _:
            return "a value"


def _constant(value: object) -> Json:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number(value)
    if value is None or isinstance(value, bool | str):
        return value
    raise ValueFault("a constant of no JSON type")


def _member(whole: Json, key: Json) -> "Json | _Missing":
    """Return a mapping's value or a list's item."""
    if isinstance(whole, Mapping):
        return whole.get(key, _MISSING) if isinstance(key, str) else _MISSING  # type: ignore[arg-type]
    if isinstance(whole, Sequence) and isinstance(key, int) and not isinstance(key, bool):
        return whole[key] if -len(whole) <= key < len(whole) else _MISSING
    if whole is None or isinstance(whole, str | bool | int | float):
        raise ValueFault(f"{kind(whole)} has no members")
    return _MISSING


def _size(value: Json) -> int:
    """Return roughly what it costs to compare with `value`."""
    return len(value) // 16 if isinstance(value, str | Mapping | Sequence) else 0
