"""A server that is brought back as it was at an instant, by the very commands of the how-to."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest

from engine import verify
from engine.core.plan import Plan, Wait
from engine.local import nobody
from engine.local.port import free_port
from engine.local.postgres import binary
from engine.store import epochs
from engine.store.migrate import migrate
from tests.core.runs import edge, step
from tests.heart import Gate, House, house, one, owning, plan
from tests.pools import opened
from tests.test_epoch import claimed, entered

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "recover-to-a-point-in-time.md"
ARCHIVE, BASE, NAME, RECOVER, TELL = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.M | re.S)
_ARCHIVED = """
    SELECT last_archived_wal >= %s FROM pg_stat_archiver WHERE last_archived_wal IS NOT NULL
"""


_INITDB = "initdb --username sark --auth trust --encoding UTF8 --locale C >/dev/null"


class Server:
    """A PostgreSQL of an operator's own, which is administered with a shell.

    `make` are the commands that make its folder of data.
    """

    def __init__(self, folder: Path, make: str = _INITDB) -> None:
        self.folder = folder
        self.data = folder / "data"
        port = free_port()
        self.url = f"postgresql://sark@127.0.0.1:{port}/postgres"
        self._become = nobody.become(folder)
        self.sh(make)
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(f"port = {port}\nunix_socket_directories = ''\nshared_buffers = 16MB\n")
        self.sh('pg_ctl start --wait --pgdata "$PGDATA" --log "$PGDATA/../log"')

    def sh(self, script: str) -> str:
        """Run commands as whoever may run PostgreSQL; return what they print."""
        programs = f"{binary('psql').parent}:{Path(sys.executable).parent}"
        told = {
            "PATH": f"{programs}:{os.environ['PATH']}", "PGDATA": str(self.data),
            "ARCHIVE": str(self.folder / "archive"), "SARK_DATABASE_URL": self.url,
            "SARK_STATE": str(self.folder / "state"), "HOME": str(self.folder),
        }  # fmt: skip
        with (self.folder / "said").open("w+") as said:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", script], env={**os.environ, **told},
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said, check=False,
                preexec_fn=self._become, timeout=240,
            )  # fmt: skip
            said.seek(0)
            text = said.read()
        assert 0 == done.returncode, text + (self.folder / "log").read_text()[-3000:]
        return text

    def lose(self) -> None:
        """Let the server and its disk be gone."""
        self.sh('pg_ctl stop --mode immediate --pgdata "$PGDATA" >/dev/null')
        shutil.rmtree(self.data)


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    found = Server(tmp_path_factory.mktemp("recovery"))
    yield found
    if found.data.exists():
        found.sh('pg_ctl stop --mode immediate --pgdata "$PGDATA" >/dev/null')


@asynccontextmanager
async def loaded(here: House) -> AsyncIterator[None]:
    """Start runs all the time."""
    stopping = asyncio.Event()

    async def load() -> None:
        async with house(here.url) as there:
            while not stopping.is_set():
                await there.start(one("echo.say@1"), 5)
                await asyncio.sleep(0.02)

    task = asyncio.create_task(load())
    yield
    stopping.set()
    await task


async def archived(here: House) -> None:
    """Wait until all that is written by now is in the archive."""
    found = await here.connection.execute(
        "SELECT pg_walfile_name(pg_current_wal_lsn()), pg_switch_wal()"
    )
    ((name, _),) = await found.fetchall()
    async with asyncio.timeout(60):
        while (await (await here.connection.execute(_ARCHIVED, (name,))).fetchone()) != (True,):
            await asyncio.sleep(0.05)


def napping() -> Plan:
    nap = step("nap", verb=Wait(duration="20s"))
    return plan(nap, step("b", edge(0)), name="napping")


@dataclass(frozen=True, slots=True)
class Past:
    """Runs that were in flight at an instant, one that began later, and which attempts came."""

    again: UUID
    lost: UUID
    silent: UUID
    nap: UUID
    future: UUID
    instant: str
    came: Sequence[tuple[str, int]]


async def lived(server: Server) -> Past:
    """Let runs be in flight at the instant of the name, and end in a future that will be lost."""
    gate = Gate()
    await entered(server.url)
    async with house(server.url) as here:
        async with owning(server.url, gate), loaded(here):
            await asyncio.to_thread(server.sh, BASE)
            (again,) = await here.start(one("test.gate@1"))
            (lost,) = await here.start(one("test.gate@1", repeatable=False))
            async with asyncio.timeout(60):
                while len(gate.came) < 2:
                    await asyncio.sleep(0.01)
            (silent,) = await here.start(one("test.gate@1", repeatable=False), pool="aside")
            (nap,) = await here.start(napping())
            await here.until(nap, "running", "waiting", "succeeded")
            async with claimed(here, silent):
                await asyncio.to_thread(server.sh, NAME)
                found = await here.connection.execute("SELECT now()::text")
                ((instant,),) = await found.fetchall()
            gate.open.set()
            (future,) = await here.start(one("echo.say@1"))
            for each in (again, lost, future):
                await here.until(each, "succeeded")
        await archived(here)
    return Past(again, lost, silent, nap, future, instant, gate.came)


@pytest.mark.parametrize("by", ["name", "time"])
def test_an_instant_before_the_loss(server: Server, by: str):
    """
    A base backup is made under load; an instant has a name, at which steps are under way. What
    comes after it is lost with the machine. Back at that instant every run ends: what may be
    repeated is made again, what must not and may have begun has failed as `sark.lost`, whether or
    not the journal had said that it began; of the lost future there is nothing. Where nobody says
    that the database was recovered, the first worker does the same.
    """
    asyncio.run(migrate(server.url))
    server.sh(ARCHIVE)
    past = asyncio.run(lived(server))
    server.lose()
    if by == "name":
        server.sh(RECOVER)
        assert "1 attempts in doubt" in server.sh(TELL)
    else:
        target = f"recovery_target_time = '{past.instant}'"
        server.sh(RECOVER.replace("recovery_target_name = 'before-the-upgrade'", target))
        server.sh(TELL.partition("sark restore")[0])

    asyncio.run(go_on(server, past))


async def go_on(server: Server, past: Past) -> None:
    """Let another worker come, and assert what was promised."""
    other = opened()
    await entered(server.url)
    async with house(server.url) as here, owning(server.url, other):
        await here.connection.execute("UPDATE runs SET pool = 'default'")
        found = await here.connection.execute("SELECT id FROM runs")
        runs = [row[0] for row in await found.fetchall()]
        ends = {each: await here.until(each, "succeeded", "failed") for each in runs}
        epoch = await epochs.latest(here.connection)
        problems = (await verify.verify(here.connection)).problems

    assert {past.lost, past.silent} == {each for each, end in ends.items() if end == "failed"}
    assert {past.again, past.nap} <= ends.keys()
    assert past.future not in ends
    assert ([("a", 1), ("a", 1)], [("a", 2)]) == (past.came, other.came)
    assert epoch is not None
    assert (2, 1) == (epoch.number, epoch.doubted)
    assert [] == problems
