"""HTTP/1.1 as uvicorn speaks it, with the deadlines and limits that it lacks.

uvicorn starts its only timer once an answer is complete, so that a client which sends half a
header, or the rest of a body that nobody reads, keeps its connection for ever. So does one that
does not read its answer: a transport that is closed first waits until all has been read.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from webhooks.outflow import PIECE

_HEAD_SECONDS = 10.0
_HEAD_BYTES = 32 << 10
_HEADERS = 100
_UNREAD_SECONDS = 20.0
_LEAST_READ = 8 << 10
_URL_BYTES = 8 << 10


class TooLarge(Exception):
    """The request's head is larger than any that we take."""


class GuardedProtocol(HttpToolsProtocol):
    """A connection with a deadline on each part of a request that is not the handler's."""

    _timer: asyncio.TimerHandle | None = None
    _head_size = 0
    _is_in_head = False
    _look: asyncio.TimerHandle | None = None
    _has_read = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        transport.set_write_buffer_limits(PIECE)
        self._arm(_HEAD_SECONDS)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # A head that came whole needs no timer, and that is nearly each.
        if self._is_in_head and self._timer is None:
            self._arm(_HEAD_SECONDS)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        if self._look is not None:
            self._look.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        self._has_read = True
        super().resume_writing()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_size = 0
        self._is_in_head = True
        self._disarm()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > _URL_BYTES:
            raise TooLarge

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._head_size += len(name) + len(value)
        if self._head_size > _HEAD_BYTES or len(self.headers) > _HEADERS:
            raise TooLarge

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._disarm()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.more_body and not self.transport.is_closing():
            self._arm(_HEAD_SECONDS)
        self._watch()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if self.cycle.response_complete:
            self._arm(float(self.timeout_keep_alive))

    def _watch(self) -> None:
        """Look in a while whether the client reads, if anything waits for it."""
        unread = self.transport.get_write_buffer_size()
        if not unread:
            self._has_read = True
        elif self._look is None:
            self._look = self.loop.call_later(_UNREAD_SECONDS, self._has_waited, unread)

    def _has_waited(self, before: int) -> None:
        """Cut a client off that has read next to nothing in all that time."""
        self._look = None
        taken = before - self.transport.get_write_buffer_size()
        if self._has_read or taken >= min(before, _LEAST_READ):
            self._has_read = False
            self._watch()
        else:
            self.transport.abort()

    def _arm(self, seconds: float) -> None:
        self._disarm()
        self._timer = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
