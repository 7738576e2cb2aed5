"""What the compiler has to say about one document, each finding at its exact place."""

from collections.abc import Iterable
from typing import TypeAlias

from engine.core.diagnostic import Diagnostic, Gathered, Related, Severity, Span, has_errors
from engine.core.document import Document, Scalar
from engine.core.frozen import frozen
from engine.core.mending import fix
from engine.core.wording import listed, meant

__all__ = ["Findings", "Path", "Place", "listed", "meant"]

Path: TypeAlias = tuple[str | int, ...]


@frozen
class Place:
    """A key or value of the document; with `length`, a stretch of the text that stands there."""

    path: Path
    key: bool = False
    text: str = ""
    offset: int = 0
    length: int = 0

    @property
    def stretch(self) -> tuple[int, int]:
        """Return where the stretch begins and ends in the text of the place; (0, 0) for none."""
        return self.offset, self.offset + self.length

    def within(self, offset: int, length: int) -> "Place":
        """Return the place of a stretch of this one's text."""
        return Place(self.path, self.key, self.text, offset, length)


class Findings(Gathered):
    """The findings of one document; too many errors raise Enough."""

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document

    def error(
        self,
        code: str,
        message: str,
        place: Place,
        *,
        hint: str = "",
        expected: str = "",
        related: Iterable[tuple[Place, str]] = (),
    ) -> None:
        """Add a finding that forbids activation."""
        self._note(Severity.ERROR, code, message, place, hint, expected, related)

    def warning(self, code: str, message: str, place: Place, *, hint: str = "") -> None:
        """Add a finding that a person should look at."""
        self._note(Severity.WARNING, code, message, place, hint, "", ())

    @property
    def document(self) -> Document:
        return self._document

    @property
    def file(self) -> str:
        return self._document.file

    @property
    def has_errors(self) -> bool:
        return has_errors(self.all)

    def span(self, place: Place) -> Span:
        """Return where a place stands in the file.

        A stretch is found in a plain scalar and in a quoted one without escapes, on one line, and
        in a literal block. Any other text that spans lines is shown by its key, the rest whole.
        """
        whole = self._document.span(place.path, key=place.key)
        if not place.text or place.key:
            return whole
        node = self._document.node(place.path)
        begin, end = place.offset, place.offset + max(place.length, 1)
        if not isinstance(node, Scalar):
            return whole
        found = node.stretch(begin, end) if node.text == place.text else None
        if found is not None:
            return Span(whole.file, *found)
        return self._document.span(place.path, key=True) if "\n" in node.text else whole

    def _note(
        self,
        severity: Severity,
        code: str,
        message: str,
        place: Place,
        hint: str,
        expected: str,
        related: Iterable[tuple[Place, str]],
    ) -> None:
        also = tuple(Related(self.span(where), what) for where, what in related)
        span = self.span(place)
        mended = fix(hint, self._document.node(place.path, key=place.key), self.file, place.stretch)
        self.add(Diagnostic(code, message, span, severity, hint, expected, also, mended))
