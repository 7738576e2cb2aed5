"""Paths in strings, as `sum('copy.loaded')` and its like take them."""

from collections.abc import Sequence
from functools import lru_cache

from engine.core.expression.budget import Meter
from engine.core.expression.fault import EvaluationError, UndefinedError
from engine.core.values import Json

MAX_PATH = 1_024


@lru_cache(maxsize=256)
def split_path(text: str) -> tuple[str | int, ...]:
    """Return the segments of `copy.loaded` or `rows.0.id`; an empty text is no segment.

    Raise ValueError if the text is longer than a path may be.
    """
    if len(text) > MAX_PATH:
        raise ValueError(f"a path has at most {MAX_PATH:,} characters")
    return tuple(int(each) if each.isdecimal() else each for each in text.split(".") if each)


def at_path(elements: Sequence[Json], text: str | None, meter: Meter) -> Sequence[Json]:
    """Return what a path leads to in each element, the element itself for no path.

    Raise UndefinedError if one of them lacks it.
    """
    if text is None:
        return elements
    try:
        segments = split_path(text)
    except ValueError as error:
        raise EvaluationError("value", str(error)) from None
    meter.spend(len(elements) * len(segments))
    return [_at(each, segments) for each in elements]


def _at(value: Json, segments: tuple[str | int, ...]) -> Json:
    try:
        for segment in segments:
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
