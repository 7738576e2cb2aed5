"""Columns: values and comments that an author has lined up stay lined up."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.core.format.tree import Comment
from engine.core.frozen import frozen

WIDTH = 100  # columns of a line, without its comment


@dataclass(slots=True)
class Line:
    """A line without what stands after its `comment`."""

    content: str
    comment: Comment | None = None


@frozen
class Pair:
    """A key and its value on one line: where the value began, and how long both are now."""

    column: int
    key: int
    value: int
    begins: bool


def rooms(pairs: Sequence[Pair | None]) -> list[int]:
    """Return the spaces between each key and its value.

    Values that follow each other and began in one column do so again. None is what takes more
    than a line; it and whatever `begins` a paragraph ends a row of such values.
    """
    made: list[int] = []
    while len(made) < len(pairs):
        row = _row(pairs, len(made))
        column = max((each.key for each in row), default=0) + 1
        is_wide = any(column + each.value > WIDTH for each in row)
        made += [1 if is_wide else column - each.key for each in row] or [1]
    return made


def beside(lines: Sequence[Line]) -> Iterator[str]:
    """Yield the lines with their comments, of which those in one column move as one.

    They keep the smallest distance that one of them had to what it follows.
    """
    group: list[Comment] = []
    widest = 0
    columns: dict[int, int] = {}
    for line in lines:
        comment = line.comment
        if comment is None:
            continue
        if group and group[0].column != comment.column:
            columns |= _placed(group, widest)
            group, widest = [], 0
        group.append(comment)
        widest = max(widest, len(line.content))
    columns |= _placed(group, widest)
    for line in lines:
        if line.comment is None:
            yield line.content
        else:
            yield line.content.ljust(columns[id(line.comment)]) + line.comment.text


def _row(pairs: Sequence[Pair | None], start: int) -> list[Pair]:
    row: list[Pair] = []
    for pair in pairs[start:]:
        if pair is None or (row and (pair.begins or pair.column != row[0].column)):
            break
        row.append(pair)
    return row


def _placed(group: Sequence[Comment], widest: int) -> dict[int, int]:
    if not group:
        return {}
    room = max(1, min(each.room for each in group))
    return {id(each): widest + room for each in group}
