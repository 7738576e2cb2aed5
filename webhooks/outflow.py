"""Answers leave in pieces, as fast as they are read, and few bytes wait for slow readers.

The server of HTTP takes any body at once and keeps it until its client has read it, which may be
never. Here a piece is handed to it once it has room, and what all readers together hold up has a
limit: beyond that a large answer is put off, so that small ones always find room.
"""

from functools import partial

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

PIECE = 32 << 10
_MOST = 64 << 20


class Outflow:
    """Sends the answers of one process. Bodies up to a piece count for nothing."""

    def __init__(self) -> None:
        self._held = 0

    def has_room(self, answer: Response) -> bool:
        """Return whether an answer may begin; one over the limit may where it is alone."""
        size = _size(answer)
        return size <= PIECE or not self._held or self._held + size <= _MOST

    async def send(self, answer: Response, scope: Scope, receive: Receive, send: Send) -> None:
        """Send an answer; while its body is larger than a piece it counts as held."""
        size = _size(answer)
        if size <= PIECE:
            return await answer(scope, receive, send)
        self._held += size
        try:
            return await answer(scope, receive, partial(_in_pieces, send))
        finally:
            self._held -= size


def _size(answer: Response) -> int:
    """Return the bytes that an answer has in memory: one that is streamed has none."""
    return len(getattr(answer, "body", b""))


async def _in_pieces(send: Send, message: Message) -> None:
    body = message.get("body", b"")
    for start in range(0, len(body) - PIECE, PIECE):
        await send({**message, "body": body[start : start + PIECE], "more_body": True})
    await send({**message, "body": body[-((len(body) - 1) % PIECE + 1) :]} if body else message)
