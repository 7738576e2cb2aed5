"""What `sark backup` and `sark restore` promise, and what they refuse."""

import asyncio
import json
import os
import stat
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from engine import token, verify
from engine.artifacts import Artifacts
from engine.backup import making, restoring, tools
from engine.backup.manifest import Manifest
from engine.core.values import Json
from engine.errors import Conflict, Misconfigured, NotFound, SarkError, Unavailable
from engine.settings import Settings
from engine.store.pool import connect
from tests.heart import house, one, owning

DAY = timedelta(days=1)


def at(url: str | None, state: Path) -> Settings:
    return Settings(database_url=url, state=state)


def quiet(line: str) -> None:
    """Say nothing."""


def backed_up(settings: Settings, file: Path) -> Manifest:
    return making.back_up(settings, file, quiet)[1]


def lived_in(url: str, state: Path) -> Mapping[str, Json]:
    """Let some runs end, keep a file and a token; return a reference to the file."""

    async def live() -> None:
        async with house(url) as here, owning(url):
            for run in await here.start(one("echo.say@1"), 3):
                await here.until(run, "succeeded")

    asyncio.run(live())
    token.ensure(state)
    (state / "made").write_text("kept")
    return Artifacts(state / "artifacts").keep(state / "made", "made", "text/plain", DAY)


