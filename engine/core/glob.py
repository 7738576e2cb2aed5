"""Globs over branches, tags and paths, as GitHub Actions has them.

Source: GitHub, "Workflow syntax", filter pattern cheat sheet. `*` is any text without a slash,
`**` any text, `**/` any folders or none, `?` none or one of the character before it, `+` one or
more of it, `[]` one of these characters; `\\` takes its meaning from the character after it.
The regex engine is the one that judges schemas: its time is linear in the text, whatever a glob
asks for.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from engine.core.schema import validator

_TOKEN = re.compile(r"\*\*/|\*\*|\*|\[[^\]]+\]|\\.|.", re.DOTALL)
_STARS = {"**/": "(?:[\\s\\S]*/)?", "**": "[\\s\\S]*", "*": "[^/]*"}
_QUANTIFIERS = "?+"


def matches(globs: Sequence[str], text: str) -> bool:
    """Return whether the last glob that matches is not one that takes out with `!`."""
    verdict = False
    for each in globs:
        taken_out = each.startswith("!")
        if verdict is taken_out and _glob(each[taken_out:])(text):
            verdict = not taken_out
    return verdict


@lru_cache(maxsize=4096)
def _glob(text: str) -> Callable[[str], bool]:
    """Return what says whether a text matches one glob."""
    parts: list[str] = []
    for token in _TOKEN.findall(text):
        if token in _QUANTIFIERS and parts and parts[-1] not in _STARS.values():
            parts[-1] += token if parts[-1][-1] not in _QUANTIFIERS else ""
        else:
            parts.append(_part(token, is_first=not parts or parts[-1] == "/"))
    judge = validator({"pattern": f"^(?:{''.join(parts)})$"})
    return lambda told: not judge.problems(told)


def _part(token: str, *, is_first: bool) -> str:
    """Return one token as a part of a pattern; `**/` after half a name is no folders at all."""
    if token in _STARS:
        return _STARS[token] if token != "**/" or is_first else _STARS["**"] + "/"  # nosec B105
    if len(token) > 1 and token[0] == "[":
        return "[" + "".join(each if each == "-" else _literal(each) for each in token[1:-1]) + "]"
    return _literal(token[-1])


def _literal(character: str) -> str:
    if character == "/":
        return "/"
    return character if character.isalnum() or character == "_" else f"\\x{{{ord(character):x}}}"
