"""Texts by grammar: expressions and templates of all that there is, and YAML of every style."""

import json
from collections.abc import Callable
from random import Random

from engine.core.expression.function import FUNCTIONS
from engine.core.expression.scalar import TESTS
from engine.core.values import Json

# What people try to get out by; all of it must be a fault, a plain key or a plain text.
HOSTILE_NAMES = (
    "__class__", "__mro__", "__subclasses__", "__globals__", "__builtins__", "__init__",
    "__import__", "__dict__", "__getattribute__", "__reduce__", "__call__", "__code__", "__self__",
    "_TemplateReference__context", "mro", "format", "format_map", "pop", "popitem", "clear",
    "update", "setdefault", "append", "self", "cycler", "joiner", "namespace", "lipsum", "range",
    "dict", "config", "request", "loop", "caller", "varargs", "eval", "exec", "open", "getattr",
    "attr", "now", "random", "env", "os", "sys", "groupby", "batch", "pprint", "xmlattr",
    "gi_frame", "func_globals", "f_back", "tb_frame", "co_consts",
)  # fmt: skip
HOSTILE = (
    "''.__class__.__mro__[1].__subclasses__()",
    "x | attr('__class__')",
    "x['__class__']",
    "x['__cl' ~ 'ass__']",
    "'{0.__class__.__init__.__globals__}'.format(x)",
    "'%s' % x",
    "'%(x)s' % inputs",
    "'{0}' | format(x)",
    "'a' * 1000000000",
    "[1] * 1000000000",
    "9 ** 9 ** 9",
    "cycler.__init__.__globals__.os.popen('id').read()",
    "lipsum.__globals__['os'].environ",
    "self.__init__.__globals__.__builtins__.__import__('os')",
    "range(1000000000)",
    "namespace(a=1)",
    "inputs.items()",
    "inputs.pop('env')",
    "(rows | map('__class__'))",
    "rows | map(attribute='copy.__class__')",
    "rows | sum('__class__.__mro__')",
    "rows | select('__class__')",
    "x.__class__ is defined",
    "x | default('__import__(\"os\")')",
    "lambda: 1",
    "[x for x in rows]",
    "{x: y for x in rows}",
    "x if",
    "`id`",
    "f'{x}'",
    "b'x'",
    "x := 1",
    "yield x",
    "await x",
    "*rows",
    "**inputs",
    "x.y.z.",
    "\\",
    "'\\N{BULLET}'",
    "'\\" + "\\'" * 500,
    "(" * 3_000,
    "{" * 3_000,
    "not " * 3_000,
    "-" * 3_000,
    "a." * 3_000,
    "a|" * 3_000,
    "a~" * 3_000,
    "1_" * 3_000,
    "9" * 6_000,
    "[a," * 1_000,
    "{{" * 2_000,
    "{{1}}" * 2_000,
    "{{a}}" * 2_000,
    "x" + "[0]" * 1_000,
    "a if b else " * 300 + "c",
    "rows | map('" + "a." * 2_000 + "')",
    "t | strftime('" + "%d" * 4_000 + "')",
)
_PATHS = (
    "inputs.env", "inputs.n", "inputs.f", "inputs.yes", "inputs.nothing", "inputs.tags",
    "inputs.words", "inputs.gone", "rows", "rows[0]", "rows[0].copy.loaded", "numbers", "big",
    "long", "map", "words", "deep", "t", "day", "json", "half", "huge", "empty", "x", "gone",
)  # fmt: skip
_CONSTANTS = (
    "0", "1", "-1", "2.5", "1e308", "9223372036854775807", "none", "true", "false", "''", "'a'",
    "'%Y-%m'", "'Europe/Oslo'", "'-1d'", "'copy.loaded'", "'k'", "'dns'", "'..'", "'a/../b'",
    "[]", "[1, 'x']", "{}", "{'k': 1}", "'2026-03-29T02:30:00+02:00'", "'[1, 2]'", '"}}"', "'{{'",
)  # fmt: skip
_OPERATORS = (
    "+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and",
    "or", "is in",
)  # fmt: skip


def expression(chance: Random, depth: int = 4) -> str:
    """Return an expression; most are well formed, and few mean anything."""
    if depth == 0 or chance.random() < 0.2:
        return chance.choice(chance.choice((_PATHS, _PATHS, _CONSTANTS, HOSTILE_NAMES)))
    return chance.choice(_GROWN)(chance, lambda: expression(chance, depth - 1))


def template(chance: Random) -> str:
    """Return a template of a few parts."""
    parts = []
    for _ in range(chance.choice((1, 1, 2, 3, 6))):
        if chance.random() < 0.4:
            parts.append(chance.choice(("", "a ", " }} ", "{ ", "\n", "é", "'", '"')))
        parts.append(f"{{{{ {expression(chance, chance.randint(0, 3))} }}}}")
    return "".join(parts)


_LONGEST = 20_000
_Inner = Callable[[], str]


