"""The artifact store: files by their content, in one folder that every worker shares.

A file lies at `<folder>/<first two digits of its SHA-256>/<the other 62>`, and its time of
modification is the instant until which it is retained: content and retention are one inode, and
neither is ever there without the other.
"""

import asyncio
import errno
import fcntl
import hashlib
import io
import logging
import os
import random
import re
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, BinaryIO

from engine.core.frozen import frozen
from engine.core.values import Json
from engine.errors import Invalid, NotFound, Unavailable

_LOG = logging.getLogger("sark.artifacts")
LARGEST = 10 << 30
LONGEST = timedelta(days=3_660)  # as every span of a spec
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SHARD = re.compile(r"[0-9a-f]{2}")
_REST = re.compile(r"[0-9a-f]{62}")
_INCOMING = "incoming"
_CHUNK = 1 << 20
# After so many seconds an unfinished file is no longer being written by anybody.
_FORSAKEN = 86_400


@frozen
class Artifacts:
    """The store in `folder`, which is made when first needed. `largest` bounds a file, in bytes.

    It blocks: whoever runs an event loop calls it from a thread.
    """

    folder: Path
    largest: int = LARGEST

    def keep(self, path: Path, name: str, media_type: str, retain: timedelta) -> Mapping[str, Json]:
        """Keep a copy of a file for at least `retain`, and return the reference to it.

        The copy is durable and whole before this returns; the same content is kept once, for the
        longest time that was asked for. Raise Invalid for what is no regular file or is over
        `largest`, Unavailable where the store cannot be written.
        """
        if not timedelta(0) < retain <= LONGEST:
            raise Invalid(f"artifact {name!r} is retained for up to {LONGEST.days} days: {retain}")
        with _opened(path, name) as source:
            self._must_fit(name, os.fstat(source.fileno()).st_size)
            return self._kept(source, name, media_type, retain)

    def keep_bytes(
        self, data: bytes, name: str, media_type: str, retain: timedelta
    ) -> Mapping[str, Json]:
        """Keep what is in memory; as `keep` does."""
        return self._kept(io.BytesIO(data), name, media_type, retain)

    def content(self, reference: Json) -> bytes:
        """Return the content of a reference, which is what it was; raise as `opened` does."""
        with _reading(self.path(reference)), self.opened(reference) as file:
            return file.read()

    def opened(self, reference: Json) -> BinaryIO:
        """Return the file of a reference, open at its start; its content is what it was.

        Raise as `path` does, and NotFound where it was damaged, Unavailable where the store cannot
        be read.
        """
        path = self.path(reference)
        digest, name, _ = _read(reference)
        with _reading(path), ExitStack() as stack:
            file = stack.enter_context(path.open("rb"))
            if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                raise NotFound(
                    f"artifact {name!r} ({digest[:12]}) is not what it was: {path} was damaged"
                )
            file.seek(0)
            stack.pop_all()
        return file

    def path(self, reference: Json) -> Path:
        """Return where the file of a reference lies, to be read and not to be changed.

        Raise Invalid for what is no reference, NotFound for a file that is not there any more.
        """
        digest, name, size = _read(reference)
        path = self._place(digest)
        try:
            found = path.stat().st_size
        except OSError:
            raise NotFound(
                f"artifact {name!r} ({digest[:12]}) is not in {self.folder}: its retention is "
                "over, or the worker that kept it has another artifacts.dir"
            ) from None
        if found != size:
            words = f"artifact {name!r} ({digest[:12]}) has {found} bytes, and was kept with {size}"
            raise NotFound(f"{words}: {path} was damaged")
        return path

    def prolong(self, reference: Json, retain: timedelta) -> None:
        """Retain the file of a reference for at least `retain` from now on.

        Raise as `path` does, and Unavailable where the store cannot be written.
        """
        path = self.path(reference)
        try:
            with _locked(path.parent):
                ends = (datetime.now(UTC) + retain).timestamp()
                if path.stat().st_mtime < ends:
                    os.utime(path, (ends, ends))
        except FileNotFoundError:
            raise NotFound(f"{path} is not there any more: its retention is over") from None
        except OSError as error:
            raise Unavailable(f"{path} cannot be retained: {error.strerror}") from error

    def forget(self, before: datetime) -> int:
        """Remove every file whose retention ended before an instant; return how many."""
        _sweep(self.folder / _INCOMING)
        count = 0
        for shard in _shards(self.folder):
            with _locked(shard):
                for path in list(shard.iterdir()):
                    over = path.stat().st_mtime < before.timestamp()
                    if over and _REST.fullmatch(path.name):
                        path.unlink()
                        count += 1
        return count

    def all_of(self) -> Iterator[tuple[str, Path, datetime]]:
        """Yield each file that is there: its SHA-256, where it lies, and until when it is kept."""
        for shard in sorted(_shards(self.folder)):
            for path in sorted(shard.iterdir()):
                if _REST.fullmatch(path.name):
                    with suppress(FileNotFoundError):
                        until = datetime.fromtimestamp(path.stat().st_mtime, UTC)
                        yield shard.name + path.name, path, until

    def put_back(self, source: IO[bytes], digest: str, until: datetime) -> None:
        """Keep what a backup has, until the instant that it was kept for.

        Raise Invalid if it has another digest, Unavailable where the store cannot be written.
        """
        try:
            found, _ = self._copied(source, digest[:12], until)
        except OSError as error:
            words = f"artifact {digest[:12]} cannot be kept in {self.folder}: {error.strerror}"
            raise Unavailable(words) from error
        if found != digest:
            raise Invalid(f"artifact {digest[:12]} is another file: its SHA-256 is {found}")

    def _place(self, digest: str) -> Path:
        return self.folder / digest[:2] / digest[2:]

    def _kept(
        self, source: IO[bytes], name: str, media_type: str, retain: timedelta
    ) -> Mapping[str, Json]:
        try:
            digest, size = self._copied(source, name, datetime.now(UTC) + retain)
        except OSError as error:
            words = f"artifact {name!r} cannot be kept in {self.folder}: {error.strerror}"
            raise Unavailable(words) from error
        return {"artifact": digest, "name": name, "media_type": media_type, "bytes": size}

    def _must_fit(self, name: str, size: int) -> None:
        if size > self.largest:
            raise Invalid(f"artifact {name!r} is over {self.largest} bytes, the most that is kept")

    def _copied(self, source: IO[bytes], name: str, until: datetime) -> tuple[str, int]:
        """Copy a file into its place; return its digest and size."""
        incoming = _made(self.folder / _INCOMING)
        number, temporary = tempfile.mkstemp(dir=incoming)
        try:
            with open(number, "wb", buffering=0) as copy:
                digest, size = hashlib.sha256(), 0
                while chunk := source.read(_CHUNK):
                    size += len(chunk)
                    self._must_fit(name, size)
                    digest.update(chunk)
                    _write(copy, chunk)
                os.fchmod(number, stat.S_IRUSR)
                os.fsync(number)
                self._put(number, temporary, digest.hexdigest(), until)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
        return digest.hexdigest(), size

    def _put(self, number: int, temporary: str, digest: str, until: datetime) -> None:
        """Move a whole file into its place, where it takes over the longer retention."""
        place = self._place(digest)
        with _locked(_made(place.parent)):
            ends = until.timestamp()
            with suppress(FileNotFoundError):
                ends = max(ends, place.stat().st_mtime)
            os.utime(number, (ends, ends))
            os.fsync(number)
            os.replace(temporary, place)
            _sync(place.parent)


