"""`http.download@1`: an answer into a file, a piece at a time, and never a part of one."""

import asyncio
import hashlib
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from aiohttp import ClientResponse

from adapters.contract import Call, Json, Outcome, Succeeded
from adapters.http import failures, response
from adapters.http.request import InvalidError, Request, build, number
from adapters.manifest.http import DEFAULT_FILE_BYTES, LARGEST_FILE_BYTES

_BORROWED = ("url", "query", "headers", "auth")
# The one status that comes with the whole file: 206 is a part, 203 is somebody else's version.
_WHOLE = frozenset({200})
_PIECE = 1 << 20


class StorageError(Exception):
    """The file cannot be written on this machine."""


@dataclass(slots=True)
class _File:
    """A file that is being written, and what is known of it so far."""

    path: Path
    file: BinaryIO
    digest: "hashlib._Hash"
    size: int = 0

    async def add(self, data: bytes) -> None:
        """Write the next piece in a thread, for a disk may be slow."""
        try:
            await asyncio.to_thread(self._add, data)
        except OSError as error:
            raise StorageError(error.strerror) from error

    def close(self) -> None:
        self.file.close()

    def _add(self, data: bytes) -> None:
        self.file.write(data)
        self.file.flush()
        self.digest.update(data)
        self.size += len(data)


def read(call: Call, agent: str) -> Request:
    """Return the GET of a call's arguments; raise InvalidError if they make none."""
    given = {name: call.arguments[name] for name in _BORROWED if name in call.arguments}
    request = build(replace(call, arguments=given), agent)
    most = number("max_bytes", call.arguments, DEFAULT_FILE_BYTES, 1, LARGEST_FILE_BYTES)
    if not isinstance(call.arguments.get("expect", {}), Mapping):
        raise InvalidError("expect must be a mapping")
    return replace(request, ok=_WHOLE, max_bytes=most, call=call)


async def take(request: Request, answer: ClientResponse) -> Outcome:
    """Write the answer into a file of the call's folder; return what it is, and the file.

    Raise TooLargeError if there is more of it than `max_bytes`, StorageError for a full disk.
    """
    expected = request.call.arguments.get("expect", {})
    assert isinstance(expected, Mapping)
    media_type = response.clean(answer.content_type)
    wrong = _unlike("media_type", expected, media_type)
    if wrong is not None:
        return failures.unexpected(request, wrong)
    if _told_length(answer) > request.max_bytes:
        raise response.TooLargeError
    with closing(_made(request.call)) as file:
        await _write(request, answer, file)
    digest = file.digest.hexdigest()
    wrong = _unlike("sha256", expected, digest)
    if wrong is not None:
        return failures.unexpected(request, wrong)
    outputs: dict[str, Json] = {
        "status": answer.status,
        "headers": response.headers(answer.headers),
        "bytes": file.size,
        "sha256": digest,
        "media_type": media_type,
    }
    return Succeeded(outputs, {"file": file.path})


async def _write(request: Request, answer: ClientResponse, file: _File) -> None:
    """Write it all, a mebibyte at a time, which is also all that is held in memory."""
    piece = bytearray()
    async for chunk in answer.content.iter_any():
        request.call.beat()
        piece += chunk
        if file.size + len(piece) > request.max_bytes:
            raise response.TooLargeError
        if len(piece) >= _PIECE:
            await file.add(bytes(piece))
            piece.clear()
    await file.add(bytes(piece))


def _made(call: Call) -> _File:
    try:
        path = call.folder() / "file"
        return _File(path, path.open("xb"), hashlib.sha256())
    except OSError as error:
        raise StorageError(error.strerror) from error


def _told_length(answer: ClientResponse) -> int:
    """Return the length that the far side tells of the file, or nothing where it is compressed."""
    return 0 if "Content-Encoding" in answer.headers else answer.content_length or 0


def _unlike(name: str, expected: Mapping[str, Json], found: str) -> str | None:
    wanted = expected.get(name)
    if wanted is None or str(wanted).lower() == found.lower():
        return None
    return f"expect.{name} is {wanted}, and the answer's is {found}"
