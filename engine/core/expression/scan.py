"""Where expressions stand in a text: `{{ }}` found without reading what is between."""

import re
from collections.abc import Iterator

from engine.core.expression.fault import Fault, FaultError
from engine.core.frozen import frozen
from engine.core.wording import Extent, Instead

_OPEN = re.compile(r"\{[{%#]")
# A string, a bracket or the end of an expression; everything else is passed over. A quote alone is
# one that is never closed: looking no further keeps a text of nothing but quotes from costing
# the square of its length.
STRING = r"""'[^'\\]*(?:\\.[^'\\]*)*'|"[^"\\]*(?:\\.[^"\\]*)*"|['"]"""
_INSIDE = re.compile(rf"{STRING}|[(\[{{]|\}}\}}|[)\]}}]", re.DOTALL)
_BRACES = re.compile(rf"{STRING}|\{{\{{", re.DOTALL)
_DOLLAR = re.compile(r"\$(?=\{\{)")
_BARE = "write the bare expression"
_STATEMENTS = {
    "{%": ("a statement", "a spec has expressions alone; only `text.render` takes statements"),
    "{#": ("a comment", "write a YAML comment"),
}


@frozen
class Part:
    """A piece of a template: literal text, or an expression without its braces.

    `offset` is where `text` begins in the whole.
    """

    text: str
    offset: int
    is_expression: bool

    @property
    def written(self) -> str:
        """The piece as it stands in the template; all of them joined are the template."""
        return f"{{{{{self.text}}}}}" if self.is_expression else self.text


def has_template(text: str) -> bool:
    """True if a text is more than itself: it holds `{{`, or what is refused like it."""
    return "{" in text and _OPEN.search(text) is not None


def parts(text: str) -> tuple[Part, ...]:
    """Return the parts of a template in order; no literal part is empty.

    Raise FaultError for `{%`, `{#`, `{{-`, `-}}`, and for braces or quotes that stay open.
    """
    return tuple(_parts(text))


def _parts(text: str) -> Iterator[Part]:
    at = 0
    while (opening := _OPEN.search(text, at)) is not None:
        start = opening.start()
        if opening.group() in _STATEMENTS:
            raise _statement(opening.group(), start)
        if at < start:
            yield Part(text[at:start], at, False)
        end = _end(text, start)
        inner = text[start + 2 : end]
        _refuse_marks(inner, start, end)
        yield Part(inner, start + 2, True)
        at = end + 2
    if at < len(text):
        yield Part(text[at:], at, False)


def dollars(text: str) -> Iterator[int]:
    """Yield where a `$` stands before the braces of a template; it is a text like any other."""
    return (each.start() for each in _DOLLAR.finditer(text))


def braces(text: str) -> Fault | None:
    """Return the fault of braces in the text of an expression key, None if there are none.

    The fault's hint is the text as it should be written, where the braces, or `${{ }}` as other
    systems have it, embrace all of it.
    """
    for match in _BRACES.finditer(text):
        if match.group() in ("'", '"'):
            return None
        if match.group() == "{{":
            bare = text.strip().removeprefix("$")
            whole = bare.startswith("{{") and bare.endswith("}}") and bare.count("{{") == 1
            inner = bare[2:-2].strip()
            hint = Instead(f"write `{inner}`", inner, Extent.TEXT) if whole else _BARE
            message = "this key holds an expression, which takes no braces"
            return Fault("braces-in-expression", message, match.start(), 2, hint)
    return None


def _end(text: str, start: int) -> int:
    """Return where the `}}` stands that closes the `{{` at `start`."""
    depth = 0
    at = start + 2
    while (match := _INSIDE.search(text, at)) is not None:
        mark = match.group()
        at = match.end()
        if mark in ("'", '"'):
            fault = Fault("expression-syntax", "the string is never closed", match.start(), 1)
            raise FaultError(fault)
        if mark in "([{":
            depth += 1
        elif depth and mark[0] in ")]}":
            depth -= 1
            at = match.start() + 1
        elif mark == "}}":
            return match.start()
    message = "`{{` is never closed by `}}`"
    raise FaultError(
        Fault("template-open", message, start, 2, "write {{ '{{' }} for the two braces")
    )


def _refuse_marks(inner: str, start: int, end: int) -> None:
    for found, offset in ((inner.startswith(("-", "+")), start), (inner.endswith("-"), end - 1)):
        if found:
            message = "`{{-` and `-}}` trim nothing here"
            hint = "leave a space after `{{`, or trim with `| trim`"
            raise FaultError(Fault("template-trim", message, offset, 3, hint))


def _statement(mark: str, offset: int) -> FaultError:
    what, hint = _STATEMENTS[mark]
    hint = f"{hint}; for the characters themselves write {{{{ '{mark}' }}}}"
    return FaultError(Fault("template-statement", f"`{mark}` begins {what}", offset, 2, hint))
