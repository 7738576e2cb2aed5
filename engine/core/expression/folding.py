"""A text with constants in the place of names that are known before anything runs."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import Any, TypeAlias

from engine.core.expression import tree
from engine.core.expression.evaluate import evaluator
from engine.core.expression.fault import Compiled, EvaluationError
from engine.core.expression.parsing import parse
from engine.core.expression.reference import references
from engine.core.expression.scan import has_template, parts
from engine.core.expression.writing import written
from engine.core.values import Json

_Known: TypeAlias = Mapping[str, Json]


def folded_expression(text: str, known: _Known) -> str:
    """Return a bare expression that reads none of the names in `known`, and means the same.

    What has no value stays as it is written.
    """
    return written(_folded(parse(text), text, known))


def folded_template(text: str, known: _Known) -> Json:
    """Return a template of which the same holds; one that is known as a whole is its value."""
    pieces = parts(text)
    told = [
        _folded(parse(each.text, each.offset), text, known) if each.is_expression else each.text
        for each in pieces
    ]
    if len(told) == 1 and isinstance(told[0], tree.Constant):
        return _inert(told[0].value)
    return "".join(each if isinstance(each, str) else _in_text(each) for each in told)


def guarded(compiled: Compiled) -> frozenset[int]:
    """Return where the paths stand that a `default` follows, or an `is defined`, and no more."""
    return frozenset(_guarded(compiled.node))  # type: ignore[attr-defined]


def _guarded(node: tree.Node) -> Iterator[int]:
    if isinstance(node, tree.Default | tree.Defined) and isinstance(node.operand, tree.Path):
        yield node.operand.start
    for each in tree.children(node):
        yield from _guarded(each)


def _in_text(node: tree.Node) -> str:
    """Return a part of mixed text; a constant that can stand there is text itself."""
    if isinstance(node, tree.Constant):
        try:
            value = evaluator(tree.Text((node,), start=0, end=0), "")({})
        except EvaluationError:
            return f"{{{{ {written(node)} }}}}"
        return str(value).replace("{", "{{ '{' }}")
    return f"{{{{ {written(node)} }}}}"


def _inert(value: Json) -> Json:
    """Return a value none of whose texts is a template."""
    if isinstance(value, str):
        return value.replace("{", "{{ '{' }}") if has_template(value) else value
    if isinstance(value, Mapping):
        return {key: _inert(each) for key, each in value.items()}
    return [_inert(each) for each in value] if isinstance(value, list) else value


def _folded(node: tree.Node, source: str, known: _Known) -> tree.Node:
    """Return the tree with a constant for each part that reads nothing else than is known."""
    read = {str(each.path[0]) for each in references(node)}
    if read.isdisjoint(known):
        return node
    if read <= known.keys():
        try:
            value = evaluator(node, source)(known)
        except EvaluationError:
            pass
        else:
            return tree.Constant(value, start=node.start, end=node.end)
    if isinstance(node, tree.Default) and _is_lost(node.operand, source, known):
        return _folded(node.fallback, source, known)
    names = (each.name for each in fields(node))
    changed = {name: _inside(getattr(node, name), source, known) for name in names}
    made = replace(node, **changed)
    return made.operand if isinstance(made, tree.Default) and _is_sure(made) else made


def _is_sure(node: tree.Default) -> bool:
    """True if a default is never asked for: what stands before it is known to be there."""
    operand = node.operand
    return isinstance(operand, tree.Constant) and (node.falsy is None or bool(operand.value))


def _is_lost(node: tree.Node, source: str, known: _Known) -> bool:
    """True if a path leads nowhere in what is known."""
    if not isinstance(node, tree.Path) or node.path[0] not in known:
        return False
    try:
        evaluator(node, source)(known)
    except EvaluationError:
        return True
    return False


def _inside(part: Any, source: str, known: _Known) -> Any:
    """Return what a field of a node holds with the nodes in it folded."""
    if isinstance(part, tuple):
        return tuple(_inside(each, source, known) for each in part)
    if type(part) in tree.KINDS:
        return _folded(part, source, known)
    return part
