"""Steps that crash, flood, hang and will not go, and effects whose outcome nobody has heard."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stories.client import Client
from tests.stories.invariants import hold
from tests.stories.parts import until
from tests.stories.sink import Sink, sinking
from tests.stories.stack import Stack, is_alive
from tests.stories.test_worker_faults import owner

_HEAD = "apiVersion: sark/v1\nkind: Workflow\nname: "
_CONFIG = """\
[[sources]]
name = "local"
namespace = "local"
url = "REPOSITORY"
[worker]
processes = 2
lease = "1500ms"
sweep = "300ms"
grace = "2s"
[adapters.http]
allow_hosts = ["127.0.0.1:PORT"]
"""
# What a program does, and the error that it comes to; none if it succeeds.
_PROGRAMS = {
    "segfault": ("kill -SEGV $$; sleep 9", "shell.signal"),
    "abort": ("kill -ABRT $$; sleep 9", "shell.signal"),
    "suicide": ("kill -KILL $$; sleep 9", "shell.signal"),
    "nothing": ("exit 0", "shell.output"),
    "flood": ("head -c 300000000 /dev/zero", None),
    "lines": ("yes | head -n 5000000", None),
    "leaver": ("setsid sleep 1000 & echo gone", None),
    "deaf": ("trap '' TERM; sleep 1000 & wait; sleep 1000", "shell.timeout"),
    "greedy": ("while :; do :; done", "shell.timeout"),
}


def _program(name: str) -> str:
    script, _ = _PROGRAMS[name]
    parse = ", parse: json" if name == "nothing" else ""
    return f"""{_HEAD}{name}
steps:
  work:
    uses: shell.run@1
    with: {{script: "{script}"{parse}}}
    timeout: {"3s" if name in ("deaf", "greedy") else "5m"}
    idempotency: {{key: "{{{{ run.id }}}}"}}
    retry: {{max_attempts: 1}}
"""


def _call(name: str, path: str) -> str:
    return f"""{_HEAD}{name}
steps:
  call:
    uses: http.request@1
    with: {{method: PUT, url: "SINK{path}", json: {{a: 1}}}}
"""


_UNDONE = "".join(
    f"""  {name}:
    uses: http.request@1
    {needs}with: {{method: PUT, url: "SINK/do-{name}", json: {{a: 1}}}}
    compensate:
      uses: http.request@1
      with: {{method: PUT, url: "SINK/{undo}", json: {{a: 1}}}}
"""
    for name, needs, undo in (
        ("flight", "", "flaky"),
        ("hotel", "needs: [flight]\n    ", "held/undo-hotel"),
    )
)
FILES = {
    **{f"{name}.yaml": _program(name) for name in _PROGRAMS},
    "chain.yaml": f"{_HEAD}chain\nsteps:\n"
    + "".join(f"  - {{id: s{i}, uses: echo.say@1, with: {{message: 1, delay: 100ms}}}}\n"
              for i in range(10)),
    "effect.yaml": _call("effect", "/held/effect"),
    "zombie.yaml": _call("zombie", "/fenced/zombie"),
    "trip.yaml": f"""{_HEAD}trip
steps:
{_UNDONE}  car:
    uses: shell.run@1
    needs: [hotel]
    with: {{argv: ["false"]}}
