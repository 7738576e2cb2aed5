"""Containers that outlive their time, their worker or their engine."""

import asyncio
import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.container import create
from adapters.contract import ErrorClass, Json, Outcome
from adapters.traces import descendants
from tests.adapters.containing import BUILD, HERE, RUN, Bench
from tests.adapters.engine import standing
from tests.adapters.offspring import offspring
from tests.adapters.speaking import call, failed, opened, outputs

TRANSIENT, UNKNOWN = ErrorClass.TRANSIENT, ErrorClass.UNKNOWN
SLEEP: Json = ["sleep", "100"]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A stand-in engine with one image."""
    with standing(tmp_path) as engine:
        yield Bench(engine)


def eventually(holds: Callable[[], bool], within: float = 10) -> bool:
    """True as soon as a condition holds."""
    until = time.monotonic() + within
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def running(bench: Bench) -> bool:
    """True once a container has been started."""
    return len(bench.engine.asked("start")) > 0


async def until_running(bench: Bench) -> None:
    """Wait for a container to be started."""
    assert await asyncio.to_thread(eventually, lambda: running(bench))


@pytest.mark.parametrize(("network", "error_class"), [("none", TRANSIENT), ("default", UNKNOWN)])
def test_a_timeout_removes_the_container(
    bench: Bench, network: str, error_class: ErrorClass
) -> None:
    """
    When its time is over nothing of a program runs; with a network nobody knows what it did.
    """
    before = descendants(bench.engine.process.pid)

    argv: Json = ["sh", "-c", "echo began with $TOKEN; exec sleep 100"]
    found = failed(bench.run(5, argv=argv, env={"TOKEN": "s3cr3t-token"}, network=network))

    assert ("container.timeout", error_class) == (found.type, found.error_class)
    assert {"stdout": "began with ***\n", "stderr": ""} == found.details
    assert [] == bench.engine.containers()
    assert before == descendants(bench.engine.process.pid)


def test_a_program_that_will_not_end_is_killed(bench: Bench) -> None:
    """
    SIGTERM first, so that a program may tidy up; two seconds later the container goes.
    """
    argv: Json = ["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"]
    began = time.monotonic()

    found = failed(bench.run(4, argv=argv))

    assert "container.timeout" == found.type
    assert 6 <= time.monotonic() - began < 40
    assert [] == bench.engine.containers()


def test_a_time_that_is_over_before_the_program_runs(bench: Bench) -> None:
    """
    An attempt that has no time left says that it may be made again, with a network too.
    """
    found = failed(bench.run(0.001, argv=SLEEP, network="default"))

    assert ("container.timeout", TRANSIENT) == (found.type, found.error_class)


def test_cancellation_at_every_moment(bench: Bench) -> None:
    """
    Whenever a call is cancelled, it ends by that, and neither a process nor a container runs on.
    """

    async def story() -> None:
        async with opened(create({"command": bench.engine.command}), "container.run@1") as each:
            outputs(await each.invoke(call(**RUN)))
            before = offspring()
            for turn in range(12):
                given = call(**{**RUN, "argv": SLEEP})
                task = asyncio.create_task(each.invoke(given))
                await asyncio.sleep(turn * 0.07)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            assert await asyncio.to_thread(eventually, lambda: not offspring() - before)

    asyncio.run(story())
    # One that was being made just then never starts, and goes with the next attempt.
    outputs(bench.run())
    assert [] == bench.engine.containers()


def test_a_second_cancellation_still_removes_the_container(bench: Bench) -> None:
    """
    Who cancels twice gets an answer at once, and the container goes all the same.
    """

    async def story() -> None:
        async with opened(create({"command": bench.engine.command}), "container.run@1") as each:
            given = call(**{**RUN, "argv": SLEEP})
            task = asyncio.create_task(each.invoke(given))
            await until_running(bench)
            for _ in range(2):
                task.cancel()
                await asyncio.sleep(0.05)
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(eventually, lambda: not bench.engine.containers())

    asyncio.run(story())


WORKER = """
import asyncio, sys
from adapters.container import create
from tests.adapters.containing import RUN
from tests.adapters.speaking import call, opened