def contents(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of every table that a backup holds, but for what a restore adds."""
    with psycopg.connect(url) as connection:
        names = [row[0] for row in connection.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relpersistence = 'p'"
            " AND relnamespace = 'public'::regnamespace"
        )]  # fmt: skip
        kept = [each for each in sorted(names) if each not in {"epochs", "activation", "workers"}]
        read = "SELECT {0}::text FROM {0} ORDER BY 1"
        return {n: connection.execute(read.format(n).encode()).fetchall() for n in kept}


@pytest.fixture
def made(database_url: str, tmp_path: Path) -> Path:
    """A backup of a database with some runs, a token and a file."""
    lived_in(database_url, tmp_path / "old")
    backed_up(at(database_url, tmp_path / "old"), tmp_path / "backup.tar")
    return tmp_path / "backup.tar"


def test_all_of_it_comes_back(database_url: str, empty_url: str, tmp_path: Path):
    """
    Every row, the token and the files that runs keep are on the new machine as they were, and a
    file is kept there until the same instant.
    """
    old, new = tmp_path / "old", tmp_path / "new"
    kept = lived_in(database_url, old)
    manifest = backed_up(at(database_url, old), tmp_path / "backup.tar")
    done = restoring.restore(at(empty_url, new), tmp_path / "backup.tar", quiet)
    there = Artifacts(new / "artifacts").path(kept)

    assert contents(database_url) == contents(empty_url)
    assert token.place(old).read_text() == token.place(new).read_text()
    assert "kept" == there.read_text()
    assert Artifacts(old / "artifacts").path(kept).stat().st_mtime == there.stat().st_mtime
    assert {"ended": 3} == manifest.runs == done.runs


def test_only_its_owner_may_read_it(made: Path, empty_url: str, tmp_path: Path):
    """
    The file holds secrets: it and the token that comes from it are readable by one user alone, and
    nothing is left beside it.
    """
    restoring.restore(at(empty_url, tmp_path / "new"), made, quiet)

    assert 0o600 == stat.S_IMODE(made.stat().st_mode)
    assert 0o600 == stat.S_IMODE(token.place(tmp_path / "new").stat().st_mode)
    assert {"backup.tar", "old", "new"} == {each.name for each in tmp_path.iterdir()}


def test_a_backup_under_load_is_of_one_instant(database_url: str, empty_url: str, tmp_path: Path):
    """
    Runs begin and end while it is made; what is restored is whole, journal by journal.
    """

    async def story() -> verify.Verified:
        async with house(database_url) as here, owning(database_url):
            runs = await here.start(one("echo.say@1"), 300)
            making_ = asyncio.to_thread(
                backed_up, at(database_url, tmp_path / "old"), tmp_path / "backup.tar"
            )
            task = asyncio.create_task(making_)
            while not task.done():
                runs += await here.start(one("echo.say@1"), 20)
                await asyncio.sleep(0.01)
            await task
        new = at(empty_url, tmp_path / "new")
        await asyncio.to_thread(restoring.restore, new, tmp_path / "backup.tar", quiet)
        async with house(empty_url) as there, owning(empty_url):
            found = await there.connection.execute("SELECT id FROM runs")
            for (run,) in await found.fetchall():
                await there.until(run, "succeeded")
            return await verify.verify(there.connection)

    found = asyncio.run(story())

    assert [] == found.problems
    assert 0 < found.journals


def test_a_database_that_is_not_empty(made: Path, database_url: str, tmp_path: Path):
    """
    A database in which something is, is left as it is, and what is in it is named.
    """
    before = contents(database_url)
    with pytest.raises(Conflict, match=r"not empty: it has public\.activation"):
        restoring.restore(at(database_url, tmp_path / "new"), made, quiet)

    assert before == contents(database_url)
    assert not token.place(tmp_path / "new").exists()


def test_a_state_folder_with_another_token(made: Path, empty_url: str, tmp_path: Path):
    """
    The token signs what was handed out, so another one in its place is refused, and named.
    """
    other_token = token.ensure(tmp_path / "new")
    with pytest.raises(Conflict, match="is another token than the backup's"):
        restoring.restore(at(empty_url, tmp_path / "new"), made, quiet)

    assert other_token.exists()
    assert {} == contents(empty_url)


def test_all_or_nothing(made: Path, empty_url: str, tmp_path: Path):
    """
    A database that refuses a part of it has nothing of it, and the token is not there either.
    """
    name = empty_url.rpartition("/")[2]
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute(
            f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'.encode()
        )
    with pytest.raises(Unavailable, match="nothing was restored: pg_restore failed"):
        restoring.restore(at(empty_url, tmp_path / "new"), made, quiet)

    assert {} == contents(empty_url)
    assert ["lock"] == [e.name for e in (tmp_path / "new").iterdir() if e.name != "artifacts"]


def test_a_restored_database_is_not_restored_again(made: Path, empty_url: str, tmp_path: Path):
    """
    The second time the database is not empty, and the same token is no hindrance.
    """
    restoring.restore(at(empty_url, tmp_path / "new"), made, quiet)
    with pytest.raises(Conflict, match="not empty"):
        restoring.restore(at(empty_url, tmp_path / "new"), made, quiet)


def test_runs_in_flight_can_be_cancelled(database_url: str, empty_url: str, tmp_path: Path):
    """
    Who does not want them to go on says so, and they end as cancelled.
    """

    async def start() -> None:
        async with house(database_url) as here:
            await here.start(one("echo.say@1"), 2)

    async def end() -> list[str]:
        async with house(empty_url) as there, owning(empty_url):
            found = await there.connection.execute("SELECT id FROM runs")
            return [
                await there.until(run, "cancelled", "succeeded")
                for (run,) in await found.fetchall()
            ]

    asyncio.run(start())
    backed_up(at(database_url, tmp_path / "old"), tmp_path / "backup.tar")
    new = at(empty_url, tmp_path / "new")
    done = restoring.restore(new, tmp_path / "backup.tar", quiet, cancel=True)

    assert 2 == done.cancelled
    assert ["cancelled"] * 2 == asyncio.run(end())


def test_a_worker_lives_where_the_database_is_to_have_been_recovered(
    database_url: str, tmp_path: Path
):
    """
    Nobody is declared dead who is not: a process that is still connected is named.
    """

    async def check() -> None:
        async with owning(database_url):
            with pytest.raises(Conflict, match="a worker is connected to the database"):
                await asyncio.to_thread(restoring.recover, at(database_url, tmp_path), quiet)

    asyncio.run(check())

    assert 1 <= restoring.recover(at(database_url, tmp_path), quiet).epoch.number


def test_there_is_nothing_to_back_up(empty_url: str, tmp_path: Path):
    """
    A state folder without a database, and a database that is not SARK's, are named.
    """
    for settings, said in ((at(None, tmp_path), "there is no database in"),
                           (at(empty_url, tmp_path), "the database is not SARK's")):  # fmt: skip
        with pytest.raises(NotFound, match=said):
            backed_up(settings, tmp_path / "backup.tar")

    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(("server", "archive"), [(99, 0), (18, 99)])
def test_programs_that_are_missing(server: int, archive: int):
    """
    Where no pg_dump and pg_restore fit, the package that has them is named.
    """
    with pytest.raises(Misconfigured, match="install postgresql-client-99"):
        tools.fitting(server, archive)


def test_a_password_is_shown_to_nobody(made: Path, empty_url: str, tmp_path: Path):
    """
    A server that refuses the password is told of without it.
    """
    settings = at(empty_url.replace("@", "wrong@"), tmp_path / "new")
    with pytest.raises(Unavailable) as refused:
        restoring.restore(settings, made, quiet)

    assert empty_url.partition("@")[0].rpartition(":")[2] not in str(refused.value)


def test_the_command_line(made: Path, database_url: str, empty_url: str, tmp_path: Path):
    """
    `sark backup` into a folder names the file by the time; `restore` looks at it, and says how many
    runs there are; a file that is there is not written over.
    """

    def sark(*words: str, url: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "engine.cli", *words, "--state", str(tmp_path / "new")],
            capture_output=True, text=True, check=False,
            env={**os.environ, "SARK_DATABASE_URL": url},
        )  # fmt: skip

    told = json.loads(sark("backup", str(tmp_path), "--json", url=database_url).stdout)
    file = Path(told["file"])
    again = sark("backup", str(file), url=database_url)
    looked = sark("restore", "--check", str(file), url=empty_url)
    done = sark("restore", str(file), "--json", url=empty_url)
    neither = sark("restore", url=empty_url)

    assert datetime.strptime(file.name, "sark-%Y%m%dT%H%M%SZ.tar").replace(tzinfo=UTC)
    assert (1, True) == (again.returncode, "is there already" in again.stderr)
    assert (0, True) == (looked.returncode, "whole" in looked.stdout)
    assert (0, {"ended": 3}) == (done.returncode, json.loads(done.stdout)["runs"])
    assert 2 == neither.returncode


def test_what_is_wrong_in_a_database_is_told(database_url: str):
    """
    A gap in a journal, and a plan that is gone, are found by run and in words.
    """

    async def check() -> list[str]:
        async with house(database_url) as here, owning(database_url):
            (run,) = await here.start(one("echo.say@1"))
            await here.until(run, "succeeded")
            await here.connection.execute("UPDATE journal SET seq = 7")
            await here.connection.execute("DELETE FROM plans")
            async with await connect(database_url, "test") as connection:
                found = await verify.verify(connection)
            return [each.replace(str(run), "RUN") for each in found.problems]

    assert {"RUN: its journal has a gap", "RUN: its plan is not there"} == set(
        asyncio.run(check())
    )  # fmt: skip


def test_a_backup_of_a_database_that_was_broken(
    database_url: str, empty_url: str, tmp_path: Path
):  # fmt: skip
    """
    What was broken before the backup is told after the restore, and is there to be looked at.
    """
    lived_in(database_url, tmp_path / "old")
    with psycopg.connect(database_url) as connection:
        connection.execute("DELETE FROM plans")
    backed_up(at(database_url, tmp_path / "old"), tmp_path / "backup.tar")
    with pytest.raises(SarkError, match="breaks what it promises"):
        restoring.restore(at(empty_url, tmp_path / "new"), tmp_path / "backup.tar", quiet)

    assert contents(database_url) == contents(empty_url)
