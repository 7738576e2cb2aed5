"""The loader: C events into placed nodes over an explicit stack, every refusal as it arrives."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NoReturn, Protocol, TypeAlias

from _ruamel_yaml import (  # type: ignore[import-not-found]
    AliasEvent,
    CParser,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    YAMLError,
)

from engine.core.diagnostic import Diagnostic, Enough, Span
from engine.core.document import refusal, shield, tabs
from engine.core.document.fault import fault_of
from engine.core.document.node import Document, Mapping, Node, Scalar, Sequence
from engine.core.document.source import (
    MAX_DEPTH,
    MAX_DOCUMENTS,
    MAX_NODES,
    MAX_SCALAR,
    Source,
    cover,
    decode,
    refuse_directive,
)


def load(source: bytes, file: str) -> tuple[list[Document], list[Diagnostic]]:
    """Return the documents of a file and what is wrong with it as YAML, in the order of the lines.

    A document that holds an alias, a key that is no text, or ends in a syntax error is left out:
    it has no value that anybody meant. Documents with nothing in them are passed over. Secrets
    that were written into the file are covered: no value has them.
    """
    text = Source(file)
    loader = _Loader(text)
    try:
        decode(source, text)
        cover(text)
        loader.run()
    except Enough:
        pass
    return loader.documents, text.found.sorted()


class _Mark(Protocol):
    line: int
    column: int
    index: int


class _Complaint(Protocol):
    """How the scanner and the parser say that they cannot go on."""

    context: str | None
    context_mark: _Mark | None
    problem: str | None
    problem_mark: _Mark


class _Event(Protocol):
    """What the C parser hands out; an attribute is there only on the events that have it.

    `tag` is made from `ctag`, what was written, each time it is asked for.
    """

    start_mark: _Mark
    end_mark: _Mark
    anchor: str | None
    tag: str | None
    ctag: object | None
    value: str
    style: str
    version: tuple[int, int] | None
    tags: dict[str, str] | None


_Members: TypeAlias = dict[str, tuple[Scalar, Node]]


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not come. `key` waits for its value."""

    line: int
    column: int
    items: list[Node]
    members: _Members | None
    key: Scalar | None = None


# What a named tuple comes to in the end; a file has hundreds of scalars.
_made: Final[Callable[..., Any]] = tuple.__new__
# So short a text has neither too many nodes nor too long a scalar: of no character come four nodes.
_SHORT: Final = MAX_NODES // 4
# Stands for a key that was refused, so that its value is read and dropped.
_REFUSED: Final = Scalar("", False, 0, 0, 0)