def _binary(chance: Random, inner: _Inner) -> str:
    return f"({inner()} {chance.choice(_OPERATORS)} {inner()})"


def _filter(chance: Random, inner: _Inner) -> str:
    """Return a call of a listed function with as many arguments as it takes, or others."""
    name = chance.choice((*FUNCTIONS, "default", chance.choice(HOSTILE_NAMES)))
    known = FUNCTIONS[name].parameters if name in FUNCTIONS else ()
    least = sum(each.required for each in known)
    count = chance.randint(max(0, least - 1), max(0, len(known) - 1))
    arguments = [inner() for _ in range(count)]
    if arguments and known and chance.random() < 0.2:
        arguments[-1] = f"{known[min(count, len(known) - 1)].name}={arguments[-1]}"
    if chance.random() < 0.2:
        return f"{name}({', '.join([inner(), *arguments])})"
    return f"({inner()} | {name}({', '.join(arguments)}))"


def _chain(chance: Random, inner: _Inner) -> str:
    """Return one operator many times over: what costs a little each time adds up."""
    operator = chance.choice((" + ", " ~ ", ", ", " or ", " == "))
    one = inner()
    times = min(chance.choice((2, 10, 50, 300)), 1 + _LONGEST // len(one))
    return f"[{operator.join([one] * times)}]"


def _look_up(chance: Random, inner: _Inner) -> str:
    name = chance.choice(HOSTILE_NAMES)
    return chance.choice((
        f"({inner()})[{inner()}]",
        f"({inner()})[{inner()}:{inner()}]",
        f"{inner()}.{name}",
        f"({inner()})[{name!r}]",
        f"({inner()} | map({name!r}))",
    ))  # fmt: skip


def _test(chance: Random, inner: _Inner) -> str:
    name = chance.choice((*TESTS, "defined", "undefined", "callable", "sameas(1)"))
    return f"({inner()} {chance.choice(('is', 'is not'))} {name})"


_GROWN: tuple[Callable[[Random, _Inner], str], ...] = (
    _binary,
    _filter,
    _filter,
    _filter,
    _chain,
    _look_up,
    _test,
    lambda _, inner: f"({inner()} if {inner()} else {inner()})",
    lambda _, inner: f"[{inner()}, {inner()}]",
    lambda _, inner: f"{{{inner()}: {inner()}, 'k': {inner()}}}",
    lambda _, inner: f"(not {inner()})",
    lambda _, inner: f"(-{inner()})",
)


def yaml(chance: Random, depth: int = 3, indent: str = "") -> str:
    """Return YAML of nested blocks, each part in one of the ways that there are for it."""
    if depth == 0 or (indent and chance.random() < 0.3):
        return f" {_flow(chance, 2)}\n"
    deeper = indent + chance.choice(("  ", "  ", " ", "    "))
    begin = "" if indent == "" and depth == 3 else "\n"
    at = deeper if begin else ""
    lines = []
    for position in range(chance.randint(1, 4)):
        if chance.random() < 0.1:
            lines.append(f"{at}# a comment\n")
        key = f"{chance.choice(('a', 'é', 'k-1', 'x.y'))}{position}"
        lines.append(f"{at}{key}:{_value(chance, depth, at)}")
    return begin + "".join(lines)


def _value(chance: Random, depth: int, indent: str) -> str:
    if chance.random() < 0.2:
        mark = chance.choice(("|", ">", "|-", ">-", "|+", ">+", "|2", ">1-"))
        inner = indent + "  "
        text = chance.choice(("one", "one two", "# no comment", "a: b", "é", "- x", "  deeper", ""))
        return f" {mark}\n" + "".join(f"{inner}{text}\n" for _ in range(chance.randint(0, 3)))
    if chance.random() < 0.3:
        items = (f"{indent}-{yaml(chance, 0)}" for _ in range(chance.randint(1, 3)))
        return "\n" + "".join(items)
    return yaml(chance, depth - 1, indent + " ")


def _flow(chance: Random, depth: int) -> str:
    kind = chance.random()
    if depth and kind < 0.2:
        return f"[{', '.join(_flow(chance, depth - 1) for _ in range(chance.randint(0, 3)))}]"
    if depth and kind < 0.4:
        pairs = (f"k{each}: {_flow(chance, depth - 1)}" for each in range(chance.randint(0, 3)))
        return f"{{{', '.join(pairs)}}}"
    return _scalar(chance)


def _scalar(chance: Random) -> str:
    value: Json = chance.choice(_TEXTS)
    return chance.choice((
        "plain text", "x:y", "https://a.example/b?c=d#e", "a-b", "1.10", "NO", "~", "a 'b' c",
        json.dumps(value, ensure_ascii=False), "'" + str(value).replace("'", "''") + "'",
        '"two\n   lines"', "'two\n\n   lines'", "two\n     lines", "",
    ))  # fmt: skip


_TEXTS = ("", "a", "it's", "{{ x }}", "a: b", "é\U0001f600", "\\", " lead", "tail ", "#", "\t")
