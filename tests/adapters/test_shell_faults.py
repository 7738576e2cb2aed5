"""`shell.run@1` with programs that crash, hang, fork, flood and hide, and workers that die."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.contract import ErrorClass, Failed, Json
from adapters.shell import Shell, ShellSettings, process
from adapters.traces import descendants
from tests.adapters.offspring import offspring
from tests.adapters.speaking import call, failed, opened, outputs

PYTHON = sys.executable


# It doubles like the famous one, but would stop at a thousand: a test shares its machine.
BOMB = """
b() { if [ "$1" -gt 0 ]; then b $(($1 - 1)) & b $(($1 - 1)) & fi; sleep 20; }
b 9
"""


def watch(timeout: float, /, **arguments: Json) -> tuple[Failed, float, frozenset[int]]:
    """Return a failure, how long it took, and which processes of the step are left."""

    async def story() -> tuple[Failed, float, frozenset[int]]:
        async with opened(Shell(ShellSettings())) as operation:
            outputs(await operation.invoke(call(argv=["true"])))
            before, began = offspring(), time.monotonic()
            found = failed(await operation.invoke(call(timeout, **arguments)))
            took = time.monotonic() - began
            left = await left_over(before)
            outputs(await operation.invoke(call(argv=["true"])))
            return found, took, left

    return asyncio.run(story())


async def left_over(before: frozenset[int]) -> frozenset[int]:
    """Return what is there and was not before, once the guards have had time to go home."""
    for _ in range(500):
        left = offspring() - before
        if not left:
            break
        await asyncio.sleep(0.02)
    return left


def eventually(holds: Callable[[], bool], within: float = 30) -> bool:
    """True as soon as a condition holds."""
    until = time.monotonic() + within
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def alive(pid: int) -> bool:
    """True for a process that runs; one that has ended and is not collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
        ("import os; os.abort()", "SIGABRT"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
    ],
)
def test_a_crash_is_told_by_its_signal(code: str, name: str) -> None:
    """
    A program that crashes fails its step, and the next program runs as if nothing were.
    """
    found, _, left = watch(10, argv=[PYTHON, "-c", code])

    assert (found.type, found.error_class) == ("shell.signal", ErrorClass.PERMANENT)
    assert name in found.message
    assert getattr(signal, name) == found.details["signal"]
    assert frozenset() == left


@pytest.mark.parametrize(
    "script",
    [
        "sleep 1000",
        "setsid sleep 1000 & sleep 1000",
        "(setsid sh -c 'sleep 1000 & sleep 1000' &) ; sleep 1000",
        "setsid setsid nohup sleep 1000 >/dev/null 2>&1 & sleep 1000",
    ],
)
def test_a_timeout_leaves_nobody(script: str) -> None:
    """
    When its time is over a program ends with everything it started, sessions of their own too.
    """
    found, took, left = watch(0.5, script=script)

    assert (found.type, found.error_class) == ("shell.timeout", ErrorClass.UNKNOWN)
    assert 0.5 <= took < 20
    assert frozenset() == left


def test_a_program_that_will_not_end_is_killed_after_the_grace() -> None:
    """
    SIGTERM first, so that a program may tidy up; SIGKILL two seconds later.
    """
    found, took, left = watch(0.3, script="trap '' TERM INT HUP; while :; do sleep 0.1; done")

    assert found.type == "shell.timeout"
    assert 2.2 <= took < 30
    assert frozenset() == left


def test_a_program_may_tidy_up() -> None:
    """
    What a program writes after SIGTERM is kept.
    """
    found, took, _ = watch(0.3, script="trap 'echo tidied; exit 1' TERM; sleep 100 & wait")

    assert found.type == "shell.timeout"
    assert found.details["stdout"] == "tidied\n"
    assert took < 20


def test_a_program_that_ends_takes_its_children_along() -> None:
    """
    A background process that holds the output neither delays the step nor survives it.
    """

    async def story() -> tuple[float, frozenset[int]]:
        async with opened(Shell(ShellSettings())) as operation:
            outputs(await operation.invoke(call(argv=["true"])))
            before, began = offspring(), time.monotonic()
            found = await operation.invoke(call(script="setsid sleep 1000 & echo done"))
            assert outputs(found)["stdout"] == "done\n"
            return time.monotonic() - began, await left_over(before)

    took, left = asyncio.run(story())
    assert took < 20
    assert frozenset() == left


def test_a_fork_bomb() -> None:
    """
    Processes are counted; past the limit all of them are killed, and a sibling has not noticed.
    """

    async def story() -> tuple[Failed, float]:
        async with opened(Shell(ShellSettings())) as operation:
            outputs(await operation.invoke(call(argv=["true"])))
            before, began = offspring(), time.monotonic()
            bomb = operation.invoke(call(20, script=BOMB, limits={"processes": 50}))
            outcome, sibling = await asyncio.gather(bomb, operation.invoke(call(argv=["true"])))
            outputs(sibling)
            took = time.monotonic() - began
            assert frozenset() == await left_over(before)
            return failed(outcome), took

    found, took = asyncio.run(story())
    assert (found.type, found.details["limit"]) == ("shell.limit", "processes")
    assert took < 30


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({"script": "while :; do :; done", "limits": {"cpu_seconds": 1}}, "shell.limit"),
        ({"script": "head -c 3000000 /dev/zero > x", "limits": {"file_mib": 1}}, "shell.exit"),
        ({"argv": [PYTHON, "-c", "bytearray(10**10)"]}, "shell.exit"),
        ({"script": "exec 3<x", "limits": {"open_files": 8}}, "shell.exit"),
    ],
)
def test_limits_of_a_process(arguments: dict[str, Json], kind: str) -> None:
    """
    Processor time, file size, memory and open files have an end for every program.
    """
    found, took, left = watch(15, **arguments)

    assert (kind, ErrorClass.PERMANENT) == (found.type, found.error_class)
    assert took < 30
    assert frozenset() == left


