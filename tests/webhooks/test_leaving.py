"""A server that is told to go, as whoever supervises it sees that."""

import http.client
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.local.port import free_port


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_told_to_go_ends_with_0(
    how: signal.Signals, database_url: str, tmp_path: Path
) -> None:
    """
    SIGTERM and Ctrl-C are no failure: the server closes what it holds and ends with 0.
    """
    port = free_port()
    told = {"SARK_DATABASE_URL": database_url, "SARK_SERVER__PORT": str(port)}
    server = subprocess.Popen(
        [sys.executable, "-m", "engine.cli", "server"],
        cwd=tmp_path, env={**os.environ, **told, "SARK_STATE": str(tmp_path / "state")},
    )  # fmt: skip
    try:
        limit = time.monotonic() + 60
        while not _is_alive(port):
            assert time.monotonic() < limit
            time.sleep(0.05)
        server.send_signal(how)

        assert 0 == server.wait(60)
    finally:
        server.kill()


def _is_alive(port: int) -> bool:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        link.request("GET", "/livez")
        return link.getresponse().status == 200
    except OSError:
        return False
    finally:
        link.close()
