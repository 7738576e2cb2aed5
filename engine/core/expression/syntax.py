"""Text to syntax tree: Jinja's parser reads it, and only what is on the list below gets through."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from jinja2 import TemplateSyntaxError, nodes
from jinja2.lexer import TokenStream
from jinja2.parser import Parser

from engine.core.expression import foreign, tree
from engine.core.expression.fault import Fault, FaultError
from engine.core.expression.function import FUNCTIONS
from engine.core.expression.scalar import TESTS
from engine.core.expression.signature import Parameter, maybe, one
from engine.core.expression.token import ENVIRONMENT, Tokens, tokenize
from engine.core.wording import suggestion

MAX_DEPTH = 60

_DEFAULT = (one("value"), maybe("default_value"), maybe("boolean", "boolean"))

_COMPARISONS = {
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "lteq": "<=",
    "gt": ">",
    "gteq": ">=",
    "in": "in",
    "notin": "not in",
}
_ARITHMETIC = {"Add": "+", "Sub": "-", "Mul": "*", "Div": "/", "FloorDiv": "//", "Mod": "%"}
_EARLY = re.compile(r"unexpected `?end of [a-z ]+`?")


def parse(text: str, base: int = 0) -> tree.Node:
    """Return the syntax tree of a lone expression that begins at offset `base` of its text.

    Raise FaultError for anything that is not on the list.
    """
    try:
        return _parsed(text, base)
    except FaultError as error:
        raise foreign.explained(error, text, base) from None


def _parsed(text: str, base: int) -> tree.Node:
    tokens = tokenize(text, base)
    if not tokens.all:
        raise FaultError(
            Fault("expression-syntax", "the expression is empty", base, max(1, len(text)))
        )
    parser = Parser(ENVIRONMENT, "")
    parser.stream = TokenStream(iter(tokens.all), None, None)
    try:
        parsed = parser.parse_expression()
        if not parser.stream.eos:
            parser.fail(f"unexpected {parser.stream.current.value!r}")
    except TemplateSyntaxError as error:
        raise _worded(error, parser.stream, tokens) from None
    return _Reader(tokens).read(parsed)


def _worded(error: TemplateSyntaxError, stream: TokenStream, tokens: Tokens) -> FaultError:
    """Return Jinja's complaint in our words and at its place."""
    message = (error.message or "").replace("'", "`").rstrip(".")
    offset = error.lineno
    length = tokens.ends[offset] - offset
    if stream.eos:
        offset, length = tokens.ends[tokens.all[-1].lineno], 1
        message = _EARLY.sub("the expression ends too early", message)
    return FaultError(Fault("expression-syntax", message, offset, length))


