"""What may stand at a key: shapes that read a node into plain data and tell what is wrong.

Here are those of scalars and of free areas; `engine.core.reader.branch` has the others.
"""

import re
from functools import cache
from typing import Final, Protocol

from engine.core.document import Node, Path, Scalar, Sequence
from engine.core.frozen import frozen
from engine.core.reader.scalar import is_ambiguous, resolve
from engine.core.reader.walk import Walk
from engine.core.reader.words import coded, listed, meant
from engine.core.values import Json
from engine.core.wording import Instead, in_quotes


class Shape(Protocol):
    """`expected` ends the sentence "this key takes ..."."""

    @property
    def expected(self) -> str: ...

    def fits(self, node: Node) -> bool:
        """True if the node is of the kind that this shape reads, be it right inside or not."""
        ...

    def read(self, walk: Walk, node: Node, path: Path) -> object:
        """Return the value of the node at `path`; what is wrong goes to the walk."""
        ...


# Spans of time as people say them, by the units that keys take.
_UNITS: Final = {
    word: unit
    for unit, words in {
        "ms": "ms msec milliseconds millisecond",
        "s": "s sec secs second seconds",
        "m": "m min mins minute minutes",
        "h": "h hr hrs hour hours",
        "d": "d day days",
    }.items()
    for word in words.split()
}
_SPAN: Final = re.compile(rf"([0-9]+)\s*({'|'.join(_UNITS)})")


@frozen
class Text:
    """A string, as written. `words` say what `pattern` asks for; `literal` takes no template."""

    pattern: str | None = None
    words: str = "a text"
    literal: bool = True

    @property
    def expected(self) -> str:
        return self.words

    def fits(self, node: Node) -> bool:
        return isinstance(node, Scalar) and not node.is_empty

    def read(self, walk: Walk, node: Node, path: Path) -> Json:
        if not isinstance(node, Scalar) or (node.plain and not node.text):
            is_text = not isinstance(node, Scalar) and self.pattern is None
            hint = "put it in quotes" if is_text else ""
            return walk.wrong_type(node, path, self.words, hint)
        if not self.takes(node.text):
            return walk.bad_value(node, path, self.words, self.proposal(node.text))
        if self.literal and "{{" in node.text:
            return walk.bad_value(node, path, self.words)
        return node.text

    def takes(self, text: str) -> bool:
        """True if a text is what the pattern asks for."""
        return self.pattern is None or _compiled(self.pattern).fullmatch(text) is not None

    def proposal(self, text: str) -> str:
        """Return a hint with a near text that matches a pattern, if there is one."""
        lowered = text.strip().lower()
        span = _SPAN.fullmatch(lowered)
        if span is not None and self.takes(told := span[1] + _UNITS[span[2]]):
            return Instead(f"write `{told}`", told)
        for mark in "_-":
            near = re.sub(r"[\s._-]+", mark, lowered)
            if self.takes(near):
                return f"write `{near}`"
        return ""


@frozen
class Word:
    """One of a few words."""

    choices: tuple[str, ...]

    @property
    def expected(self) -> str:
        return listed(coded(self.choices))

    def fits(self, node: Node) -> bool:
        return isinstance(node, Scalar) and not node.is_empty

    def read(self, walk: Walk, node: Node, path: Path) -> Json:
        if not isinstance(node, Scalar) or node.is_empty:
            return walk.wrong_type(node, path, self.expected)
        if node.text not in self.choices:
            return walk.bad_value(node, path, self.expected, meant(node.text, self.choices))
        return node.text


@frozen
class Flag:
    """`true` or `false`, and nothing else; or just the one that is said by `only`."""

    only: bool | None = None

    @property
    def expected(self) -> str:
        return "`true` or `false`" if self.only is None else f"`{str(self.only).lower()}`"

    def fits(self, node: Node) -> bool:
        return isinstance(node, Scalar) and node.plain and node.text in ("true", "false")

    def read(self, walk: Walk, node: Node, path: Path) -> Json:
        if not isinstance(node, Scalar) or not self.fits(node):
            return walk.wrong_type(node, path, self.expected, self._hint(node))
        value = node.text == "true"
        if self.only is not None and value is not self.only:
            return walk.bad_value(node, path, self.expected)
        return value

    def _hint(self, node: Node) -> str:
        if not isinstance(node, Scalar):
            return ""
        if node.text in ("true", "false"):
            return Instead("take the quotes away", node.text)
        lowered = node.text.lower()
        if lowered in ("true", "yes", "on", "y", "1"):
            return Instead("write `true`", "true")
        is_false = lowered in ("false", "no", "off", "n", "0")
        return Instead("write `false`", "false") if is_false else ""


@frozen
class Number:
    """A number, `least` and `most` included where given."""

    whole: bool
    least: float | None = None
    most: float | None = None

    @property
    def expected(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        if self.least is not None and self.most is not None:
            return f"{kind} from {self.least:,} to {self.most:,}"
        if self.least is not None:
            return f"{kind} of {self.least:,} or more"
        return kind if self.most is None else f"{kind} of {self.most:,} or less"

    def fits(self, node: Node) -> bool:
        return self._value(node) is not None

    def read(self, walk: Walk, node: Node, path: Path) -> Json:
        value = self._value(node)
        if value is None or not isinstance(node, Scalar):
            return walk.wrong_type(node, path, self.expected, self._hint(node))
        _warn_if_ambiguous(walk, node, value)
        too_small = self.least is not None and value < self.least
        if too_small or (self.most is not None and value > self.most):
            return walk.bad_value(node, path, self.expected)
        return value if self.whole else float(value)

    def _hint(self, node: Node) -> str:
        if not isinstance(node, Scalar) or not node.text:
            return ""
        is_quoted = self._value(node._replace(plain=True)) is not None
        return Instead("take the quotes away", node.text) if is_quoted else ""

    def _value(self, node: Node) -> int | float | None:
        if not isinstance(node, Scalar):
            return None
        try:
            value = resolve(node)
        except ValueError:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return None if self.whole and isinstance(value, float) else value


@frozen
class Free:
    """Any JSON; plain scalars get the type that YAML 1.2 gives them."""

    expected: str = "a value"

    def fits(self, node: Node) -> bool:
        return True

    def read(self, walk: Walk, node: Node, path: Path) -> Json:
        if isinstance(node, Scalar):
            return self._scalar(walk, node)
        if isinstance(node, Sequence):
            return [self.read(walk, item, path) for item in node.items]
        return {name: self.read(walk, value, path) for name, (_, value) in node.members.items()}

    def _scalar(self, walk: Walk, node: Scalar) -> Json:
        if not node.plain:
            return node.text
        try:
            value = resolve(node)
        except ValueError as fault:
            return walk.error("bad-value", str(fault), node, hint="quote it if it is a text")
        _warn_if_ambiguous(walk, node, value)
        return value


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Return a pattern, made when a text is held against it: most never are."""
    return re.compile(pattern)


def _warn_if_ambiguous(walk: Walk, node: Scalar, value: Json) -> None:
    if is_ambiguous(node):
        hint = f"quote it if it is a text: '{node.text}'"
        if isinstance(value, str):
            hint = Instead(hint, in_quotes(node.text))
        kind = "a text" if isinstance(value, str) else f"the number {value}"
        message = f"`{node.text}` is {kind} here; YAML 1.1 reads something else"
        walk.warn("ambiguous-scalar", message, node, hint)
