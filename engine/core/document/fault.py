"""What the C scanner complains of, in words that tell an author what to do."""

from typing import Final

from engine.core.frozen import frozen


@frozen
class Fault:
    """A complaint. `at_start` tells it at the beginning of what was being read, not at its end."""

    code: str
    message: str
    hint: str
    at_start: bool = False


_SYNTAX: Final = "yaml-syntax"
_INDENT: Final = "keys of one mapping, and items of one list, begin in the same column"
_TAB: Final = Fault("tab", "a tab stands where YAML wants spaces", "write spaces")
_TAG: Final = Fault("tag", "`!` begins a YAML tag", "quote the text if it begins with `!`", True)
_DIRECTIVE: Final = Fault(
    "directive",
    "a line that begins with `%` is a YAML directive, which specs do not have",
    "take the line out, or quote the text if it begins with `%`",
    True,
)
_ESCAPE: Final = Fault(
    _SYNTAX,
    "this escape is unknown in a text in double quotes",
    "write `\\\\` for a backslash, or use single quotes, which know no escapes",
)
_UNCLOSED: Final = Fault(
    _SYNTAX, "the quote that opens here is never closed", "close it with the same quote", True
)
# By a part of what libyaml says, its context first (src/scanner.c, src/parser.c). First hit wins.
_FAULTS: Final = (
    ("tab character", _TAB),
    ("directive", _DIRECTIVE),
    ("tag", _TAG),
    ("unknown escape", _ESCAPE),
    ("hexdecimal", _ESCAPE),
    (
        "escape code",
        Fault(
            _SYNTAX,
            "this escape stands for no character",
            "write the character itself, or `\\U` with eight digits",
        ),
    ),
    ("quoted scalar", _UNCLOSED),
    (
        "scanning an alias",
        Fault(_SYNTAX, "a plain text cannot begin with `*`", "quote it, as in `'*.md'`", True),
    ),
    (
        "scanning an anchor",
        Fault(_SYNTAX, "a plain text cannot begin with `&`", "put it in quotes", True),
    ),
    (
        "expected comment or line break",
        Fault(_SYNTAX, "after `|` or `>` the line must end", "begin the text on the next line"),
    ),
    (
        "block scalar",
        Fault(_SYNTAX, "what follows `|` or `>` is not understood", "write `|`, `|-`, `>` or `>-`"),
    ),
    (
        "could not find expected ':'",
        Fault(
            _SYNTAX,
            "this should be a key, but no `:` follows it",
            "write `key: value`, with a space after the colon; text goes on in deeper lines",
            True,
        ),
    ),
    (
        "mapping values are not allowed",
        Fault(
            _SYNTAX,
            "a `:` stands where no key can be",
            "quote the text if the colon belongs to it; else look at the indentation",
        ),
    ),
    (
        "found unexpected ':'",
        Fault(_SYNTAX, "after this `:` a space must follow", "or quote the text that ends with it"),
    ),
    (
        "mapping keys are not allowed",
        Fault(_SYNTAX, "a `?` stands where no key can be", "quote the text if it belongs to it"),
    ),
    (
        "block sequence entries are not allowed",
        Fault(
            _SYNTAX,
            "a list with `-` cannot begin in the middle of a line",
            "put the first `-` on a line of its own, below the key",
        ),
    ),
    (
        "expected ',' or ']'",
        Fault(_SYNTAX, "the `[` that opens here is not closed", "close it with `]`", True),
    ),
    (
        "expected ',' or '}'",
        Fault(
            _SYNTAX,
            "the `{` that opens here is not closed",
            "close it with `}`; a template needs quotes",
            True,
        ),
    ),
    ("expected key", Fault(_SYNTAX, "this line is no key of the mapping around it", _INDENT)),
    ("expected '-'", Fault(_SYNTAX, "this line is no item of the list around it", _INDENT)),
    (
        "<document start>",
        Fault(_SYNTAX, "the document had ended before this", _INDENT),
    ),
    ("expected node content", Fault(_SYNTAX, "a value is missing here", "write one, or quotes")),
)


def fault_of(context: str, problem: str, character: str) -> Fault:
    """Return what to say of a complaint; `character` is the one at which the scanner stopped."""
    if "cannot start any token" in problem:
        if character == "\t":
            return _TAB
        told = "a backtick" if character == "`" else f"`{character}`"
        message = f"a plain text cannot begin with {told}"
        return Fault(_SYNTAX, message, "put it in quotes")
    complaint = f"{context} {problem}"
    for part, fault in _FAULTS:
        if part in complaint:
            return fault
    return Fault(_SYNTAX, f"this is not YAML: {problem}", "")
