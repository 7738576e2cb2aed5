"""Paths in strings, as `sum('copy.loaded')` and its like take them."""

from collections.abc import Sequence
from functools import lru_cache

from engine.core.expression.fault import UndefinedError
from engine.core.values import Json


@lru_cache(maxsize=1024)
def split_path(text: str) -> tuple[str | int, ...]:
    """Return the segments of `copy.loaded` or `rows.0.id`; an empty text is no segment."""
    return tuple(int(each) if each.isdecimal() else each for each in text.split(".") if each)


def at_path(value: Json, text: str | None) -> Json:
    """Return what a path leads to, the value itself for no path; raise UndefinedError."""
    if text is None:
        return value
    try:
        for segment in split_path(text):
            value = value[segment]  # type: ignore[index]
    except (KeyError, IndexError, TypeError):
        raise UndefinedError("an element of the list lacks the given path") from None
    return value


def written(path: Sequence[str | int]) -> str:
    """Return a path as an author writes it: `steps.build.outputs.images[0]`."""
    text = str(path[0])
    for segment in path[1:]:
        if isinstance(segment, int):
            text += f"[{segment}]"
        else:
            text += f".{segment}" if segment.isidentifier() else f"[{segment!r}]"
    return text
