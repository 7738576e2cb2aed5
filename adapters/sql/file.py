"""A CSV file: its first line, and then its bytes as they are, for PostgreSQL to read."""

import csv
import errno
import io
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from adapters.sql.failures import FileError

CHUNK = 256 * 1024
LARGEST_HEADER = 256 * 1024
_MARK = b"\xef\xbb\xbf"
# What servers before PostgreSQL 18 take for the end of the data, silently leaving out the rest.
_END = b"\\."


@dataclass(slots=True)
class File:
    """An open file, from its start; `header` are the names in its first line."""

    handle: BinaryIO
    header: Sequence[str]
    _rest: bytes = field(default=b"", init=False)

    def read(self) -> bytes:
        """Return the next bytes, or none at the end; raise FileError. The disk may block it."""
        try:
            chunk = self.handle.read(CHUNK)
        except OSError as error:
            raise FileError(f"the file cannot be read to its end: {error.strerror}") from None
        seen = self._rest + chunk
        lines = seen.split(b"\n") if _END in seen else []
        if any(line.rstrip(b"\r") == _END for line in (lines[:-1] if chunk else lines)):
            raise FileError(
                r"a line is \. alone, which PostgreSQL may take for the end of the data"
            )
        self._rest = seen[seen.rfind(b"\n") + 1 :][:8]
        return chunk

    def close(self) -> None:
        self.handle.close()


def open_file(path: str, delimiter: str) -> File:
    """Open a CSV file and read its header; raise FileError if it is no file, or has none."""
    try:
        handle = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    except OSError as error:
        words = errno.errorcode.get(error.errno or 0, "")
        raise FileError(f"the file cannot be read: {error.strerror} ({words})") from None
    try:
        if not stat.S_ISREG(os.fstat(handle.fileno()).st_mode):
            raise FileError("the file is a folder, a pipe or a device")
        start = handle.read(LARGEST_HEADER)
        header = _header(start, delimiter)
        handle.seek(len(_MARK) if start.startswith(_MARK) else 0)
        return File(handle, header)
    except BaseException:
        handle.close()
        raise


def _header(start: bytes, delimiter: str) -> Sequence[str]:
    """Return the names in the first line, quoted or not."""
    text = start.removeprefix(_MARK).decode("utf-8", "replace")
    try:
        names = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
    except csv.Error as error:
        raise FileError(f"line 1 cannot be read as CSV: {error}") from None
    if not names:
        raise FileError("the file is empty: line 1 must name the columns")
    if not all(names):
        raise FileError(f"line 1 has no name for column {names.index('') + 1}")
    return names
