"""A document as it is laid out: its nodes with the comments and empty lines around them."""

from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(slots=True)
class Comment:
    """A comment, from its `#` on. `column` counts from 0; `room` are the spaces before it.

    `alone`: nothing else stands on its line. `blank`: an empty line stands before it.
    """

    text: str
    column: int
    room: int
    alone: bool
    blank: bool = False


@dataclass(slots=True)
class Text:
    """A scalar: `raw` as it is written, quotes included; `style` is `|`, `>`, a quote or "".

    `[]` and `{}` are texts as well, for nothing in them can be laid out.
    """

    raw: str
    value: str
    style: str = ""

    @property
    def is_block(self) -> bool:
        return self.style in ("|", ">")

    @property
    def is_long(self) -> bool:
        """True for a text in quotes, or a plain one, that goes on over several lines."""
        return not self.is_block and "\n" in self.raw

    @property
    def is_empty(self) -> bool:
        """True where nothing is written, not even quotes."""
        return not self.raw


@dataclass(slots=True)
class Collection:
    """A mapping (its entries have keys) or a list, with at least one entry.

    `is_flow`: written in `{ }` or `[ ]`, with nothing in it that needs a line of its own.
    """

    is_mapping: bool
    is_flow: bool
    entries: list["Entry"] = field(default_factory=list)

    def find(self, name: str) -> "Entry | None":
        """Return the entry of a key, if there is one."""
        return next((e for e in self.entries if e.key is not None and e.key.value == name), None)


Value: TypeAlias = Text | Collection


@dataclass(slots=True)
class Entry:
    """A key with its value, an item of a list, or a document's root.

    The comments, in the order of the file: `above` it, after its key or dash (`head`), after its
    value on the same line (`tail`), and `below` its value, indented as what is in there.
    `blank`: an empty line stands before it. `column` is where the value begins, from 0; none if
    that is not the line of the key.
    """

    value: Value
    key: Text | None = None
    above: list[Comment] = field(default_factory=list)
    head: list[Comment] = field(default_factory=list)
    tail: Comment | None = None
    below: list[Comment] = field(default_factory=list)
    blank: bool = False
    column: int | None = None

    @property
    def is_bare(self) -> bool:
        """True without any comment around its value."""
        return not (self.above or self.head or self.tail or self.below)


@dataclass(slots=True)
class Layout:
    """A file: the roots of its documents, but for empty ones. `comments` are the texts of them all.

    The `head` of a root is the comment on the line of its `---`; `rest` is what a file with no
    document holds.
    """

    documents: list[Entry] = field(default_factory=list)
    rest: list[Comment] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
