"""The types of expressions, by JSON Schema, found without running them."""

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

from engine.core.expression import tree
from engine.core.expression.evaluate import word
from engine.core.expression.fault import Compiled, Fault
from engine.core.expression.function import FUNCTIONS
from engine.core.expression.path import written
from engine.core.frozen import frozen
from engine.core.kind import NUMBERS, SCALARS, named
from engine.core.schema.shape import (
    Absent,
    arms,
    constant,
    either,
    element,
    member,
    project,
    types,
    union,
    values,
)
from engine.core.values import Json
from engine.core.wording import shown, suggestion

_BOOLEAN: Json = {"type": "boolean"}
_STRING: Json = {"type": "string"}
_ORDERED = frozenset(("<", "<=", ">", ">="))


def type_of(compiled: Compiled, names: Mapping[str, Json]) -> tuple[Json, list[Fault]]:
    """Return the JSON Schema of what an expression gives, {} for anything, and its faults.

    `names` holds a schema for each root name. A name that is not there is a fault, and so is a
    path that a schema says leads nowhere, even under `default`: nothing else could ever come of
    it. In an area, a fault's offset is that in its own text.
    """
    typer = _Typer(names, compiled.source)
    return typer.of(compiled.node), typer.faults  # type: ignore[attr-defined]


@frozen
class Typed:
    """A part of an expression, `length` characters from `offset`, and the type of its value.

    `path` is what a reference reads, and empty for everything else.
    """

    offset: int
    length: int
    schema: Json
    path: tuple[str | int, ...] = ()


def inspect(compiled: Compiled, names: Mapping[str, Json]) -> list[Typed]:
    """Return every part of an expression or a template with its type, in the order of offsets.

    Of parts that begin at the same offset the larger comes first, so what stands at an offset is
    the last that covers it. A part that has a fault may be of any type. The templates of an area
    each have their own offsets: inspect them one by one (`templates_in`).
    """
    typer = _Inspector(names, compiled.source)
    typer.of(compiled.node)  # type: ignore[attr-defined]
    return sorted(typer.typed, key=lambda each: (each.offset, -each.length))


