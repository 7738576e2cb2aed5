"""Colons and question marks inside of plain texts, kept from a scanner that stumbles over them.

The C part of ruamel.yaml carries libyaml 0.1.7, which ends a plain text in `[ ]` or `{ }` at any
`:` or `?`: it takes `{url: https://x/y?z}` for an error, and `[?x]` for a mapping. Those that
YAML 1.2 reads as part of the text (ns-plain-char and ns-plain-first,
https://yaml.org/spec/1.2.2/#733-plain-style) are replaced by characters that Unicode keeps for
such use and that no spec may hold, one for one, so that every place stays where it is.
"""

import re
from typing import Final

_COLON, _QUESTION = "\ufdd0", "\ufdd1"
# The mark itself first: the pattern is then quick over all that is none.
_WITHIN: Final = r"[^\s\"'\[\]{},]"
_FOLLOWED: Final = r"(?=[^\s\[\]{},])"
_MARK: Final = re.compile(
    rf":{_FOLLOWED}(?:(?<={_WITHIN}:)|(?<=[\[{{,]:)|(?<=[\[{{,] :))"
    rf"|\?(?:{_FOLLOWED}|(?<={_WITHIN}\?))"
)
_ESCAPE: Final = re.compile(r"\\[uU](?:0000)?[fF][dD][dD][01]")
_SHIELDS: Final = {":": _COLON, "?": _QUESTION}
_RESTORE: Final = {ord(_COLON): ":", ord(_QUESTION): "?"}


def raised(text: str) -> str:
    """Return the text with its marks shielded; itself where an escape makes that ambiguous."""
    if _ESCAPE.search(text):
        return text
    return _MARK.sub(lambda match: _SHIELDS[match[0]], text)


def lowered(value: str) -> str:
    """Return a scalar's text as it was written."""
    return value.translate(_RESTORE) if _COLON in value or _QUESTION in value else value