def test_a_gigabyte_of_output_costs_little_memory() -> None:
    """
    A program that floods is read to its end while the worker stays small.
    """
    before = Path("/proc/self/statm").read_text().split()[1]

    async def story() -> Json:
        async with opened(Shell(ShellSettings())) as operation:
            found = await operation.invoke(call(60, script="yes | head -c 1000000000"))
            return outputs(found)["truncated"]

    assert asyncio.run(story()) is True
    grown = int(Path("/proc/self/statm").read_text().split()[1]) - int(before)
    assert grown * os.sysconf("SC_PAGE_SIZE") < 50_000_000


def test_cancellation_at_every_moment() -> None:
    """
    Whenever a call is cancelled, it ends by that, and no process is left.
    """

    async def story() -> None:
        async with opened(Shell(ShellSettings())) as operation:
            outputs(await operation.invoke(call(argv=["true"])))
            before = offspring()
            for turn in range(40):
                command = call(script="setsid sleep 1000 & sleep 1000", stdin="x" * 200_000)
                task = asyncio.create_task(operation.invoke(command))
                await asyncio.sleep(turn * 0.0005)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            assert frozenset() == await left_over(before)

    asyncio.run(story())


def test_a_second_cancellation_does_not_wait_for_the_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Who cancels twice gets a kill at once.
    """
    monkeypatch.setattr(process, "GRACE", timedelta(minutes=1))

    async def story() -> float:
        async with opened(Shell(ShellSettings())) as operation:
            command = call(script="trap '' TERM; while :; do sleep 0.1; done")
            task = asyncio.create_task(operation.invoke(command))
            await asyncio.sleep(0.3)
            began = time.monotonic()
            task.cancel()
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.to_thread(eventually, lambda: len(offspring()) <= 1)
            assert len(offspring()) <= 1
            return time.monotonic() - began

    assert asyncio.run(story()) < 20


def test_closing_the_adapter_ends_what_runs() -> None:
    """
    A worker that stops leaves no program behind, and the call says that it was lost.
    """

    async def story() -> Failed:
        adapter = Shell(ShellSettings())
        (operation,) = adapter.operations()
        await adapter.open()
        task = asyncio.create_task(operation.invoke(call(script="setsid sleep 1000 & sleep 1000")))
        await asyncio.sleep(0.3)
        await adapter.close()
        return failed(await task)

    before = offspring()
    found = asyncio.run(story())
    assert (found.type, found.error_class) == ("shell.lost", ErrorClass.UNKNOWN)
    assert eventually(lambda: not offspring() - before)


def test_a_nursery_that_is_killed_takes_its_steps_along() -> None:
    """
    kill -9 of the process that steps are born in: the step is lost, the next one runs.
    """

    async def story() -> None:
        async with opened(Shell(ShellSettings())) as operation:
            outputs(await operation.invoke(call(argv=["true"])))
            (nursery,) = offspring()
            task = asyncio.create_task(
                operation.invoke(call(script="setsid sleep 999 & sleep 999"))
            )
            await asyncio.sleep(0.3)
            below = descendants(nursery)
            assert len(below) >= 3
            os.kill(nursery, signal.SIGKILL)
            found = failed(await task)
            assert (found.type, found.error_class) == ("shell.lost", ErrorClass.UNKNOWN)
            assert eventually(lambda: not any(map(alive, below)))
            outputs(await operation.invoke(call(argv=["true"])))

    asyncio.run(story())


def test_a_monitor_that_is_killed_takes_its_step_along() -> None:
    """
    kill -9 of a step's guard: the program dies with it, be its children in sessions of their own.
    """

    async def story() -> None:
        async with opened(Shell(ShellSettings())) as operation:
            outputs(await operation.invoke(call(argv=["true"])))
            (nursery,) = offspring()
            task = asyncio.create_task(
                operation.invoke(call(script="setsid sleep 999 & sleep 999"))
            )
            await asyncio.sleep(0.3)
            below = descendants(nursery)
            monitor = min(below)
            os.kill(monitor, signal.SIGKILL)
            assert failed(await task).type == "shell.lost"
            assert await asyncio.to_thread(eventually, lambda: not any(map(alive, below)))

    asyncio.run(story())


WORKER = """
import asyncio, sys
from tests.adapters.speaking import call, opened
from adapters.shell import create

async def main():
    async with opened(create({})) as operation:
        script = "echo $$ > {mark}; setsid sleep 1000 & sleep 1000"
        await operation.invoke(call(1000, script=script))

asyncio.run(main())
"""


def test_a_worker_that_is_killed_takes_its_steps_along(tmp_path: Path) -> None:
    """
    kill -9 of a worker: within a second nothing of its steps is alive.
    """
    mark = tmp_path / "mark"
    code = WORKER.replace("{mark}", str(mark))
    with subprocess.Popen([PYTHON, "-c", code], cwd=Path(__file__).parents[2]) as worker:
        assert eventually(lambda: mark.exists() and mark.read_text().strip() != "", 10)
        assert eventually(lambda: len(descendants(worker.pid)) >= 5)
        below = descendants(worker.pid)
        worker.kill()

    assert eventually(lambda: not any(map(alive, below)), 1)