class _Reader:
    """Turns Jinja's nodes into ours; a node's line number is its offset, see `token`."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._depth = 0

    def read(self, node: nodes.Node) -> tree.Node:
        kind = type(node).__name__
        reader = _READERS.get(kind)
        if reader is None:
            word, hint = _REFUSED.get(kind, (f"`{kind}`", ""))
            raise self._fault(node, f"{word} is not part of the language", hint)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            message = f"the expression nests deeper than {MAX_DEPTH}"
            raise self._fault(node, message, code="expression-limit")
        read = reader(self, node)
        self._depth -= 1
        return read

    def _optional(self, node: nodes.Node | None) -> tree.Node | None:
        return None if node is None else self.read(node)

    def _constant(self, node: nodes.Const) -> tree.Node:
        return tree.Constant(node.value, start=node.lineno, end=self._end(node))

    def _name(self, node: nodes.Name) -> tree.Node:
        return tree.Path((node.name,), start=node.lineno, end=self._end(node))

    def _attribute(self, node: nodes.Getattr) -> tree.Node:
        end = self._tokens.after[node.lineno]
        if node.attr.startswith("__") and node.attr.endswith("__"):
            raise FaultError(
                Fault(
                    "expression-attribute",
                    f"`{node.attr}` is an attribute, and expressions look up data alone",
                    node.lineno,
                    end - node.lineno,
                )
            )
        return _followed(self.read(node.node), node.attr, end)

    def _item(self, node: nodes.Getitem) -> tree.Node:
        end = self._tokens.closing.get(node.lineno) or self._tokens.after[node.lineno]
        base = self.read(node.node)
        if isinstance(node.arg, nodes.Slice):
            part = node.arg
            first, last, step = map(self._optional, (part.start, part.stop, part.step))
            return tree.Slice(base, first, last, step, start=base.start, end=end)
        if isinstance(node.arg, nodes.Tuple):
            raise self._fault(node, "`[ ]` takes one key")
        key = self.read(node.arg)
        constant = _constant_key(key)
        if constant is None:
            return tree.Lookup(base, key, start=base.start, end=end)
        return _followed(base, constant, end)

    def _list(self, node: nodes.List | nodes.Tuple) -> tree.Node:
        items = tuple(map(self.read, node.items))
        return tree.ListOf(items, start=node.lineno, end=self._end(node))

    def _tuple(self, node: nodes.Tuple) -> tree.Node:
        items = tuple(map(self.read, node.items))
        start, end = (items[0].start, items[-1].end) if items else (node.lineno, self._end(node))
        return tree.ListOf(items, start=start, end=end)

    def _dict(self, node: nodes.Dict) -> tree.Node:
        entries = tuple((self.read(pair.key), self.read(pair.value)) for pair in node.items)
        seen: set[str | int] = set()
        for key, _ in entries:
            name = _constant_key(key)
            if name in seen:
                message = f"the key `{name}` appears twice"
                length = key.end - key.start
                raise FaultError(Fault("expression-syntax", message, key.start, length))
            seen.update(() if name is None else (name,))
        return tree.MapOf(entries, start=node.lineno, end=self._end(node))

    def _sign(self, node: nodes.Neg | nodes.Pos) -> tree.Node:
        operand = self.read(node.node)
        keep = isinstance(node, nodes.Pos)
        value = operand.value if isinstance(operand, tree.Constant) else None
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = value if keep else -value
            return tree.Constant(value, start=node.lineno, end=operand.end)
        return tree.Negative(operand, keep, start=node.lineno, end=operand.end)

    def _arithmetic(self, node: nodes.BinExpr) -> tree.Node:
        left, right = self.read(node.left), self.read(node.right)
        operator = _ARITHMETIC[type(node).__name__]
        return tree.Arithmetic(operator, left, right, start=left.start, end=right.end)

    def _comparison(self, node: nodes.Compare) -> tree.Node:
        first = self.read(node.expr)
        rest = tuple((_COMPARISONS[each.op], self.read(each.expr)) for each in node.ops)
        return tree.Comparison(first, rest, start=first.start, end=rest[-1][1].end)

    def _and(self, node: nodes.And) -> tree.Node:
        left, right = self.read(node.left), self.read(node.right)
        return tree.Both(left, right, start=left.start, end=right.end)

    def _or(self, node: nodes.Or) -> tree.Node:
        left, right = self.read(node.left), self.read(node.right)
        return tree.Either(left, right, start=left.start, end=right.end)

    def _not(self, node: nodes.Not) -> tree.Node:
        operand = self.read(node.node)
        start = min(node.lineno, operand.start)
        return tree.Not(operand, start=start, end=operand.end)

    def _choice(self, node: nodes.CondExpr) -> tree.Node:
        then, condition = self.read(node.expr1), self.read(node.test)
        if node.expr2 is None:
            message = "an `if` inside an expression needs an `else`"
            raise FaultError(
                Fault("expression-syntax", message, then.start, condition.end - then.start)
            )
        otherwise = self.read(node.expr2)
        return tree.Choice(condition, then, otherwise, start=then.start, end=otherwise.end)

    def _text(self, node: nodes.Concat) -> tree.Node:
        parts = tuple(map(self.read, node.nodes))
        return tree.Text(parts, start=parts[0].start, end=parts[-1].end)

    def _filter(self, node: nodes.Filter) -> tree.Node:
        assert node.node is not None  # a filter block is a statement
        operand = self.read(node.node)
        end = self._end(node)
        closing = self._tokens.closing.get(self._tokens.ends[node.lineno])
        return self._call(node.name, [operand], node, (operand.start, closing or end))

    def _function(self, node: nodes.Call) -> tree.Node:
        end = self._tokens.closing[node.lineno]
        if not isinstance(node.node, nodes.Name):
            method = getattr(node.node, "attr", "")
            hint = f"use the filter: `| {method}`" if method in FUNCTIONS else ""
            raise self._fault(node, "only listed functions are called, no methods", hint)
        name = node.node
        return self._call(name.name, [], node, (name.lineno, end))

    def _call(
        self, name: str, given: list[tree.Node], node: Any, span: tuple[int, int]
    ) -> tree.Node:
        """Return a listed function over its arguments; `given` are those it has already."""
        start, end = span
        at = node.lineno if given else start
        is_default = name in ("default", "d")
        function = FUNCTIONS.get(name)
        if function is None and not is_default:
            message = f"there is no function or filter `{name}`"
            hint = suggestion(name, (*FUNCTIONS, "default"))
            raise FaultError(Fault("unknown-function", message, at, len(name), hint))
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            raise self._fault(node, "`*` and `**` arguments are not part of the language")
        arguments = [*given, *map(self.read, node.args)]
        named = {each.key: self.read(each.value) for each in node.kwargs}
        place = Fault("expression-arguments", name, at, end - at)
        if function is not None:
            bound = _bind(function.parameters, arguments, named, place)
            return tree.Call(function.name, bound, start=start, end=end)
        operand, fallback, falsy = _bind(_DEFAULT, arguments, named, place)
        assert operand is not None
        nothing = tree.Constant("", start=end, end=end)
        return tree.Default(operand, fallback or nothing, falsy, start=start, end=end)

    def _test(self, node: nodes.Test) -> tree.Node:
        operand = self.read(node.node)
        end = self._tokens.after[node.lineno]
        arguments = [self.read(each) for each in node.args or ()]
        if node.name == "in" and len(arguments) == 1:
            place = arguments[0]
            return tree.Comparison(operand, (("in", place),), start=operand.start, end=place.end)
        if node.name not in TESTS and node.name not in ("defined", "undefined"):
            message = f"there is no test `{node.name}`"
            hint = suggestion(node.name, (*TESTS, "defined", "undefined", "in"))
            raise self._fault(node, message, hint, "unknown-function")
        if arguments or node.kwargs or node.dyn_args or node.dyn_kwargs:
            raise self._fault(node, f"the test `{node.name}` takes no argument")
        start = operand.start
        if node.name == "defined":
            return tree.Defined(operand, start=start, end=end)
        if node.name == "undefined":
            return tree.Not(tree.Defined(operand, start=start, end=end), start=start, end=end)
        return tree.Test(node.name, operand, start=start, end=end)

    def _end(self, node: nodes.Node) -> int:
        """Return where a node ends that is one token, or stands between brackets."""
        return self._tokens.closing.get(node.lineno) or self._tokens.ends[node.lineno]

    def _fault(
        self, node: nodes.Node, message: str, hint: str = "", code: str = "expression-syntax"
    ) -> FaultError:
        return FaultError(Fault(code, message, node.lineno, self._end(node) - node.lineno, hint))


def _constant_key(key: tree.Node) -> str | int | None:
    """Return a key that is known before anything runs, or None."""
    value = key.value if isinstance(key, tree.Constant) else None
    return value if isinstance(value, str | int) and not isinstance(value, bool) else None


def _followed(base: tree.Node, key: str | int, end: int) -> tree.Node:
    """Return the lookup of a constant key: it lengthens a path, and starts none."""
    if isinstance(base, tree.Path):
        return tree.Path((*base.path, key), start=base.start, end=end)
    constant = tree.Constant(key, start=base.end, end=end)
    return tree.Lookup(base, constant, start=base.start, end=end)


def _bind(
    parameters: tuple[Parameter, ...],
    given: list[tree.Node],
    named: dict[str, tree.Node],
    place: Fault,
) -> tuple[tree.Node | None, ...]:
    """Return the arguments in the order of the parameters, None for each left out.

    `place` is the fault that the call would be: its code, the function's name, where it stands.
    """
    names = [each.name for each in parameters]
    bound = [*given, *(named.get(each) for each in names[len(given) :])]
    unknown = next((each for each in named if each not in names[len(given) :]), None)
    message = hint = ""
    if len(given) > len(names):
        message = f"takes at most {len(names)} arguments, not {len(given)}"
    elif unknown is not None:
        message, hint = f"takes no argument `{unknown}` here", suggestion(unknown, names)
    else:
        for parameter, argument in zip(parameters, bound, strict=True):
            if parameter.required and argument is None:
                message = f"lacks its argument `{parameter.name}`"
    if message:
        raise FaultError(replace(place, message=f"`{place.message}` {message}", hint=hint))
    return tuple(bound)


_READERS: dict[str, Callable[[_Reader, Any], tree.Node]] = {
    "Const": _Reader._constant,
    "Name": _Reader._name,
    "Getattr": _Reader._attribute,
    "Getitem": _Reader._item,
    "List": _Reader._list,
    "Tuple": _Reader._tuple,
    "Dict": _Reader._dict,
    "Neg": _Reader._sign,
    "Pos": _Reader._sign,
    "Compare": _Reader._comparison,
    "And": _Reader._and,
    "Or": _Reader._or,
    "Not": _Reader._not,
    "CondExpr": _Reader._choice,
    "Concat": _Reader._text,
    "Filter": _Reader._filter,
    "Call": _Reader._function,
    "Test": _Reader._test,
    **dict.fromkeys(_ARITHMETIC, _Reader._arithmetic),
}
_REFUSED = {"Pow": ("`**`", "multiply"), "Slice": ("a slice here", "")}
