"""A backup made while the engine runs: the database as of one instant, then what it refers to.

An artifact is kept before the journal refers to it. So the files are read after the instant of
the database, and whatever is referred to there is among them.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TypeAlias

from engine import token
from engine.artifacts import Artifacts
from engine.backup import archive, place, tools
from engine.backup.archive import Writer, writing
from engine.backup.manifest import Manifest
from engine.errors import NotFound
from engine.local import example
from engine.settings import Settings
from engine.store import extent
from engine.store.pool import connect, told

Say: TypeAlias = Callable[[str], None]

_OPTIONS = (
    "--format=custom", "--no-owner", "--no-privileges", "--no-unlogged-table-data",
    "--lock-wait-timeout=60s",
)  # fmt: skip


def back_up(
    settings: Settings, target: Path, say: Say, *, with_artifacts: bool = True
) -> tuple[Path, Manifest]:
    """Write a backup to a file, or to a new file in a folder; return the file and its manifest.

    Raise Conflict if the file is there, NotFound where there is nothing to back up, Misconfigured
    where programs of PostgreSQL are missing, Unavailable if one of them fails.
    """
    now = datetime.now(UTC)
    target = target.absolute()
    file = target / f"sark-{now:%Y%m%dT%H%M%SZ}.tar" if target.is_dir() else target
    with writing(file) as writer, place.existing(settings) as url:
        made = asyncio.run(_dump(writer, url, now, say))
        _keys(writer, settings.state, say)
        if not settings.sources:
            _example(writer, settings.state / "repo", say)
        if with_artifacts:
            _artifacts(writer, Artifacts(settings.artifact_folder), now, say)
        manifest = Manifest(**{**made, "members": writer.members})  # type: ignore[arg-type]
        writer.finish(manifest.as_json())
    return file, manifest


async def _dump(writer: Writer, url: str, now: datetime, say: Say) -> dict[str, object]:
    """Add the database as of one instant; return what the manifest tells of it."""
    async with await connect(url, "backup") as connection:
        server = connection.info.server_version // 10_000
        fit = tools.fitting(server)
        with told():
            async with connection.transaction():
                snapshot = await extent.freeze(connection)
                migrations = await extent.migrations(connection)
                if not migrations:
                    raise NotFound(
                        "the database is not SARK's: it has no table of migrations; set "
                        "SARK_DATABASE_URL to the one that `sark migrate` has made"
                    )
                runs = await extent.runs(connection)
                await asyncio.to_thread(_add_dump, writer, fit, url, snapshot)
    say(f"database  {writer.members[-1].bytes >> 10} KiB, PostgreSQL {server}")
    return {
        "sark": version("sark-engine"), "made_at": now, "server": server, "pg_dump": fit.major,
        "migrations": migrations, "runs": runs,
    }  # fmt: skip


def _add_dump(writer: Writer, fit: tools.Tools, url: str, snapshot: str) -> None:
    dump = writer.beside("dump")
    try:
        dump.touch(0o600)
        dump.chmod(0o600)
        fit.run("pg_dump", url, f"--snapshot={snapshot}", f"--file={dump}", *_OPTIONS)
        with dump.open("rb") as source:
            writer.add(archive.DATABASE, source)
    finally:
        dump.unlink(missing_ok=True)


def _keys(writer: Writer, state: Path, say: Say) -> None:
    """Add the first token, which signs sessions and the addresses of callbacks."""
    try:
        content = token.place(state).read_bytes()
    except FileNotFoundError:
        say(f"token     none in {state}")
        return
    writer.add_bytes(archive.TOKEN, content)
    say("token     1, a secret: who reads the backup is an administrator")


def _example(writer: Writer, folder: Path, say: Say) -> None:
    """Add the repository that `sark up` makes where no source is named."""
    if not (folder / ".git").exists():
        return
    bundle = writer.beside("bundle")
    try:
        example.bundle(folder, bundle)
        with bundle.open("rb") as source:
            writer.add(archive.REPOSITORY, source)
    finally:
        bundle.unlink(missing_ok=True)
    say(f"example   {folder}, as far as it is committed")


def _artifacts(writer: Writer, artifacts: Artifacts, now: datetime, say: Say) -> None:
    count = size = 0
    for digest, path in _retained(artifacts, now):
        with suppress(FileNotFoundError), path.open("rb") as source:
            member = writer.add(archive.ARTIFACTS + digest, source, path.stat().st_mtime)
            count, size = count + 1, size + member.bytes
    say(f"artifacts {count}, {size >> 10} KiB")


def _retained(artifacts: Artifacts, now: datetime) -> Iterator[tuple[str, Path]]:
    for digest, path, until in artifacts.all_of():
        if until > now:
            yield digest, path
