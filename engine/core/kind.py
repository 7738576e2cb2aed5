"""The kinds of JSON values, by the names that JSON Schema gives them."""

from collections.abc import Iterable, Mapping, Sequence

from engine.core.spilled import Spilled

_KINDS: dict[type, str] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    dict: "object",
    list: "array",
    tuple: "array",
    type(None): "null",
}
NUMBERS = frozenset(("integer", "number"))
SCALARS = frozenset(("string", "boolean", "integer", "number"))
ALL = frozenset((*SCALARS, "object", "array", "null"))


def kind(value: object) -> str:
    """Return the narrowest JSON type of a value: 3 is an `integer`, and so is no 3.0.

    Raise ByReference for a value that is passed so, TypeError for what is no JSON value.
    """
    known = _KINDS.get(type(value))
    if known is not None:
        return known
    if isinstance(value, Mapping):
        return "object"
    if isinstance(value, str):
        return "string"
    if isinstance(value, Sequence):
        return "array"
    if type(value) is Spilled:
        return kind(value.opened())
    raise TypeError(f"a {type(value).__name__} is no JSON value")


def named(kinds: str | Iterable[str]) -> str:
    """Return `a string`, `an integer or a number`: one kind or some, as prose."""
    every = {kinds} if isinstance(kinds, str) else set(kinds)
    if every >= NUMBERS:
        every -= {"integer"}
    words = [each if each == "null" else _article(each) for each in sorted(every)]
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} or {words[-1]}"


def _article(word: str) -> str:
    return f"an {word}" if word[0] in "aio" else f"a {word}"