class _Typer:
    """Goes over one tree; `faults` gathers what certainly cannot work."""

    def __init__(self, names: Mapping[str, Json], source: str) -> None:
        self.faults: list[Fault] = []
        self._names = names
        self._source = source

    def of(self, node: tree.Node) -> Json:
        return _TYPERS[type(node)](self, node)

    def fault(self, code: str, message: str, node: tree.Node, hint: str = "") -> Json:
        self.faults.append(Fault(code, message, node.start, node.end - node.start, hint))
        return {}

    def word(self, node: tree.Node) -> str:
        return word(node, self._source)

    def constant(self, node: tree.Constant) -> Json:
        return constant(node.value)

    def path(self, node: tree.Path) -> Json:
        root, *rest = node.path
        if root not in self._names:
            hint = suggestion(str(root), self._names)
            return self.fault("unknown-name", f"there is no `{root}` here", node, hint)
        found = project(self._names[str(root)], rest)
        if not isinstance(found, Absent):
            return found
        where = written(node.path[: found.at + 1])
        message = f"`{written(node.path)}`: in `{where}`, {found.message}"
        return self.fault("unknown-property", message, node, found.hint)

    def lookup(self, node: tree.Lookup) -> Json:
        base, key = self.of(node.base), self.of(node.key)
        listed = values(key)
        if listed is not None and len(listed) == 1 and isinstance(listed[0], str | int):
            found = project(base, [listed[0]])
            if isinstance(found, Absent):
                return self.fault("unknown-property", found.message, node, found.hint)
            return found
        kinds, keys = types(base), types(key)
        found = []
        if "object" in kinds and "string" in keys:
            found.append(member(base))
        if "array" in kinds and "integer" in keys:
            found.append(element(base))
        if "string" in kinds and "integer" in keys:
            found.append(_STRING)
        if not found:
            message = f"`{self.word(node)}`: {named(keys)} leads nowhere in {named(kinds)}"
            return self.fault("expression-type", message, node)
        return union(*found)

    def slice(self, node: tree.Slice) -> Json:
        base = self.of(node.base)
        for each in (node.first, node.last, node.step):
            if each is not None and not types(self.of(each)) & {"integer", "null"}:
                self.fault("expression-type", "a slice is marked by integers", each)
        kinds = types(base)
        if not kinds & {"string", "array"}:
            message = f"`{self.word(node)}`: {named(kinds)} has no parts in order"
            return self.fault("expression-type", message, node)
        parts: list[Json] = [_STRING] if "string" in kinds else []
        if "array" in kinds:
            parts.append({"type": "array", "items": element(base)})
        return union(*parts)

    def list(self, node: tree.ListOf) -> Json:
        items = [self.of(each) for each in node.items]
        size = len(items)
        return {"type": "array", "items": union(*items), "minItems": size, "maxItems": size}

    def map(self, node: tree.MapOf) -> Json:
        properties: dict[str, Json] = {}
        for key, value in node.entries:
            name, part = self.of(key), self.of(value)
            listed = values(name)
            if listed is None or not isinstance(listed[0], str):
                if "string" not in types(name):
                    self.fault("expression-type", "a key of a mapping is a string", key)
                return {"type": "object"}
            properties[listed[0]] = part
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }

    def sign(self, node: tree.Negative) -> Json:
        known = [types(arm) & NUMBERS for arm in arms(self.of(node.operand))]
        if not all(known):
            return self.fault("expression-type", "a sign goes with a number", node)
        return _number(frozenset().union(*known))

    def arithmetic(self, node: tree.Arithmetic) -> Json:
        pairs = product(arms(self.of(node.left)), arms(self.of(node.right)))
        found: list[Json] = []
        for left, right in pairs:
            told = _computed(node.operator, left, right)
            if not told:
                one, other = types(left), types(right)
                message = f"`{node.operator}` does not take {named(one)} and {named(other)}"
                hint = "join with `~`" if "string" in one | other and node.operator == "+" else ""
                return self.fault("expression-type", message, node, hint)
            found += told
        return union(*found)

    def comparison(self, node: tree.Comparison) -> Json:
        left, before = self.of(node.first), node.first
        for operator, each in node.rest:
            right = self.of(each)
            if operator in ("in", "not in"):
                self._containment(left, right, node)
            elif operator in _ORDERED:
                self._order(operator, left, right, node)
            else:
                self._equality(left, right, node, (before, each))
            left, before = right, each
        return _BOOLEAN

    def both(self, node: tree.Both | tree.Either) -> Json:
        return union(self.of(node.left), self.of(node.right))

    def negation(self, node: tree.Not | tree.Defined | tree.Test) -> Json:
        self.of(node.operand)
        return _BOOLEAN

    def choice(self, node: tree.Choice) -> Json:
        self.of(node.condition)
        return either(self.of(node.then), self.of(node.otherwise))

    def text(self, node: tree.Text) -> Json:
        for each in node.parts:
            told = [types(arm) for arm in arms(self.of(each))]
            kinds = next((kinds for kinds in told if not kinds & SCALARS), None)
            if kinds is not None:
                message = f"`{self.word(each)}` is {named(kinds)}, no text"
                message = message if len(told) == 1 else message.replace(" is ", " may be ", 1)
                self.fault("expression-type", message, each, "write it out with `| tojson`")
        return _STRING

    def call(self, node: tree.Call) -> Json:
        function = FUNCTIONS[node.function]
        arguments: list[Json] = []
        for parameter, argument in zip(function.parameters, node.arguments, strict=True):
            given = None if argument is None else self.of(argument)
            arguments.append(given)
            if argument is None or not parameter.accepts:
                continue
            told = [types(arm) for arm in arms(given)]
            wrong = next((kinds for kinds in told if not kinds & parameter.accepts), None)
            if wrong is not None:
                wanted, found = named(parameter.accepts), named(wrong)
                message = f"`{node.function}` takes {wanted}; `{self.word(argument)}` is {found}"
                return self.fault("expression-type", message, argument)
        try:
            return function.result(arguments)
        except ValueError as error:
            return self.fault("expression-type", f"`{node.function}`: {error}", node)

    def default(self, node: tree.Default) -> Json:
        told = arms(self.of(node.operand))
        if node.falsy is not None:  # null counts as false, so it is never what comes of it
            self.of(node.falsy)
            told = [each for each in told if types(each) != {"null"}]
        return either(*told, self.of(node.fallback))

    def within(self, node: tree.Within) -> Json:
        inner = _Typer(self._names, node.source)
        found = inner.of(node.operand)
        self.faults += inner.faults
        return found

    def _containment(self, left: Json, right: Json, node: tree.Node) -> None:
        place, part = types(right), types(left)
        fits = "array" in place or ("string" in part and place & {"string", "object"})
        if not fits:
            message = f"{named(part)} cannot be `in` {named(place)}"
            self.fault("expression-type", message, node)

    def _order(self, operator: str, left: Json, right: Json, node: tree.Node) -> None:
        for one, other in product(arms(left), arms(right)):
            first, second = types(one), types(other)
            if not (first & NUMBERS and second & NUMBERS) and "string" not in first & second:
                message = f"`{operator}` does not order {named(first)} and {named(second)}"
                self.fault("expression-type", message, node)
                return

    def _equality(
        self, left: Json, right: Json, node: tree.Node, sides: tuple[tree.Node, tree.Node]
    ) -> None:
        """Find comparisons that come out the same whatever happens."""
        first, second = types(left), types(right)
        if not first & second and not (first & NUMBERS and second & NUMBERS):
            message = (
                f"`{self.word(sides[0])}` is {named(first)} and `{self.word(sides[1])}` is "
                f"{named(second)}: they are never equal"
            )
            self.fault("never-equal", message, node)
            return
        for listed, one, side in (
            (values(left), values(right), sides[0]),
            (values(right), values(left), sides[1]),
        ):
            if listed is None or one is None or len(one) != 1 or one[0] in listed:
                continue
            choices = ", ".join(shown(each) for each in listed[:10])
            hint = suggestion(str(one[0]), [each for each in listed if isinstance(each, str)])
            message = f"`{self.word(side)}` is never {shown(one[0])}: it is one of {choices}"
            self.fault("never-equal", message, node, hint)
            return