class _Loader:
    """Takes one event after the other; `stack` holds what is open, the innermost last."""

    def __init__(self, source: Source) -> None:
        self.documents: list[Document] = []
        self._source = source
        self._stack: list[_Open] = []
        self._around: _Open | None = None
        self._root: Node | None = None
        self._broken = False
        self._nodes = 0
        self._seen = 0
        self._texts: list[tuple[int, int]] | None = None
        self._is_shielded = False
        self._is_unusual = False

    def run(self) -> None:
        """Read all documents; what is wrong goes to the source's findings."""
        text = self._source.text
        self._texts = [] if "\t" in text else None
        shielded = shield.raised(text)
        self._is_shielded = shielded is not text
        self._is_unusual = len(text) > _SHORT or "\t" in text or "\\" in text
        next_event = CParser(shielded).get_event
        takers = self._takers()
        try:
            while (event := next_event()) is not None:
                take = takers.get(type(event))
                if take is not None:
                    take(event)
        except YAMLError as error:
            self._fault(error)
        else:
            self._check_tabs(len(text))

    def _takers(self) -> dict[type, Callable[[_Event], None]]:
        """Return what takes each kind of event; the others say nothing of a document."""
        return {
            ScalarEvent: self._scalar,
            MappingStartEvent: self._open_mapping,
            SequenceStartEvent: self._open_sequence,
            MappingEndEvent: self._close,
            SequenceEndEvent: self._close,
            AliasEvent: self._alias,
            DocumentStartEvent: self._begin,
            DocumentEndEvent: self._end,
        }

    def _scalar(self, event: _Event) -> None:
        start, end, value, style = event.start_mark, event.end_mark, event.value, event.style
        line = start.line
        if self._is_shielded and not value.isascii():
            value = shield.lowered(value)
        stop, indent = end.column + 1, 0
        if end.line != line:
            stop, indent = self._stop(event), -1
        if style == "|":
            indent = self._source.indent(value, line + 2)
        node: Scalar = _made(Scalar, (value, not style, line + 1, start.column + 1, stop, indent))
        self._nodes += 1
        if not value or event.anchor is not None or event.ctag is not None or self._is_unusual:
            node = self._checked(event, node)
        around = self._around
        if around is None or (members := around.members) is None:
            self._put(node)
        elif (key := around.key) is not None:
            if key is not _REFUSED:
                members[key.text] = (key, node)
            around.key = None
        elif value in members or value == "<<":
            around.key = self._unusual(node, members)
        else:
            around.key = node

    def _checked(self, event: _Event, node: Scalar) -> Scalar:
        """Return a scalar after a look for all that is refused, and that an ordinary one is not."""
        start, value = event.start_mark, node.text
        if not value and start.index >= len(self._source.text):
            node = self._at_end()
        if self._nodes > MAX_NODES:
            self._give_up(refusal.nodes, start)
        if event.anchor is not None or event.ctag is not None:
            self._refuse_properties(event)
            self._broken |= node.is_empty
        if len(value) > MAX_SCALAR:
            refusal.long_scalar(self._source, self._place(node), len(value))
        if "\0" in value:
            refusal.nul(self._source, self._place(node))
        if self._texts is not None and event.style:
            self._texts.append((start.index, event.end_mark.index))
        return node

    def _at_end(self) -> Scalar:
        """Return the nothing behind all text; the scanner may put it on a line not there."""
        span = self._source.span_at(len(self._source.text))
        return Scalar("", True, span.line, span.column, span.column)

    def _stop(self, event: _Event) -> int:
        """Return the column after the first line of a scalar that goes on over several."""
        if event.style in ("|", ">"):
            return event.start_mark.column + 2
        return self._source.line_end(event.start_mark.line + 1)

    def _open_mapping(self, event: _Event) -> None:
        self._open(event, {})

    def _open_sequence(self, event: _Event) -> None:
        self._open(event, None)

    def _open(self, event: _Event, members: _Members | None) -> None:
        start = event.start_mark
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._give_up(refusal.nodes, start)
        if event.anchor is not None or event.ctag is not None:
            self._refuse_properties(event)
        around = self._around
        if around is not None and around.members is not None and around.key is None:
            refusal.complex_key(self._source, self._span(start), start.index)
            self._broken = True
        if len(self._stack) == MAX_DEPTH:
            self._give_up(refusal.depth, start)
        self._around = _Open(start.line + 1, start.column + 1, [], members)
        self._stack.append(self._around)

    def _close(self, _: _Event) -> None:
        opened = self._stack.pop()
        self._around = self._stack[-1] if self._stack else None
        if opened.members is None:
            self._put(Sequence(tuple(opened.items), opened.line, opened.column))
        else:
            self._put(Mapping(opened.members, opened.line, opened.column))

    def _put(self, node: Node) -> None:
        """Give a finished node to what is open around it: as item, key, value or root."""
        around = self._around
        if around is None:
            self._root = node
        elif around.members is None:
            around.items.append(node)
        elif around.key is None:
            if isinstance(node, Scalar) and node.text not in around.members and node.text != "<<":
                around.key = node
            else:
                around.key = self._unusual(node, around.members)
        else:
            if around.key is not _REFUSED:
                around.members[around.key.text] = (around.key, node)
            around.key = None

    def _unusual(self, node: Node, members: _Members) -> Scalar:
        """Return a key that is none, whose value is dropped; only `<<` in quotes is one."""
        if not isinstance(node, Scalar):
            return _REFUSED
        if node.text in members:
            first = self._place(members[node.text][0])
            refusal.duplicate_key(self._source, self._place(node), node.text, first)
            return _REFUSED
        if node.plain and node.text == "<<":
            refusal.merge_key(self._source, self._place(node))
            return _REFUSED
        return node

    def _alias(self, event: _Event) -> None:
        start, name = event.start_mark, event.anchor or ""
        node = Scalar(name, False, start.line + 1, start.column + 1, event.end_mark.column + 1)
        if self._around is None or self._around.key is not _REFUSED:
            refusal.alias(self._source, self._place(node), name)
            self._broken = True
        self._put(node)

    def _begin(self, event: _Event) -> None:
        if event.version is not None or event.tags:
            refuse_directive(self._source, self._span(event.start_mark))
        self._seen += 1
        if self._seen > MAX_DOCUMENTS:
            self._give_up(refusal.documents, event.start_mark)
        self._broken = False

    def _end(self, _: _Event) -> None:
        root = self._root
        is_empty = root is None or (isinstance(root, Scalar) and root.is_empty)
        if root is not None and not is_empty and not self._broken:
            self.documents.append(Document(self._source.file, root))

    def _refuse_properties(self, event: _Event) -> None:
        span = self._span(event.start_mark)
        if event.anchor is not None:
            refusal.anchor(self._source, span, event.anchor)
        if event.tag is not None:
            refusal.tag(self._source, span, event.tag)

    def _give_up(self, refuse: Callable[[Source, Span], None], mark: _Mark) -> NoReturn:
        refuse(self._source, self._span(mark))
        raise Enough

    def _fault(self, error: YAMLError) -> None:
        """Tell what stopped the scanner, unless its line has been complained of already."""
        text = self._source.text
        told: _Complaint = error
        index = told.problem_mark.index
        fault = fault_of(told.context or "", told.problem or "", text[index : index + 1])
        if fault.at_start and told.context_mark is not None:
            index = told.context_mark.index
        self._check_tabs(index)
        if index >= len(text):
            index = max(len(text.rstrip()) - 1, 0)
        span = self._source.span_at(index)
        if all(each.span.line != span.line for each in self._source.found.all):
            self._source.add(fault.code, fault.message, span, fault.hint)

    def _check_tabs(self, until: int) -> None:
        for index in tabs.misplaced(self._source.text, self._texts or [], until):
            refusal.tab(self._source, self._source.span_at(index))

    def _span(self, mark: _Mark) -> Span:
        return Span(self._source.file, mark.line + 1, mark.column + 1, mark.column + 2)

    def _place(self, node: Scalar) -> Span:
        return Span(self._source.file, node.line, node.column, node.end)
