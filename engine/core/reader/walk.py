"""One reading of a document: collects the findings while shapes walk its nodes.

What notes an error returns null, which stands for the value that is not there.
"""

from engine.core.diagnostic import Diagnostic, Gathered, Related, Severity
from engine.core.document import Document, Node, Path, Scalar
from engine.core.mending import added, fix
from engine.core.reader.passing import Passed
from engine.core.reader.words import found, place
from engine.core.values import Json
from engine.core.wording import Meant


class Walk:
    """What the shapes tell of one document; `whole` is what the document is called."""

    def __init__(self, document: Document, whole: str = "the workflow") -> None:
        self.document = document
        self.whole = whole
        self.found = Gathered()
        self.passed: dict[Diagnostic, Passed] = {}

    def place(self, path: Path) -> str:
        """Return where a path leads, in words."""
        return place(path) or self.whole

    def error(
        self,
        code: str,
        message: str,
        node: Node,
        *,
        hint: str = "",
        first: tuple[Node, str] | None = None,
    ) -> Json:
        """Note what forbids activation; `first` is a second place and its words."""
        place_of = self.document.place
        related = () if first is None else (Related(place_of(first[0]), first[1]),)
        span = place_of(node)
        mended = fix(hint, node, span.file)
        return self._note(Diagnostic(code, message, span, hint=hint, related=related, fix=mended))

    def unknown(
        self, message: str, key: Scalar, path: Path, hint: str, *, may_pass: bool
    ) -> None:  # fmt: skip
        """Note a key of the mapping at `path` that is not known.

        If it `may_pass`, the rest can be read without it, or with the one that it means.
        """
        self.error("unknown-key", message, key, hint=hint)
        if may_pass:
            instead = hint.near if isinstance(hint, Meant) else None
            self.passed[self.found.all[-1]] = Passed(path, key.text, instead)

    def warn(self, code: str, message: str, node: Node, hint: str) -> None:
        """Note what a person should look at."""
        span = self.document.place(node)
        mended = fix(hint, node, span.file)
        self.found.add(Diagnostic(code, message, span, Severity.WARNING, hint, fix=mended))

    def missing(
        self, code: str, message: str, path: Path, hint: str, node: Node | None = None,
        line: str = "",
    ) -> Json:  # fmt: skip
        """Note what is not there, at the key of what should hold it.

        With a `line` it can be nothing else, and is added to the mapping that `node` is.
        """
        span = self.document.span(path, key=True)
        fix = None if node is None else added(node, line, span.file)
        return self._note(Diagnostic(code, message, span, hint=hint, fix=fix))

    def wrong_type(
        self, node: Node, path: Path, expected: str, hint: str = "", *, may_vary: bool = False
    ) -> Json:
        """Note that a value is of another kind than its key takes.

        `may_vary`: a template is welcome where the hint puts it.
        """
        if isinstance(node, Scalar) and node.is_empty:
            message = f"{self.place(path)} has no value; it takes {expected}"
            return self.missing("missing-value", message, path, "write one, or take the key out")
        return self._unfit("wrong-type", node, path, expected, hint, may_vary)

    def bad_value(self, node: Scalar, path: Path, expected: str, hint: str = "") -> Json:
        """Note that a value is of the right kind and yet not one that its key takes."""
        return self._unfit("bad-value", node, path, expected, hint)

    def wrong_size(self, node: Node, path: Path, wanted: str, count: int) -> Json:
        """Note that a list or mapping holds too little or too much."""
        message = f"{self.place(path)} takes {wanted}; this has {count}"
        return self.error("bad-value", message, node)

    def _unfit(
        self, code: str, node: Node, path: Path, expected: str, hint: str, may_vary: bool = False
    ) -> Json:
        if isinstance(node, Scalar) and "{{" in node.text and not may_vary:
            message = f"{self.place(path)} takes no template; it takes {expected}"
            return self.error("template-not-allowed", message, node, hint="write the value out")
        message = f"{self.place(path)} takes {expected}; this is {found(node)}"
        return self.error(code, message, node, hint=hint)

    def _note(self, finding: Diagnostic) -> Json:
        self.found.add(finding)
        return None