async def main(command):
    async with opened(create({"command": command}), "container.run@1") as operation:
        await operation.invoke(call(1000, **{**RUN, "argv": ["sleep", "100"]}))

asyncio.run(main(*sys.argv[1:]))
"""


def test_a_lost_worker_s_container_goes_with_the_next_attempt(bench: Bench) -> None:
    """
    kill -9 of a worker leaves its container running; the next attempt, wherever it is made,
    removes it before it begins.
    """
    arguments = [sys.executable, "-c", WORKER, bench.engine.command]
    with subprocess.Popen(arguments, cwd=Path(__file__).parents[2]) as worker:
        assert eventually(lambda: running(bench), 20)
        worker.kill()
    (left,) = bench.engine.containers()
    assert left.endswith("-1")

    given = replace(call(**RUN), attempt=2)
    outputs(bench.ask("container.run@1", given))

    assert [] == bench.engine.containers()
    assert ["--force", "--volumes", left] in bench.engine.asked("rm")


@pytest.mark.parametrize(
    "other", [{"key": "key-2"}, {"run": "run-2"}, {"step": "check[e2e]"}, {"attempt": 2}]
)
def test_a_container_of_another_call_is_left_alone(
    bench: Bench, other: dict[str, str | int]
) -> None:
    """
    An attempt removes its own and its predecessors: no other run's, step's or key's, and none
    of a later attempt if it comes late itself.
    """

    async def story() -> Outcome:
        async with opened(create({"command": bench.engine.command}), "container.run@1") as each:
            long = call(**{**RUN, "argv": ["sleep", "4"]})
            task = asyncio.create_task(each.invoke(replace(long, **other)))  # type: ignore[arg-type]
            await until_running(bench)
            outputs(await each.invoke(call(**RUN)))
            return await task

    assert outputs(asyncio.run(story()))["exit_code"] == 0


@pytest.mark.parametrize(("network", "error_class"), [("none", TRANSIENT), ("default", UNKNOWN)])
def test_an_engine_that_dies_while_a_program_runs(
    bench: Bench, network: str, error_class: ErrorClass
) -> None:
    """
    The step is not taken for a success or a failure of the program.
    """

    async def story() -> Outcome:
        async with opened(create({"command": bench.engine.command}), "container.run@1") as each:
            given = call(**{**RUN, "argv": SLEEP, "network": network})
            task = asyncio.create_task(each.invoke(given))
            await until_running(bench)
            below = descendants(bench.engine.process.pid)
            bench.engine.process.kill()
            for pid in below:
                os.kill(pid, signal.SIGKILL)
            return await task

    found = failed(asyncio.run(story()))
    assert ("container.unavailable", error_class) == (found.type, found.error_class)


def test_an_adapter_that_is_closed_starts_nothing(bench: Bench) -> None:
    """
    A call that is under way when the adapter is closed ends, and leaves no process of ours.
    """

    async def story() -> Outcome:
        adapter = create({"command": bench.engine.command})
        operation = adapter.operations()[1]
        await adapter.open()
        task = asyncio.create_task(operation.invoke(call(**{**RUN, "argv": SLEEP})))
        await until_running(bench)
        await adapter.close()
        return await task

    before = offspring() | descendants(bench.engine.process.pid)
    found = failed(asyncio.run(story()))
    assert "container.unavailable" == found.type
    ours = offspring() - descendants(bench.engine.process.pid)
    assert frozenset() == ours - before


def test_an_engine_that_is_not_there(bench: Bench, tmp_path: Path) -> None:
    """
    Neither operation calls a missing engine the author's fault, and both say what is missing.
    """
    bench.engine.process.kill()
    for found in (failed(bench.run()), failed(bench.build(network="default"))):
        assert ("container.unavailable", TRANSIENT) == (found.type, found.error_class)
        assert "Cannot connect to the Docker daemon" in found.message

    nothing = Bench(bench.engine, {"command": None, "path": str(tmp_path / "bin")})
    found = failed(nothing.run())
    assert ("container.unavailable", TRANSIENT) == (found.type, found.error_class)
    assert "no docker or podman" in found.message


def test_the_first_command_that_is_found(bench: Bench, tmp_path: Path) -> None:
    """
    Without a setting docker is looked for, and podman after it, which takes no token.
    """
    docker = Bench(bench.engine, {"command": None, "path": f"{tmp_path}:/usr/bin:/bin"})
    outputs(docker.build(auth="ghs_token"))

    folder = tmp_path / "other"
    folder.mkdir()
    shutil.copy(bench.engine.command, folder / "podman")
    podman = Bench(bench.engine, {"command": None, "path": str(folder)})
    assert "container.invalid" == failed(podman.build(auth="ghs_token")).type
    outputs(podman.build())


def test_a_command_line_that_hangs(tmp_path: Path) -> None:
    """
    An engine that answers nothing at all is given up when the time is over.
    """
    command = tmp_path / "docker"
    command.write_text("#!/bin/sh\nexec sleep 100\n")
    command.chmod(0o755)

    async def story() -> Outcome:
        async with opened(create({"command": str(command)}), "container.run@1") as operation:
            return await operation.invoke(call(0.3, **RUN))

    began = time.monotonic()
    found = failed(asyncio.run(story()))

    assert ("container.timeout", TRANSIENT) == (found.type, found.error_class)
    assert time.monotonic() - began < 40


@pytest.mark.parametrize(("network", "error_class"), [("none", TRANSIENT), ("default", UNKNOWN)])
def test_a_build_that_takes_too_long(bench: Bench, network: str, error_class: ErrorClass) -> None:
    """
    Without a network a build may be made again; with one its lines may have done something.
    """
    found = failed(bench.build(3, file="Dockerfile.hangs", network=network))

    assert ("container.timeout", error_class) == (found.type, found.error_class)


def test_an_engine_that_dies_during_a_build(bench: Bench) -> None:
    """
    A build that lost its engine has not failed: the commit is not to blame.
    """

    async def story() -> Outcome:
        settings: dict[str, Json] = {"command": bench.engine.command}
        async with opened(create(settings), "container.build@1") as operation:
            task = asyncio.create_task(
                operation.invoke(call(20, **{**BUILD, "file": "Dockerfile.hangs"}))
            )
            assert await asyncio.to_thread(eventually, lambda: bench.engine.asked("build") != [])
            bench.engine.process.kill()
            return await task

    found = failed(asyncio.run(story()))
    assert ("container.unavailable", TRANSIENT) == (found.type, found.error_class)


def test_waiting_for_a_place_counts(bench: Bench) -> None:
    """
    A call that finds no free place within its time says that nothing has run.
    """

    async def story() -> Outcome:
        settings: dict[str, Json] = {"command": bench.engine.command, "parallel": 1}
        async with opened(create(settings), "container.run@1") as operation:
            long = call(**{**RUN, "argv": SLEEP})
            task = asyncio.create_task(operation.invoke(long))
            await asyncio.sleep(0.1)
            given = call(0.2, image=HERE, argv=["true"], network="default")
            found = await operation.invoke(given)
            task.cancel()
            return found

    found = failed(asyncio.run(story()))
    assert ("container.unavailable", TRANSIENT) == (found.type, found.error_class)
    assert "nothing has run" in found.message


@pytest.mark.parametrize(
    ("name", "arguments"), [("container.run@1", RUN), ("container.build@1", BUILD)]
)
def test_a_full_disk_is_transient(bench: Bench, name: str, arguments: Mapping[str, Json]) -> None:
    """
    Where no folder can be made nothing has run, and it may work later.
    """

    def full() -> Path:
        raise OSError(errno.ENOSPC, "No space left on device")

    refused = failed(bench.ask(name, replace(call(**arguments), folder=full)))

    assert ("container.unavailable", TRANSIENT) == (refused.type, refused.error_class)
    assert "No space left" in refused.message
