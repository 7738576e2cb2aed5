"""Lines in which the steps of one worker wait, each for its group, first come first served."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Line:
    """`head` is held by the first of the line, `freed` rings when its turn may have come."""

    head: asyncio.Lock = field(default_factory=asyncio.Lock)
    freed: asyncio.Event = field(default_factory=asyncio.Event)
    length: int = 0


class Lines:
    """A line for each group in which somebody waits."""

    def __init__(self) -> None:
        self._lines: dict[str, Line] = {}

    @asynccontextmanager
    async def stand(self, group: str, ends: float, over: Exception) -> AsyncIterator[Line]:
        """Be the first of a line inside; raise `over` if that takes until the loop's `ends`."""
        line = self._lines.setdefault(group, Line())
        line.length += 1
        try:
            try:
                async with asyncio.timeout_at(ends):
                    await line.head.acquire()
            except TimeoutError:
                raise over from None
            try:
                yield line
            finally:
                line.head.release()
        finally:
            line.length -= 1
            if not line.length:
                self._lines.pop(group)

    def length(self, group: str) -> int:
        """Return how many stand in a line."""
        return self._lines[group].length if group in self._lines else 0

    def free(self, group: str) -> None:
        """Ring for the first of a line, if anybody stands there."""
        if group in self._lines:
            self._lines[group].freed.set()
