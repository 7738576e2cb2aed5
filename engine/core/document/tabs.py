"""Where tabs stand that belong to no text and no comment."""

import re
from bisect import bisect_right
from collections.abc import Iterator

_COMMENT = re.compile(r"(?:^|(?<=[ \t\r\n]))#", re.MULTILINE)


def misplaced(text: str, quoted: list[tuple[int, int]], until: int) -> Iterator[int]:
    """Yield the index of each tab before `until` outside of comments and of `quoted` stretches.

    `quoted` are the stretches of quoted and block scalars, in the order of the text.
    """
    starts = [start for start, _ in quoted]
    index = text.find("\t", 0, until)
    while index != -1:
        at = bisect_right(starts, index) - 1
        if at >= 0 and index < quoted[at][1]:
            index = text.find("\t", quoted[at][1], until)
            continue
        begin = max(_line_start(text, index), quoted[at][1] if at >= 0 else 0)
        if _COMMENT.search(text, begin, index):
            index = text.find("\t", _line_end(text, index), until)
            continue
        yield index
        index = text.find("\t", index + 1, until)


def _line_start(text: str, index: int) -> int:
    return max(text.rfind("\n", 0, index), text.rfind("\r", 0, index)) + 1


def _line_end(text: str, index: int) -> int:
    ends = (text.find("\n", index), text.find("\r", index))
    return min((each for each in ends if each != -1), default=len(text))
