"""Renders a checked template piece by piece, so that whoever asks may stop or take a breath."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from jinja2 import nodes

from adapters.contract import Json
from adapters.template.budget import LARGEST_TEXT, Budget, LimitError, ValueFault
from adapters.template.evaluate import Evaluator, path
from adapters.template.functions import as_list, is_broken, show


def render(tree: nodes.Template, values: Mapping[str, Json]) -> Iterator[str]:
    """Yield the text in pieces, some of them empty; no piece takes more than a few milliseconds.

    Raise ValueFault, with the line, for a value that is missing or wrong, and LimitError for a
    text over a mebibyte or too much work.
    """
    size = 0
    for piece in _Renderer(Evaluator(Budget())).body(tree.body, dict(values)):
        size += len(piece) if piece.isascii() else len(piece.encode())
        if size > LARGEST_TEXT:
            raise LimitError(f"a text of more than {LARGEST_TEXT} bytes")
        yield piece


class _Renderer:
    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator

    def body(self, body: Sequence[nodes.Node], names: dict[str, Json]) -> Iterator[str]:
        """Yield the text of statements; `names` is theirs to add to."""
        for node in body:
            self._evaluator.budget.spend()
            with _at(node):
                yield from self._statement(node, names)

    def _statement(self, node: nodes.Node, names: dict[str, Json]) -> Iterator[str]:
        match node:
            case nodes.Output():
                for each in node.nodes:
                    yield self._text(each, names)
            case nodes.If():
                yield from self._if(node, names)
            case nodes.For():
                yield from self._for(node, names)
            case nodes.Assign(target=nodes.Name(name=name)):
                names[name] = self._evaluator.value(node.node, names)

    def _text(self, node: nodes.Node, names: Mapping[str, Json]) -> str:
        if isinstance(node, nodes.TemplateData):
            return node.data
        with _at(node):
            text = show(self._evaluator.value(node, names))
            self._evaluator.budget.text(len(text))
            if is_broken(text):
                raise ValueFault("a text holds half a character")
            return text

    def _if(self, node: nodes.If, names: dict[str, Json]) -> Iterator[str]:
        for branch in (node, *node.elif_):
            if self._evaluator.truth(branch.test, names):
                yield from self.body(branch.body, names)
                return
        yield from self.body(node.else_, names)

    def _for(self, node: nodes.For, names: dict[str, Json]) -> Iterator[str]:
        """Yield every turn's text. What a turn sets is gone with it, as Jinja2 has it."""
        turns: list[dict[str, Json]] = []
        given = self._evaluator.value(node.iter, names)
        for item in list(given) if isinstance(given, Mapping) else as_list(given):
            self._evaluator.budget.spend(1 + len(names) // 8)
            inner = {**names, **_bound(node.target, item)}
            if node.test is None or self._evaluator.truth(node.test, inner):
                turns.append(inner)
            yield ""
        for index, inner in enumerate(turns):
            inner["loop"] = _loop(index, len(turns))
            yield from self.body(node.body, inner)
            yield ""
        if not turns:
            yield from self.body(node.else_, names)


@contextmanager
def _at(node: nodes.Node) -> Iterator[None]:
    """Say the line of the innermost node in which a value was at fault."""
    try:
        yield
    except ValueFault as fault:
        if str(fault).startswith("line "):
            raise
        raise ValueFault(f"line {node.lineno}: {fault}") from None


def _bound(target: nodes.Node, item: Json) -> dict[str, Json]:
    """Return the names that a turn gives to its item."""
    if not isinstance(target, nodes.Tuple):
        return {path(target): item}
    names = [each.name for each in target.items if isinstance(each, nodes.Name)]
    parts = as_list(item)
    if len(parts) != len(names):
        raise ValueFault(f"an item of {len(parts)} parts for {len(names)} names")
    return dict(zip(names, parts, strict=True))


def _loop(index: int, length: int) -> dict[str, Json]:
    return {
        "index": index + 1,
        "index0": index,
        "revindex": length - index,
        "first": index == 0,
        "last": index == length - 1,
        "length": length,
    }
