"""A disk that fills up under a running SARK, and is freed again."""

import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.stories.client import Client
from tests.stories.invariants import hold
from tests.stories.stack import Stack
from tests.stories.test_first_way import HELLO


def may_mount() -> bool:
    """True if this user may mount a disk that nobody else sees."""
    words = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    try:
        return subprocess.run(words, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def fill(file: Path) -> None:
    """Write until nothing more fits."""
    with file.open("ab", buffering=0) as sink, suppress(OSError):
        while True:
            sink.write(b"x" * 4096)


@pytest.mark.skipif(not may_mount(), reason="this user may not mount a disk")
def test_a_full_disk_is_waited_out():
    """
    The disk fills up: starts are put off with 503, which says so, and nothing else breaks. It is
    freed: everything goes on by itself, and what was acknowledged ends.
    """
    with Stack({"hello.yaml": HELLO}, disk="220m", SARK_WORKER__LEASE="2s") as stack:
        client = Client(stack)
        client.start("hello")
        fill(stack.state / "fill")
        limit = time.monotonic() + 30
        while not client.refusals:
            assert time.monotonic() < limit
            with suppress(TimeoutError):
                client.start("hello", patience=0.2)
        read = client.send("GET", "/livez").status
        os.unlink(stack.state / "fill")
        for _ in range(20):
            client.start("hello")
        hold(stack, client.acknowledged)

        assert 200 == read
        assert client.strange == []
        told = {each.body["detail"] for each in client.refusals}
        assert any("disk is full" in each for each in told), told