async def tidy(artifacts: Artifacts, every: timedelta = timedelta(hours=1)) -> None:
    """Forget what nobody retains any more, about once in `every`, until cancelled.

    Any number of workers may do so at once; a store that cannot be read is tried again.
    """
    while True:
        pause = every * (0.5 + random.random())  # nosec B311 - a pause, no secret
        await asyncio.sleep(pause.total_seconds())
        try:
            count = await asyncio.to_thread(artifacts.forget, datetime.now(UTC))
        except OSError as error:
            _LOG.warning("artifacts in %s cannot be removed: %s", artifacts.folder, error)
            continue
        if count:
            _LOG.info("%d artifacts were removed, for their retention is over", count)


def _read(reference: Json) -> tuple[str, str, int]:
    """Return digest, name and size of a reference; raise Invalid for anything else."""
    match reference:
        case {"artifact": str(digest), "name": str(name), "bytes": int(size)}:
            if _DIGEST.fullmatch(digest) is None:
                raise Invalid(f"artifact {name!r}: {digest[:80]!r} is no SHA-256 of 64 hex digits")
            return digest, name, size
    raise Invalid(
        "expected an artifact, such as {{ steps.fetch.artifacts.raw }}, found "
        + ("another mapping" if isinstance(reference, Mapping) else _kind(reference))
    )


def _kind(value: Json) -> str:
    match value:
        case None:
            return "null"
        case str():
            return "a text"
        case bool() | int() | float():
            return f"{value!r}"
    return "a list"


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Raise NotFound for a file of the store that is gone, Unavailable for one that fails."""
    try:
        yield
    except FileNotFoundError:
        raise NotFound(f"{path} is not there any more: its retention is over") from None
    except OSError as error:
        raise Unavailable(f"{path} cannot be read: {error.strerror}") from error


def _opened(path: Path, name: str) -> BinaryIO:
    """Return a regular file to read; raise Invalid for anything else."""
    try:
        return open(path, "rb", buffering=0, opener=_open_regular)
    except OSError as error:
        words = "it is a link" if error.errno == errno.ELOOP else error.strerror
        raise Invalid(f"artifact {name!r}: {path.name}: {words}") from error


def _open_regular(path: str, flags: int) -> int:
    """Open a regular file; follow no link, and wait for no pipe."""
    number = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise OSError(errno.EINVAL, "it is no regular file")
    return number


def _write(copy: BinaryIO, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[copy.write(rest) :]


def _made(folder: Path) -> Path:
    """Return a folder that is there, durably, for our own user alone."""
    if not folder.is_dir():
        _made(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        _sync(folder.parent)
    return folder


@contextmanager
def _locked(shard: Path) -> Iterator[None]:
    """Keep everybody else from changing a shard; nobody does for longer than a few syncs."""
    with (shard / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sync(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _shards(folder: Path) -> list[Path]:
    there = folder.iterdir() if folder.is_dir() else ()
    return [each for each in there if _SHARD.fullmatch(each.name)]


def _sweep(incoming: Path) -> None:
    """Remove what was being written when its process died."""
    for path in incoming.iterdir() if incoming.is_dir() else ():
        with suppress(FileNotFoundError):
            if path.stat().st_ctime < time.time() - _FORSAKEN:
                path.unlink()
