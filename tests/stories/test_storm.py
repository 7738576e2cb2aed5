"""A storm: runs are started all the while and something dies, freezes or is wiped all the while."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress

import pytest
from redis import Redis
from redis.exceptions import RedisError

from tests.stories.client import Client, Load
from tests.stories.invariants import hold
from tests.stories.sink import Sink, sinking
from tests.stories.stack import Stack

SECONDS = float(os.environ.get("SARK_STORM_SECONDS", "15"))
SEED = os.environ.get("SARK_STORM_SEED", "")

_HEAD = "apiVersion: sark/v1\nkind: Workflow\nname: "
_SAY = "{uses: echo.say@1, with: {message: 1, delay: 30ms}"
FILES = {
    "diamond.yaml": f"""{_HEAD}diamond
steps:
  a: {_SAY}}}
  b: {_SAY}, needs: [a]}}
  c: {_SAY}, needs: [a]}}
  d: {_SAY}, needs: [a]}}
  e: {_SAY}, needs: [b, c, d]}}
""",
    "chain.yaml": f"{_HEAD}chain\nsteps:\n"
    + "".join(f"  - {_SAY[:1]}id: s{i}, {_SAY[1:]}}}\n" for i in range(6)),
    "call.yaml": f"""{_HEAD}call
steps:
  first:
    uses: http.request@1
    with: {{method: PUT, url: "SINK/flaky", json: {{a: 1}}}}
    retry: {{max_attempts: 5, backoff: {{initial: 100ms, max: 1s}}}}
  second:
    uses: http.request@1
    needs: [first]
    with: {{method: PUT, url: "SINK/steady", json: {{a: 2}}}}
""",
    "script.yaml": f"""{_HEAD}script
steps:
  work:
    uses: shell.run@1
    with: {{script: "sleep 0.1; echo done"}}
    idempotency: {{key: "{{{{ run.id }}}}-work"}}
  once:
    uses: shell.run@1
    needs: [work]
    with: {{argv: ["true"]}}
""",
}
CONFIG = """\
[[sources]]
name = "local"
namespace = "local"
url = "REPOSITORY"
[worker]
processes = 2
lease = "2s"
sweep = "500ms"
grace = "2s"
[adapters.http]
allow_hosts = ["127.0.0.1:PORT"]
"""
WORKFLOWS = ("diamond", "chain", "call", "script")


def stack_for(sink: Sink, files: Mapping[str, str] = FILES) -> Stack:
    """Return a stack with two workers whose workflows may call the sink."""
    files = {name: text.replace("SINK", sink.url) for name, text in files.items()}
    return Stack(files, CONFIG.replace("PORT", str(sink.server_port)))


class Storm:
    """Faults in an order that a seed decides; whoever is frozen is thawed at the next fault."""

    def __init__(self, stack: Stack, seed: str) -> None:
        self._stack = stack
        self._dice = random.Random(seed)
        self._frozen: list[int] = []
        self.faults: Counter[str] = Counter()

    def blow(self) -> None:
        """Let one thing happen."""
        self.thaw()
        faults: dict[str, Callable[[], None]] = {
            "kill worker": lambda: self._signal("sark-worker", signal.SIGKILL),
            "kill server": lambda: self._signal("sark-server", signal.SIGKILL),
            "kill controller": lambda: self._signal("sark-controller", signal.SIGKILL),
            "kill postgres": lambda: self._kill_first("postgres"),
            "kill backend": lambda: self._signal("postgres", signal.SIGKILL),
            "kill valkey": lambda: self._signal("valkey-server", signal.SIGKILL),
            "flushall": self._flush,
            "freeze worker": lambda: self._freeze("sark-worker"),
            "freeze server": lambda: self._freeze("sark-server"),
            "freeze valkey": lambda: self._freeze("valkey-server"),
            "freeze postgres": lambda: self._freeze("postgres"),
        }
        weights = [6, 2, 1, 2, 2, 1, 3, 4, 1, 1, 2]
        name = self._dice.choices(list(faults), weights)[0]
        faults[name]()
        self.faults[name] += 1

    def pause(self) -> float:
        return self._dice.uniform(0.8, 2.6)

    def thaw(self) -> None:
        for pid in self._frozen:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self._frozen.clear()

    def _signal(self, name: str, how: signal.Signals) -> None:
        if pids := self._stack.pids(name):
            with suppress(ProcessLookupError):
                os.kill(self._dice.choice(pids), how)

    def _kill_first(self, name: str) -> None:
        if pids := self._stack.pids(name):
            with suppress(ProcessLookupError):
                os.kill(pids[0], signal.SIGKILL)

    def _freeze(self, name: str) -> None:
        if pids := self._stack.pids(name):
            pid = self._dice.choice(pids)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
            self._frozen.append(pid)

    def _flush(self) -> None:
        with suppress(RedisError), Redis.from_url(self._stack.redis_url, socket_timeout=1) as redis:
            redis.flushall()


@pytest.mark.timeout(SECONDS + 240)
def test_a_storm_loses_nothing(capsys: pytest.CaptureFixture[str]):
    """
    Whatever dies, freezes or is wiped, and in whatever order: every acknowledged run ends, and
    every outcome is recorded once.

    SARK_STORM_SECONDS makes it longer, SARK_STORM_SEED makes it the same again.
    """
    seed = SEED or os.urandom(4).hex()
    with sinking() as sink, stack_for(sink) as stack:
        client, storm = Client(stack), Storm(stack, seed)
        with capsys.disabled():
            print(f"\nstorm: seed {seed}, {SECONDS:g} s")
        end = time.monotonic() + SECONDS
        with Load(client, WORKFLOWS), Load(client, WORKFLOWS):
            while time.monotonic() < end:
                time.sleep(storm.pause())
                storm.blow()
            storm.thaw()
        audit = hold(stack, client.acknowledged, sink)
        with capsys.disabled():
            print(
                f"storm: {dict(storm.faults)}; {len(client.acknowledged)} runs acknowledged, "
                f"{audit.outcomes} outcomes, {audit.repeated} attempts made again, "
                f"{len(client.refusals)} starts put off; {dict(audit.statuses())}"
            )

        assert client.strange == []
        for each in audit.runs.values():
            if each.row.status != "succeeded":
                error = each.row.error
                assert isinstance(error, dict)
                assert ("script", "sark.lost") == (each.row.workflow, error["type"]), each.row
