"""The file of a backup: a tar whose last member is a manifest with the digest of all others.

It is written under another name and renamed when it is whole, and what is cut off has no manifest.
"""

import hashlib
import io
import os
import re
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO

import orjson

from engine.backup import manifest
from engine.backup.manifest import Manifest, Member
from engine.core.values import Json
from engine.errors import Conflict, Invalid

DATABASE = "database.dump"
TOKEN = "state/token"  # nosec B105 - the name of a member
REPOSITORY = "state/repo.bundle"
ARTIFACTS = "artifacts/"
_KNOWN = re.compile(
    r"database\.dump|state/(token|repo\.bundle)|artifacts/[0-9a-f]{64}|manifest\.json"
)
_LARGEST_MANIFEST = 1 << 30
_CHUNK = 1 << 20


class Writer:
    """Adds members to a backup that is being made. Made by `writing`."""

    def __init__(self, file: Path, tar: tarfile.TarFile) -> None:
        self.file = file
        self._tar = tar
        self._members: list[Member] = []

    def beside(self, name: str) -> Path:
        """Return where to put a file that is to be added: on the disk that must hold it anyway."""
        return self.file.with_name(f"{self.file.name}.{name}")

    def add(self, name: str, source: IO[bytes], retained_until: float | None = None) -> Member:
        """Add a regular file, open at its beginning."""
        size = os.fstat(source.fileno()).st_size
        return self._add(name, source, size, retained_until)

    def add_bytes(self, name: str, content: bytes) -> Member:
        """Add what is in memory."""
        return self._add(name, io.BytesIO(content), len(content), None)

    @property
    def members(self) -> tuple[Member, ...]:
        return tuple(self._members)

    def finish(self, told: dict[str, Json]) -> None:
        """Add the manifest, after which nothing else comes."""
        self.add_bytes(manifest.NAME, orjson.dumps(told, option=orjson.OPT_INDENT_2))

    def _add(self, name: str, source: IO[bytes], size: int, until: float | None) -> Member:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = size, 0o600
        hashing = _Hashing(source)
        self._tar.addfile(entry, hashing)
        member = Member(name, size, hashing.digest.hexdigest(), until)
        self._members.append(member)
        return member


class _Hashing(io.RawIOBase):
    """Reads on, and digests what was read."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        chunk = self._source.read(size)
        self.digest.update(chunk)
        return chunk


@contextmanager
def writing(file: Path) -> Iterator[Writer]:
    """Give a writer of a backup that only its owner may read; it is there whole or not at all.

    Raise Conflict if the file is there already.
    """
    if file.exists():
        raise Conflict(f"{file} is there already; name another file, or move it away")
    part = file.with_name(f"{file.name}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.fchmod(handle, 0o600)
        with open(handle, "wb") as sink:
            with tarfile.open(fileobj=sink, mode="w", format=tarfile.PAX_FORMAT) as tar:
                yield Writer(file, tar)
            sink.flush()
            os.fsync(sink.fileno())
        part.rename(file)
        _sync(file.parent)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


class Reader:
    """A backup whose members were all looked at: each is there, and is what it was."""

    def __init__(self, file: Path) -> None:
        """Read the whole file; raise Invalid, naming what is wrong, if it is not as it was made.

        Raise Misconfigured if a later version of SARK made it.
        """
        self.file = file
        self._found: dict[str, tarfile.TarInfo] = {}
        with self._opened() as tar:
            found = dict(self._listed(tar))
            if manifest.NAME not in self._found:
                raise Invalid(
                    f"{file} ends before its manifest, after {file.stat().st_size} bytes: it was "
                    "cut off; take another copy"
                )
            self.manifest: Manifest = manifest.read(self._text(tar), file)
        self._compare(found)

    @contextmanager
    def open(self, member: Member) -> Iterator[IO[bytes]]:
        """Give a member to read."""
        with self._opened() as tar:
            source = tar.extractfile(self._found[member.name])
            assert source is not None
            yield source

    @contextmanager
    def open_raw(self, member: Member) -> Iterator[BinaryIO]:
        """Give the file itself, where a member begins: for programs that read no further."""
        with self.file.open("rb", buffering=0) as source:
            source.seek(self._found[member.name].offset_data)
            yield source

    @contextmanager
    def _opened(self) -> Iterator[tarfile.TarFile]:
        try:
            with tarfile.open(self.file, "r:") as tar:
                yield tar
        except tarfile.TarError as error:
            raise Invalid(
                f"{self.file} is no backup of SARK, or was damaged: {error}; take another copy"
            ) from None

    def _listed(self, tar: tarfile.TarFile) -> Iterator[tuple[str, str]]:
        """Yield name and digest of each member as it is; raise Invalid for a stranger."""
        for entry in tar:
            if not entry.isreg() or _KNOWN.fullmatch(entry.name) is None:
                raise Invalid(f"{self.file} is no backup of SARK: it has {entry.name[:80]!r}")
            self._found[entry.name] = entry
            source = tar.extractfile(entry)
            assert source is not None
            digest = hashlib.sha256()
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
            yield entry.name, digest.hexdigest()

    def _text(self, tar: tarfile.TarFile) -> bytes:
        entry = self._found[manifest.NAME]
        source = tar.extractfile(entry)
        assert source is not None
        return source.read(min(entry.size, _LARGEST_MANIFEST))

    def _compare(self, found: dict[str, str]) -> None:
        for member in self.manifest.members:
            digest = found.get(member.name)
            if digest is None:
                raise Invalid(f"{self.file} lacks {member.name}; take another copy")
            if digest != member.sha256 or self._found[member.name].size != member.bytes:
                raise Invalid(
                    f"{self.file}: {member.name} was damaged: its SHA-256 is {digest[:12]}…, and "
                    f"was {member.sha256[:12]}…; take another copy"
                )
        if DATABASE not in found:
            raise Invalid(f"{self.file} lacks {DATABASE}; take another copy")


def _sync(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
