"""A backup brought to a machine that has nothing yet: all of it, or none of it.

The file is looked at whole before anything is written. The database comes in one transaction of
PostgreSQL's; files of the store that were written before it fails are of no use and harm nobody.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree
from typing import TypeAlias

from engine import epoch, token, verify
from engine.artifacts import Artifacts
from engine.backup import archive, place, tools
from engine.backup.archive import Reader
from engine.core.frozen import frozen
from engine.core.values import Json
from engine.errors import Conflict, SarkError, Unavailable
from engine.local import example
from engine.local.child import write_private
from engine.settings import Settings
from engine.store import extent, workers
from engine.store.epochs import Epoch
from engine.store.migrate import migrate
from engine.store.pool import connect, told

Say: TypeAlias = Callable[[str], None]

_CHUNK = 1 << 20
_CANCEL: Json = {"by": "restore", "reason": "the database was restored (--cancel-runs)"}


@frozen
class Restored:
    """What came of it: the epoch that began, runs by state, how many were cancelled.

    `problems` are what the database breaks of what it promises.
    """

    epoch: Epoch
    runs: dict[str, int]
    cancelled: int
    problems: Sequence[str]


def restore(settings: Settings, file: Path, say: Say, *, cancel: bool = False) -> Restored:
    """Bring a backup to an empty database and state folder.

    Raise Invalid for a file that is no backup or was damaged, Conflict for a place that is not
    empty, Misconfigured for a backup of a later version or where programs of PostgreSQL are
    missing, Unavailable if one of them fails. Then nothing was restored. Raise SarkError for one
    that is there and breaks what it promises.
    """
    backup = Reader(file)
    say(f"checked   {file}, made {backup.manifest.made_at:%Y-%m-%d %H:%M:%S} UTC")
    _refuse_other_token(backup, settings.state)
    with place.held(settings, "`sark restore`") as url:
        fit = asyncio.run(_examine(backup, url))
        with ExitStack() as undo:
            _put_artifacts(backup, Artifacts(settings.artifact_folder), say)
            _put_token(backup, settings.state, undo)
            _put_example(backup, settings.state / "repo", undo)
            _load(backup, fit, url, settings.state)
            undo.pop_all()
        say(f"database  {backup.manifest.of(archive.DATABASE)[0].bytes >> 10} KiB")
        done = asyncio.run(_open(url, say, cancel=cancel))
    return _whole(done)


def check(file: Path) -> Reader:
    """Look at a backup whole; raise as `restore` does for one that could not be restored here."""
    backup = Reader(file)
    version = backup.manifest.pg_dump
    with backup.open_raw(backup.manifest.of(archive.DATABASE)[0]) as source:
        tools.fitting(version, version).lists(source)
    return backup


def recover(settings: Settings, say: Say, *, cancel: bool = False) -> Restored:
    """Begin an epoch in a database that PostgreSQL's own tools have brought back.

    Raise Conflict while a worker is connected to it.
    """
    with place.existing(settings) as url:
        done = asyncio.run(_open(url, say, cancel=cancel))
    return _whole(done)


async def _open(url: str, say: Say, *, cancel: bool) -> Restored:
    """Bring the database up to this version, begin an epoch, and look at what is there."""
    applied = await migrate(url)
    say(f"migrated  {len(applied)} migrations applied")
    async with await connect(url, "restore") as connection:
        with told():
            if living := await workers.living(connection):
                raise Conflict(
                    f"a worker is connected to the database ({living[0]}): stop every process of "
                    "SARK, then try again"
                )
            begun, cancelled = await epoch.begin(connection, _CANCEL if cancel else None)
            runs = dict(await extent.runs(connection))
            say(f"epoch     {begun.number}, {begun.doubted} attempts in doubt")
            found = await verify.verify(connection)
            say(f"verified  {found.journals} journals, {found.replayed} of runs in flight replayed")
    return Restored(begun, runs, cancelled, found.problems)


def _whole(done: Restored) -> Restored:
    """Return it; raise SarkError if the database breaks what it promises."""
    if done.problems:
        raise SarkError(
            "the database is there, but breaks what it promises; look before you start anything:\n"
            + "\n".join(done.problems)
        )
    return done


async def _examine(backup: Reader, url: str) -> tools.Tools:
    """Return the programs that fit; raise Conflict for a database that is not empty."""
    async with await connect(url, "restore") as connection:
        with told():
            names = await extent.names(connection)
        if names:
            listed = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
            raise Conflict(
                f"the database is not empty: it has {listed}; restore into a new one (createdb), "
                "or without SARK_DATABASE_URL move the folder postgres out of the state folder"
            )
        server = connection.info.server_version // 10_000
        return tools.fitting(server, backup.manifest.pg_dump)


def _refuse_other_token(backup: Reader, state: Path) -> None:
    """Raise Conflict if the state folder has another token than the backup."""
    members = backup.manifest.of(archive.TOKEN)
    path = token.place(state)
    if not members or not path.exists():
        return
    with backup.open(members[0]) as source:
        if source.read() != path.read_bytes():
            raise Conflict(
                f"{path} is another token than the backup's, which signed the addresses of "
                f"callbacks that runs wait for: move {path} away, or name another folder with "
                "--state"
            )


def _put_artifacts(backup: Reader, artifacts: Artifacts, say: Say) -> None:
    members = backup.manifest.of(archive.ARTIFACTS)
    for member in members:
        digest = member.name.removeprefix(archive.ARTIFACTS)
        until = datetime.fromtimestamp(member.retained_until or 0, UTC)
        with backup.open(member) as source:
            artifacts.put_back(source, digest, until)
    say(f"artifacts {len(members)}")


def _put_token(backup: Reader, state: Path, undo: ExitStack) -> None:
    """Write the token, unless it is there."""
    members, path = backup.manifest.of(archive.TOKEN), token.place(state)
    if members and not path.exists():
        undo.callback(path.unlink, missing_ok=True)
        with backup.open(members[0]) as source:
            write_private(path, source.read().decode())


def _put_example(backup: Reader, folder: Path, undo: ExitStack) -> None:
    """Make the repository that `sark up` would make, as it was, unless there is one."""
    if not backup.manifest.of(archive.REPOSITORY) or folder.exists():
        return
    undo.callback(rmtree, folder, ignore_errors=True)
    bundle = folder.with_name(f"{folder.name}.bundle")
    try:
        _extract(backup, archive.REPOSITORY, bundle)
        example.unbundle(bundle, folder)
    finally:
        bundle.unlink(missing_ok=True)


def _load(backup: Reader, fit: tools.Tools, url: str, state: Path) -> None:
    """Load the database in one transaction."""
    dump = state / f"restore-{os.getpid()}.dump"
    try:
        _extract(backup, archive.DATABASE, dump)
        fit.run(
            "pg_restore", url, "--single-transaction", "--exit-on-error", "--no-owner",
            "--no-privileges", str(dump),
        )  # fmt: skip
    except Unavailable as error:
        raise Unavailable(f"nothing was restored: {error}") from None
    finally:
        dump.unlink(missing_ok=True)


def _extract(backup: Reader, name: str, file: Path) -> None:
    """Write a member to a file that only its owner may read."""
    (member,) = backup.manifest.of(name)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(handle, "wb") as sink, backup.open(member) as source:
        while chunk := source.read(_CHUNK):
            sink.write(chunk)
