"""The loader: C events into placed nodes, every refusal as it arrives."""

from collections.abc import Callable
from typing import Any, Final, NoReturn, Protocol, TypeAlias

from _ruamel_yaml import (  # type: ignore[import-not-found]
    AliasEvent,
    CParser,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
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


# What a named tuple comes to in the end; a file has hundreds of scalars.
_made: Final[Callable[..., Any]] = tuple.__new__
# So short a text has neither too many nodes nor too long a scalar: of no character come four nodes.
_SHORT: Final = MAX_NODES // 4


class _Loader:
    """Takes one event after the other, and goes into what an event opens until that is closed."""

    def __init__(self, source: Source) -> None:
        self.documents: list[Document] = []
        self._source = source
        self._next: Callable[[], Any] = lambda: None
        self._depth = 0
        self._broken = False
        self._nodes = 0
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
        self._next = CParser(shielded).get_event
        try:
            self._stream()
        except YAMLError as error:
            self._fault(error)
        else:
            self._check_tabs(len(text))

    def _stream(self) -> None:
        seen = 0
        while (event := self._next()) is not None:
            if type(event) is DocumentStartEvent:
                seen += 1
                self._document(event, seen)

    def _document(self, event: _Event, number: int) -> None:
        if event.version is not None or event.tags:
            refuse_directive(self._source, self._span(event.start_mark))
        if number > MAX_DOCUMENTS:
            self._give_up(refusal.documents, event.start_mark)
        self._broken = False
        root = self._node(self._next())
        self._next()  # its end; where there is none, that is a fault
        is_empty = isinstance(root, Scalar) and root.is_empty
        if not is_empty and not self._broken:
            self.documents.append(Document(self._source.file, root))

    def _node(self, event: _Event) -> Node:
        """Return what begins with an event."""
        kind = type(event)
        if kind is ScalarEvent:
            return self._scalar(event)
        if kind is AliasEvent:
            return self._alias(event)
        return self._opened(event)

    def _opened(self, event: _Event, *, is_key: bool = False) -> Node:
        """Return a list or a mapping, whose end has come then."""
        start = event.start_mark
        self._check_opened(event, is_key=is_key)
        self._depth += 1
        make = self._mapping if type(event) is MappingStartEvent else self._sequence
        made = make(start.line + 1, start.column + 1)
        self._depth -= 1
        return made

    def _sequence(self, line: int, column: int) -> Sequence:
        items = list[Node]()
        while type(event := self._next()) is not SequenceEndEvent:
            items.append(self._node(event))
        return Sequence(tuple(items), line, column)

    def _mapping(self, line: int, column: int) -> Mapping:
        members: _Members = {}
        next_event = self._next
        while type(event := next_event()) is not MappingEndEvent:
            key = self._scalar(event) if type(event) is ScalarEvent else self._no_scalar(event)
            if key is not None and (key.text in members or key.text == "<<"):
                key = self._unusual(key, members)
            event = next_event()
            if key is not None:
                members[key.text] = (key, self._node(event))
            elif type(event) is not AliasEvent:  # as in `<<: *base`, which was refused as a whole
                self._node(event)
        return Mapping(members, line, column)

    def _scalar(self, event: _Event) -> Scalar:
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
        if not value or event.anchor is not None or event.ctag is not None or self._is_unusual:
            return self._checked(event, node)
        return node

    def _checked(self, event: _Event, node: Scalar) -> Scalar:
        """Return a scalar after a look for all that is refused, and that an ordinary one is not."""
        start, value = event.start_mark, node.text
        self._nodes += 1
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

    def _check_opened(self, event: _Event, *, is_key: bool) -> None:
        start = event.start_mark
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._give_up(refusal.nodes, start)
        if event.anchor is not None or event.ctag is not None:
            self._refuse_properties(event)
        if is_key:
            refusal.complex_key(self._source, self._span(start), start.index)
            self._broken = True
        if self._depth == MAX_DEPTH:
            self._give_up(refusal.depth, start)

    def _no_scalar(self, event: _Event) -> Scalar | None:
        """Return the name of an alias that stands for a key; any other key is none."""
        if type(event) is AliasEvent:
            return self._alias(event)
        self._opened(event, is_key=True)
        return None

    def _unusual(self, key: Scalar, members: _Members) -> Scalar | None:
        """Return a key that is there already, or `<<`: only `<<` in quotes is one."""
        if key.text in members:
            first = self._place(members[key.text][0])
            refusal.duplicate_key(self._source, self._place(key), key.text, first)
            return None
        if key.plain:
            refusal.merge_key(self._source, self._place(key))
            return None
        return key

    def _alias(self, event: _Event) -> Scalar:
        start, name = event.start_mark, event.anchor or ""
        node = Scalar(name, False, start.line + 1, start.column + 1, event.end_mark.column + 1)
        refusal.alias(self._source, self._place(node), name)
        self._broken = True
        return node

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