class _Inspector(_Typer):
    """Keeps the type of every part, too."""

    def __init__(self, names: Mapping[str, Json], source: str) -> None:
        super().__init__(names, source)
        self.typed: list[Typed] = []

    def of(self, node: tree.Node) -> Json:
        schema = super().of(node)
        path = node.path if isinstance(node, tree.Path) else ()
        self.typed.append(Typed(node.start, node.end - node.start, schema, path))
        return schema


def _computed(operator: str, first: Json, second: Json) -> list[Json]:
    """Return the types of what may come of two values, nothing where they do not go together."""
    left, right = types(first), types(second)
    found: list[Json] = []
    if left & NUMBERS and right & NUMBERS:
        whole = left & NUMBERS if operator != "/" else NUMBERS
        found.append(_number(whole | (right & NUMBERS)))
    if operator == "+" and "string" in left & right:
        found.append(_STRING)
    if operator == "+" and "array" in left & right:
        found.append({"type": "array", "items": union(element(first), element(second))})
    return found


def _number(known: frozenset[str]) -> Json:
    return {"type": "integer" if known == {"integer"} else "number"}


_TYPERS: dict[type, Callable[[_Typer, Any], Json]] = {
    tree.Constant: _Typer.constant,
    tree.Path: _Typer.path,
    tree.Lookup: _Typer.lookup,
    tree.Slice: _Typer.slice,
    tree.ListOf: _Typer.list,
    tree.MapOf: _Typer.map,
    tree.Negative: _Typer.sign,
    tree.Arithmetic: _Typer.arithmetic,
    tree.Comparison: _Typer.comparison,
    tree.Both: _Typer.both,
    tree.Either: _Typer.both,
    tree.Not: _Typer.negation,
    tree.Choice: _Typer.choice,
    tree.Text: _Typer.text,
    tree.Call: _Typer.call,
    tree.Default: _Typer.default,
    tree.Defined: _Typer.negation,
    tree.Test: _Typer.negation,
    tree.Within: _Typer.within,
}
