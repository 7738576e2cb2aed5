"""From text to its layout: C events for the nodes, and between them the comments and lines.

What stands between two nodes is indicators, spaces, line ends and comments: there every `#`
begins a comment.
"""

import re
from typing import Final, Protocol

from _ruamel_yaml import (  # type: ignore[import-not-found]
    CParser,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

from engine.core.document import shield
from engine.core.format.tree import Collection, Comment, Entry, Layout, Text

_COMMENT: Final = re.compile(r"#[^\n]*")
_TRIVIA: Final = re.compile(r"(?:[ \n\t]++|#[^\n]*+)*+")
_FLOW_TRIVIA: Final = re.compile(r"(?:[ \n\t,]++|#[^\n]*+)*+")
_TAIL: Final = re.compile(r"[ \t]*(?=#)")
_FLOW_TAIL: Final = re.compile(r"(?:[ \t\n]*,)?[ \t]*(?=#)")
_ROOT: Final = -1  # what is in the root stands deeper than this column


class _Mark(Protocol):
    index: int


class _Event(Protocol):
    """What the C parser hands out; an attribute is there only on the events that have it."""

    start_mark: _Mark
    end_mark: _Mark
    value: str
    style: str
    explicit: bool
    flow_style: bool


def read(text: str) -> Layout:
    """Return the layout of a text that the loader has no fault to find with; lines end with LF."""
    reader = _Reader(text)
    reader.run()
    return reader.layout


class _Reader:
    """Takes one event after the other; all before `at` has been read.

    `waiting` are comments whose place is above what comes next; `blank`: an empty line stood
    before what was last come to.
    """

    def __init__(self, text: str) -> None:
        self.layout = Layout()
        self._text = text
        shielded = shield.raised(text)
        self._is_shielded = shielded is not text
        self._parser = CParser(shielded)
        self._at = 0
        self._waiting: list[Comment] = []
        self._blank = False

    def run(self) -> None:
        """Read all documents."""
        while type(event := self._next()) is not StreamEndEvent:
            if type(event) is DocumentStartEvent:
                self._document(event)
        self._between(len(self._text))
        if self.layout.documents:
            self.layout.documents[-1].below += self._waiting
        else:
            self.layout.rest = self._waiting

    def _next(self) -> _Event:
        event: _Event = self._parser.get_event()
        return event

    def _document(self, start: _Event) -> None:
        marker = None
        if start.explicit:
            self._between(start.start_mark.index)
            self._at = start.end_mark.index
            marker = self._tail(_TAIL)
        event, root = self._next(), Entry(Text("", ""))
        is_empty = type(event) is ScalarEvent and not event.style and not event.value
        if marker is not None and (is_empty or self._waiting or not self.layout.documents):
            self._waiting.append(marker)
        elif marker is not None:
            root.head.append(marker)
        if is_empty:
            return
        if type(event) is ScalarEvent or event.flow_style:
            root.above = self._claim(event.start_mark.index)
            root.blank = self._blank
        self._value(root, event, _ROOT, _TAIL)
        self.layout.documents.append(root)

    def _between(self, until: int) -> None:
        """Give the comments after a document to it, or let them wait where there is none."""
        comments = self._gap(until)
        if self.layout.documents and not self._waiting:
            self.layout.documents[-1].below += comments
        else:
            self._waiting += comments

    def _value(self, entry: Entry, event: _Event, column: int, tail: re.Pattern[str]) -> None:
        """Read the value of an entry that stands at `column`, and the comments around it."""
        start = event.start_mark.index
        is_beside = column != _ROOT and "\n" not in self._text[self._at : start]
        if type(event) is not ScalarEvent:
            self._collection(entry, event, column)
            if event.flow_style:
                self._follow(entry, tail)
            else:
                self._below(entry, column)
        elif event.style or event.value:
            entry.head += self._gap(start)
            self._scalar(entry, event)
            if event.style not in ("|", ">"):
                entry.tail = self._tail(tail)
        else:
            is_beside = False
            self._pass_colon(entry)
            entry.tail = self._tail(tail)
            self._below(entry, column)
        if is_beside:
            entry.column = self._column(start)

    def _follow(self, entry: Entry, tail: re.Pattern[str]) -> None:
        """Read the comment after a closing bracket; in a block there is no line for it."""
        comment = self._tail(tail)
        if comment is None:
            return
        if entry.below or (isinstance(entry.value, Collection) and not entry.value.is_flow):
            entry.below.append(comment)
        else:
            entry.tail = comment

    def _pass_colon(self, entry: Entry) -> None:
        """Come to the end of a value that is not there; the scanner may place it further on."""
        colon = self._skip(_TRIVIA)
        if entry.key is not None and self._text.startswith(":", colon):
            entry.head += self._gap(colon)
            self._at = colon + 1

    def _scalar(self, entry: Entry, event: _Event) -> None:
        text = entry.value = self._written(event)
        self._at = event.end_mark.index
        if not text.is_block:
            return
        header = text.raw.partition("\n")[0]
        if "#" in header:
            self._at = event.start_mark.index
            entry.tail = self._gap(self._at + len(header))[0]
            header = header.partition("#")[0]
        # Empty lines at its end belong to the text only where it keeps them.
        length = len(text.raw if "+" in header else text.raw.rstrip())
        self._at = event.start_mark.index + length

    def _written(self, event: _Event) -> Text:
        value = shield.lowered(event.value) if self._is_shielded else event.value
        return Text(
            self._text[event.start_mark.index : event.end_mark.index], value, event.style or ""
        )

    def _collection(self, entry: Entry, start: _Event, column: int) -> None:
        comments = self._gap(start.start_mark.index)
        is_open = start.flow_style and not any(each.alone for each in comments)
        if is_open:
            entry.head += comments
        else:
            if comments and not comments[0].alone and not entry.head:
                entry.head.append(comments.pop(0))
            self._waiting += comments
        if self._text[start.start_mark.index] in ("[", "{"):  # not so for a pair in a list
            self._at, self._blank = start.end_mark.index, False
            comment = self._tail(_TAIL)
            if comment is not None:
                (self._waiting if entry.head or column == _ROOT else entry.head).append(comment)
        made = Collection(type(start) is MappingStartEvent, is_open)
        while type(event := self._next()) not in (MappingEndEvent, SequenceEndEvent):
            made.entries.append(self._entry(event, start))
        entry.value = made
        if start.flow_style:
            self._close(entry, made, event)

    def _close(self, entry: Entry, made: Collection, end: _Event) -> None:
        """Come to the end of a collection in brackets."""
        comments = [*self._waiting, *self._gap(end.start_mark.index)]
        self._waiting = []
        self._at = max(self._at, end.end_mark.index)
        if not made.entries:
            entry.head += comments
            raw = "{}" if made.is_mapping else "[]"
            entry.value = Text(raw, raw)
            return
        entry.below += comments
        made.is_flow = made.is_flow and not comments and all(map(_is_short, made.entries))

    def _entry(self, event: _Event, around: _Event) -> Entry:
        """Read an entry of a collection; `event` is its key, or the item of a list."""
        start = self._skip(_FLOW_TRIVIA if around.flow_style else _TRIVIA)
        entry = Entry(Text("", ""), above=self._claim(start), blank=self._blank)
        if type(around) is MappingStartEvent:
            entry.above += self._gap(event.start_mark.index)  # after the `?` of a long key
            entry.key = self._written(event)
            self._at = event.end_mark.index
            event = self._next()
        elif not around.flow_style:
            self._at = start + 1
        column = self._column(start)
        self._value(entry, event, column, _FLOW_TAIL if around.flow_style else _TAIL)
        return entry

    def _below(self, entry: Entry, column: int) -> None:
        """Take the comments deeper than `column`, up to the first that is not.

        What is no deeper than that which comes next belongs there.
        """
        stop = self._skip(_TRIVIA)
        if column != _ROOT and stop < len(self._text):
            column = max(column, self._column(stop))
        until = self._at
        for match in _COMMENT.finditer(self._text, self._at, stop):
            if self._column(match.start()) <= column:
                break
            until = match.end()
        entry.below += self._gap(until)

    def _claim(self, until: int) -> list[Comment]:
        """Return the comments whose place is above what begins at `until`."""
        waiting, self._waiting = self._waiting, []
        return waiting + self._gap(until)

    def _gap(self, until: int) -> list[Comment]:
        """Come to `until`, unless that is behind, and return the comments on the way."""
        found: list[Comment] = []
        if self._text.find("#", self._at, until) >= 0:
            found += map(self._comment, _COMMENT.finditer(self._text, self._at, until))
        if until > self._at:
            self._blank = self._text.count("\n", self._at, until) > 1
            self._at = until
        return found

    def _tail(self, pattern: re.Pattern[str]) -> Comment | None:
        """Return the comment on the line of what has just been read, if there is one."""
        match = pattern.match(self._text, self._at)
        if match is None:
            return None
        return self._gap(self._end_of_line(match.end()))[0]

    def _comment(self, match: re.Match[str]) -> Comment:
        start = match.start()
        blank = self._text.count("\n", self._at, start) > 1
        self._at = match.end()
        before = self._text[start - self._column(start) : start]
        room = len(before) - len(before.rstrip(" "))
        text = match[0].rstrip()
        self.layout.comments.append(text)
        return Comment(text, len(before), room, room == len(before), blank)

    def _skip(self, trivia: re.Pattern[str]) -> int:
        """Return where the next thing begins that is no space and no comment."""
        match = trivia.match(self._text, self._at)
        return self._at if match is None else match.end()

    def _column(self, index: int) -> int:
        return index - self._text.rfind("\n", 0, index) - 1

    def _end_of_line(self, index: int) -> int:
        end = self._text.find("\n", index)
        return len(self._text) if end < 0 else end


def _is_short(entry: Entry) -> bool:
    """True for what can stand in `{ }` or `[ ]` on one line."""
    value, key = entry.value, entry.key
    if not entry.is_bare or (key is not None and key.is_empty):
        return False
    return value.is_flow if isinstance(value, Collection) else not value.is_empty | value.is_long
