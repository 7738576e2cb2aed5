"""A step that only some workers may make, from its commit to its end."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from engine.local.child import die_with_parent
from tests.stories.stack import Stack

FILES = {
    "pool.yaml": """\
apiVersion: sark/v1
kind: Pool
name: warehouse
workers: {zone: inside}
parallelism: 2
adapters: [echo]
""",
    "flow.yaml": """\
apiVersion: sark/v1
kind: Workflow
name: flow
steps:
  near: {uses: echo.say@1, with: {message: here}}
  far:
    uses: echo.say@1
    pool: warehouse
    with: {message: "{{ steps.near.outputs.message }} and there"}
    outputs: {said: {type: string, from: message}}
outputs:
  said: {type: string, value: "{{ steps.far.outputs.said }}"}
""",
}
CONFIG = """\
[[sources]]
name = "local"
namespace = "local"
url = "REPOSITORY"
[worker]
pools = ["default"]
sweep = "200ms"
"""


@contextmanager
def worker(stack: Stack, *words: str) -> Iterator[None]:
    """Let a worker of its own serve beside a stack, as on another machine."""
    servers = {"SARK_DATABASE_URL": stack.database_url, "SARK_REDIS_URL": stack.redis_url}
    log = (stack.folder / "other.log").open("ab")
    process = subprocess.Popen(
        [sys.executable, "-m", "engine.cli", "worker", *words, "--state", str(stack.folder / "w")],
        env={**os.environ, **servers}, stdout=log, stderr=log, cwd=stack.folder,
        preexec_fn=die_with_parent,  # noqa: PLW1509 - one thread
    )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)
        log.close()


def until(stack: Stack, words: str, *command: str) -> str:
    """Return what a command prints once these words are in it."""
    limit = time.monotonic() + 60
    while words not in (told := stack.sark(*command, check=False).stdout):
        assert time.monotonic() < limit, told
        time.sleep(0.2)
    return told


def test_a_pool_waits_for_its_worker() -> None:
    """
    Until a worker with its label is there a step waits, and people are told for whom; then it is
    made there, and the run ends.
    """
    with Stack(FILES, CONFIG) as stack:
        run = stack.link().start("flow")
        servers = {"SARK_DATABASE_URL": stack.database_url, "SARK_REDIS_URL": stack.redis_url}

        until(stack, "waits for worker of pool warehouse until", "show", run)
        told = stack.sark("doctor", check=False, **servers).stdout
        assert "nobody serves pool warehouse of local, for which 1 steps wait" in told
        with worker(stack, "--pool", "warehouse", "--label", "zone=outside"):
            until(stack, "serves warehouse zone=outside", "doctor")
            assert [(None,)] == stack.rows("SELECT worker FROM handouts")
        with worker(stack, "--pool", "warehouse", "--label", "zone=inside"):
            ended = stack.wait_ended(run, 60)

        assert ("succeeded", {"said": "here and there"}) == (ended["status"], ended["outputs"])
        assert 0 == len(stack.rows("SELECT FROM handouts"))


def test_one_machine_serves_every_pool() -> None:
    """
    `sark up` makes the steps of all pools, whatever labels they ask for.
    """
    with Stack(FILES) as stack:
        ended = stack.wait_ended(stack.link().start("flow"), 60)

        assert "succeeded" == ended["status"]
        assert [(True, True)] == stack.rows("SELECT serves IS NULL, labels IS NULL FROM workers")