""",
}  # fmt: skip


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with sinking() as sink:
        yield sink
        sink.let_go.set()


@pytest.fixture(scope="module")
def stack(sink: Sink) -> Iterator[Stack]:
    files = {name: text.replace("SINK", sink.url) for name, text in FILES.items()}
    with Stack(files, _CONFIG.replace("PORT", str(sink.server_port))) as running:
        yield running


@pytest.fixture
def client(stack: Stack, sink: Sink) -> Iterator[Client]:
    """A client; when its test is over, what it was promised must hold."""
    client = Client(stack)
    sink.let_go.clear()
    yield client
    sink.let_go.set()
    hold(stack, client.acknowledged)
    assert client.strange == []


def peak(pid: int) -> int:
    """Return the most memory that a process has had, in MiB."""
    told = Path(f"/proc/{pid}/status").read_text()
    return int(told.partition("VmHWM:")[2].split()[0]) >> 10


def of_run(sink: Sink, run: str) -> dict[str, list[int]]:
    return {key: calls for key, calls in sink.calls.items() if key.startswith(run)}


def test_programs_that_misbehave_harm_nobody(stack: Stack, client: Client):
    """
    Programs crash, flood, leave children behind, hear no signal and take all of the processor:
    each ends as it should, side by side with good ones; no worker dies, is taken for dead, or
    grows, and no program is left.
    """
    chain = client.start("chain")
    stack.wait_ended(chain)
    workers = stack.pids("sark-worker")
    before = stack.rows("SELECT id FROM workers ORDER BY id")
    most = max(peak(pid) for pid in workers)
    runs = {name: client.start(name) for name in _PROGRAMS}
    chains = [client.start("chain") for _ in range(5)]
    ended = {name: stack.wait_ended(run) for name, run in runs.items()}

    assert {"succeeded"} == {stack.wait_ended(each)["status"] for each in chains}
    told = {name: (each["error"] or {}).get("type") for name, each in ended.items()}
    assert {name: error for name, (_, error) in _PROGRAMS.items()} == told
    assert workers == stack.pids("sark-worker")
    assert before == stack.rows("SELECT id FROM workers ORDER BY id")
    assert max(peak(pid) for pid in workers) < most + 50
    assert [] == stack.pids("sleep")
    largest = "SELECT max(pg_column_size(data)) FROM journal WHERE run_id = ANY(%s::uuid[])"
    assert stack.rows(largest, list(runs.values()))[0][0] < 1 << 20


def test_an_effect_whose_outcome_is_lost_is_made_again_under_its_key(
    stack: Stack, client: Client, sink: Sink
):
    """
    Kill -9 the worker after a service has acted and before its answer came: the service is asked
    again under the same key, as a later attempt, and the run succeeds.
    """
    run = client.start("effect")
    until(lambda: of_run(sink, run))
    os.kill(owner(stack, run), signal.SIGKILL)

    assert "succeeded" == stack.wait_ended(run)["status"]
    assert {f"{run}:call": [1, 2]} == of_run(sink, run)


def test_a_service_that_knows_fences_refuses_a_zombie(stack: Stack, client: Client, sink: Sink):
    """
    A worker is frozen while its call is on its way; another makes the step. When the first call
    arrives at last, the service tells by `Sark-Fence` that it is too late, and the run does not
    change.
    """
    run = client.start("zombie")
    frozen = owner(stack, run)
    until(lambda: sink.under_way)
    os.kill(frozen, signal.SIGSTOP)
    try:
        ended = stack.wait_ended(run)
    finally:
        os.kill(frozen, signal.SIGCONT)
    sink.let_go.set()
    until(lambda: sink.refused or not is_alive(frozen))

    assert "succeeded" == ended["status"]
    assert [(f"{run}:call", 1)] == sink.refused
    assert {f"{run}:call": [2]} == of_run(sink, run)
    assert ended == stack.link().get(f"/runs/{run}")


def test_a_worker_may_die_while_a_run_is_undone(stack: Stack, client: Client, sink: Sink):
    """
    Kill -9 the worker in the middle of a compensation, and the next one is refused once: what was
    done is undone in the opposite order, each under its own key.
    """
    run = client.start("trip")
    until(lambda: "/held/undo-hotel" in sink.order)
    os.kill(owner(stack, run), signal.SIGKILL)
    ended = stack.wait_ended(run)
    calls = of_run(sink, run)

    assert ("compensated", "shell.exit") == (ended["status"], ended["error"]["type"])
    assert "compensation_failed" not in ended["flags"]
    assert {"compensated"} == {
        each["status"] for each in ended["steps"] if each["path"] in ("flight", "hotel")
    }
    assert ["/do-flight", "/do-hotel", *["/held/undo-hotel"] * 2, *["/flaky"] * 2] == [
        path for path in sink.order if path not in ("/held/effect", "/fenced/zombie")
    ]
    assert [[1], [1], [1, 2], [1, 2]] == sorted(calls.values())
