"""Reads a template and refuses every construct that is not on the list."""

from collections.abc import Iterable
from functools import lru_cache

from jinja2 import Environment, TemplateSyntaxError, nodes

from adapters.template.budget import LARGEST_TEMPLATE, TemplateError
from adapters.template.functions import FILTERS, TESTS, is_broken

_MOST_NODES = 5000
_DEEPEST = 40
_MOST_LOOPS = 3
# fmt: off
_ALLOWED: frozenset[type[nodes.Node]] = frozenset({
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.For, nodes.If, nodes.Assign,
    nodes.Name, nodes.Const, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Keyword,
    nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.CondExpr, nodes.Filter, nodes.Test,
    nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos,
    nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Concat,
    nodes.Call,
})
# fmt: on


@lru_cache(maxsize=256)
def parse(text: str) -> nodes.Template:
    """Return the checked syntax tree of a template; raise TemplateError if it has a fault.

    Jinja2 reads it and no more: nothing is compiled, and nothing of it is ever called.
    """
    if is_broken(text):
        raise TemplateError("it holds half a character", 1)
    if len(text.encode()) > LARGEST_TEMPLATE:
        raise TemplateError(f"the template is over {LARGEST_TEMPLATE} bytes", 1)
    environment = Environment(  # nosec B701: no HTML is made here, and nothing is rendered
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    try:
        tree = environment.parse(text)
    except TemplateSyntaxError as error:
        raise TemplateError(error.message or "it cannot be read", error.lineno) from None
    except RecursionError:
        raise TemplateError("it is nested too deeply", 1) from None
    except (ValueError, OverflowError, SyntaxError):
        raise TemplateError("it holds a literal that cannot be read", 1) from None
    _check_size(tree)
    return tree


def _check_size(tree: nodes.Template) -> None:
    """Walk the tree without recursion; raise TemplateError for what is not allowed."""
    queue: list[tuple[nodes.Node, int, int, int]] = [(tree, 0, 0, 1)]
    count = 0
    while queue:
        node, depth, loops, line = queue.pop()
        line = node.lineno or line
        count += 1
        loops += isinstance(node, nodes.For)
        if count > _MOST_NODES or depth > _DEEPEST:
            raise TemplateError("it is too large or nested too deeply", line)
        if loops > _MOST_LOOPS:
            raise TemplateError(f"more than {_MOST_LOOPS} loops in one another", line)
        for problem in _problems(node):
            raise TemplateError(problem, line)
        queue += [(each, depth + 1, loops, line) for each in node.iter_child_nodes()]


def _problems(node: nodes.Node) -> Iterable[str]:
    match node:
        case _ if type(node) not in _ALLOWED:
            yield f"{_word(node)} is not allowed here"
        case nodes.Filter():
            yield from _filter_problems(node)
        case nodes.Test(name=name):
            if name not in {"defined", "undefined"} and name not in TESTS:
                yield f"unknown test {name!r}"
            if node.args:
                yield f"the test {name!r} takes no argument"
        case nodes.Call():
            yield from _call_problems(node)
        case nodes.For():
            if node.recursive:
                yield "a recursive loop is not allowed here"
            if not _is_target(node.target):
                yield "a loop gives its items a name, or a few"
        case nodes.Assign() if not isinstance(node.target, nodes.Name):
            yield "set gives one value one name"


def _filter_problems(node: nodes.Filter) -> Iterable[str]:
    if node.name != "default" and node.name not in FILTERS:
        yield f"unknown filter {node.name!r}"
    if node.node is None or node.dyn_args is not None or node.dyn_kwargs is not None:
        yield "a filter needs a value before it, and plain arguments"


def _call_problems(node: nodes.Call) -> Iterable[str]:
    if not isinstance(node.node, nodes.Name) or node.node.name != "range":
        yield "nothing can be called but range(); use a filter"
    elif node.kwargs or node.dyn_args is not None or node.dyn_kwargs is not None:
        yield "range() takes plain arguments"


def _is_target(node: nodes.Node) -> bool:
    if isinstance(node, nodes.Tuple):
        return all(isinstance(each, nodes.Name) for each in node.items)
    return isinstance(node, nodes.Name)


def _word(node: nodes.Node) -> str:
    """Return the word by which an author knows a node that is refused."""
    words = {
        "Extends": "extends",
        "FromImport": "import",
        "CallBlock": "call",
        "Pow": "**",
        "Scope": "autoescape",
    }
    name = type(node).__name__
    return words.get(name, name.lower())
