"""Evaluates expressions of a checked template by walking their tree, a step of the budget a node.

Attributes are looked up in data alone: `a.b` is `a["b"]`, and Python's attributes do not exist.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from jinja2 import nodes

from adapters.contract import Json
from adapters.template.budget import Budget, LimitError, ValueFault
from adapters.template.functions import (
    FILTERS,
    TESTS,
    as_integer,
    as_list,
    as_number,
    is_number,
    kind,
    number,
    show,
)

_MOST_RANGE = 10_000
_ARITHMETIC: Mapping[type[nodes.BinExpr], Callable[[Any, Any], float]] = {
    nodes.Add: operator.add,
    nodes.Sub: operator.sub,
    nodes.Mul: operator.mul,
    nodes.Div: operator.truediv,
    nodes.FloorDiv: operator.floordiv,
    nodes.Mod: operator.mod,
}
_ORDER: Mapping[str, Callable[[Any, Any], object]] = {
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

    def value(self, node: nodes.Node, names: Mapping[str, Json]) -> Json:
        """Return the value of an expression; raise ValueFault if it has none."""
        found = self._find(node, names)
        if isinstance(found, _Missing):
            raise ValueFault(f"{path(node)} is undefined")
        return found

    def truth(self, node: nodes.Node, names: Mapping[str, Json]) -> bool:
        """Return whether an expression holds: null, false, zero and empty do not."""
        return bool(self.value(node, names))

    def _find(self, node: nodes.Node, names: Mapping[str, Json]) -> "Json | _Missing":
        """Return a value, or that it is missing where that may yet be excused."""
        self.budget.spend()
        how = _HOW.get(type(node))
        if how is None:
            raise ValueFault(f"{type(node).__name__} has no value")
        found: Json | _Missing = how(self, node, names)
        return found

    def _constant(self, node: nodes.Const, _: Mapping[str, Json]) -> Json:
        value = node.value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return number(value)
        if value is None or isinstance(value, bool | str):
            return value
        raise ValueFault("a constant of no JSON type")

    def _name(self, node: nodes.Name, names: Mapping[str, Json]) -> "Json | _Missing":
        found: Json | _Missing = names.get(node.name, cast(Json, _MISSING))
        return found

    def _attribute(self, node: nodes.Getattr, names: Mapping[str, Json]) -> "Json | _Missing":
        return _member(self._find(node.node, names), node.attr)

    def _list(self, node: nodes.List | nodes.Tuple, names: Mapping[str, Json]) -> Json:
        return [self.value(each, names) for each in node.items]

    def _dict(self, node: nodes.Dict, names: Mapping[str, Json]) -> Json:
        return {
            show(self.value(each.key, names)): self.value(each.value, names) for each in node.items
        }

    def _choice(self, node: nodes.CondExpr, names: Mapping[str, Json]) -> Json:
        if self.truth(node.test, names):
            return self.value(node.expr1, names)
        return self.value(node.expr2, names) if node.expr2 is not None else ""

    def _and(self, node: nodes.And, names: Mapping[str, Json]) -> Json:
        left = self.value(node.left, names)
        return self.value(node.right, names) if left else left

    def _or(self, node: nodes.Or, names: Mapping[str, Json]) -> Json:
        left = self.value(node.left, names)
        return left or self.value(node.right, names)

    def _not(self, node: nodes.Not, names: Mapping[str, Json]) -> Json:
        return not self.truth(node.node, names)

    def _sign(self, node: nodes.Neg | nodes.Pos, names: Mapping[str, Json]) -> Json:
        sign = -1 if isinstance(node, nodes.Neg) else 1
        return number(sign * as_number(self.value(node.node, names)))

    def _concat(self, node: nodes.Concat, names: Mapping[str, Json]) -> Json:
        texts = [show(self.value(each, names)) for each in node.nodes]
        self.budget.text(sum(map(len, texts)))
        return "".join(texts)

    def _arithmetic(self, node: nodes.BinExpr, names: Mapping[str, Json]) -> Json:
        left, right = self.value(node.left, names), self.value(node.right, names)
        if isinstance(node, nodes.Add) and not is_number(left):
            return self._add(left, right)
        calculate: Callable[[Any, Any], float] = _ARITHMETIC[type(node)]
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
        if isinstance(left, Sequence) and isinstance(right, Sequence):
            both = [*as_list(left), *as_list(right)]
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
        self.budget.whole(left)
        self.budget.whole(right)
        if name in {"eq", "ne"}:
            same = left == right and isinstance(left, bool) == isinstance(right, bool)
            return same == (name == "eq")
        if name in {"in", "notin"}:
            if not isinstance(right, Mapping | Sequence):
                raise ValueFault(f"nothing is in {kind(right)}")
            if isinstance(right, str) and not isinstance(left, str):
                raise ValueFault(f"{kind(left)} is not part of a string")
            return (left in right) == (name == "in")
        numbers = is_number(left) and is_number(right)
        if not numbers and not (isinstance(left, str) and isinstance(right, str)):
            raise ValueFault(f"{kind(left)} and {kind(right)} have no order")
        return bool(_ORDER[name](left, right))

    def _item(self, node: nodes.Getitem, names: Mapping[str, Json]) -> "Json | _Missing":
        if not isinstance(node.arg, nodes.Slice):
            return _member(self._find(node.node, names), self.value(node.arg, names))
        whole = self.value(node.node, names)
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
        given = {str(each.key): self.value(each.value, names) for each in node.kwargs}
        if node.node is None:
            raise ValueFault(f"the filter {node.name!r} has no value before it")
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
        """Return `value`, or the argument if it is missing; with `true` also if it is empty."""
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


def _member(whole: "Json | _Missing", key: Json) -> "Json | _Missing":
    """Return a mapping's value or a list's item; what is missing has no members either."""
    if isinstance(whole, Mapping):
        return whole[key] if isinstance(key, str) and key in whole else _MISSING
    if isinstance(whole, Sequence) and isinstance(key, int) and not isinstance(key, bool):
        return whole[key] if -len(whole) <= key < len(whole) else _MISSING
    if whole is None or isinstance(whole, str | bool | int | float):
        raise ValueFault(f"{kind(whole)} has no members")
    return _MISSING


_HOW: Mapping[type[nodes.Node], Callable[[Evaluator, Any, Mapping[str, Json]], Any]] = {
    nodes.Const: Evaluator._constant,
    nodes.Name: Evaluator._name,
    nodes.Getattr: Evaluator._attribute,
    nodes.Getitem: Evaluator._item,
    nodes.Filter: Evaluator._filter,
    nodes.Test: Evaluator._test,
    nodes.List: Evaluator._list,
    nodes.Tuple: Evaluator._list,
    nodes.Dict: Evaluator._dict,
    nodes.Call: Evaluator._range,
    nodes.CondExpr: Evaluator._choice,
    nodes.And: Evaluator._and,
    nodes.Or: Evaluator._or,
    nodes.Not: Evaluator._not,
    nodes.Neg: Evaluator._sign,
    nodes.Pos: Evaluator._sign,
    nodes.Concat: Evaluator._concat,
    nodes.Compare: Evaluator._compare,
    **dict.fromkeys(_ARITHMETIC, Evaluator._arithmetic),
}
