"""How long an operation that reports progress may be silent, by `timeout.heartbeat`."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from adapters import contract
from adapters.contract import Call, Outcome
from engine.artifacts import Artifacts
from engine.core.event import Failed, Succeeded
from engine.core.plan import Effect, Plan, Timeout, Uses
from engine.executor import Executor
from engine.operations import open_operations
from tests.core.runs import begin, plan, scope, step
from tests.heart import Allow, NoSecrets, calls
from tests.test_executor import attempt, error

SILENCE = timedelta(milliseconds=50)


def watched(silence: timedelta = SILENCE, repeatable: bool = True) -> Plan:
    verb = calls("test.do@1", repeatable=repeatable)
    return plan(scope(step("a", verb=verb, timeout=Timeout(heartbeat=silence))))


@pytest.mark.parametrize(("repeatable", "error_class"), [(True, "transient"), (False, "unknown")])
def test_a_silent_attempt_is_ended(repeatable: bool, error_class: str) -> None:
    """
    An attempt that shows no progress for longer than it may is cancelled long before its time;
    what may not be made twice is then unknown.
    """
    cancelled = []

    async def hang(call: Call) -> Outcome:
        call.beat()
        try:
            await asyncio.sleep(60)
        finally:
            cancelled.append(True)
        raise AssertionError

    found = error(attempt(hang, watched(repeatable=repeatable)))

    assert ("sark.heartbeat_timeout", error_class) == (found["type"], found["class"])
    assert "no progress for 0.05 s (timeout.heartbeat)" in str(found["detail"])
    assert [True] == cancelled


def test_an_attempt_that_gets_on_goes_on() -> None:
    """
    However long it takes, an attempt is left alone as long as it reports progress.
    """
    silence = timedelta(seconds=5)
    loops: list[float] = []

    async def work(call: Call) -> Outcome:
        loop = asyncio.get_running_loop()
        now = loop.time
        loop.time = lambda: now() + 4 * len(loops)  # type: ignore[method-assign]
        for _ in range(10):
            loops.append(loop.time())
            call.beat()
            await asyncio.sleep(0)
        return contract.Succeeded({"text": "done"})

    outcome = attempt(work, watched(silence))

    assert isinstance(outcome, Succeeded)
    assert timedelta(seconds=loops[-1] - loops[0]) > silence


def test_a_program_that_hangs_is_killed() -> None:
    """
    A program that writes nothing more is killed, and not waited for until its attempt is over.
    """
    given = {"script": "echo on; exec sleep 600"}
    verb = Uses("shell.run@1", given, Effect.WRITE, repeatable=False)
    made = plan(scope(step("a", verb=verb, timeout=Timeout(heartbeat=timedelta(seconds=3)))))
    run, decision = begin(made)

    async def story() -> Succeeded | Failed:
        async with open_operations({}) as operations:
            executor = Executor(operations, Allow(), NoSecrets(), Artifacts(Path("/nowhere")))
            return await executor.attempt(run, decision.launches[0])

    assert "sark.heartbeat_timeout" == error(asyncio.run(story()))["type"]


def test_what_an_operation_says_itself_is_believed() -> None:
    """
    An operation that is cut off may still say what has become of its work.
    """

    async def ends(call: Call) -> Outcome:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return contract.Succeeded({"text": "just in time"})
        raise AssertionError

    outcome = attempt(ends, watched())

    assert isinstance(outcome, Succeeded)
    assert {"text": "just in time"} == outcome.outputs


def test_a_defect_is_no_silence() -> None:
    """
    An operation that raises TimeoutError has a defect, and was not silent.
    """

    async def times_out(call: Call) -> Outcome:
        raise TimeoutError("of something else")

    assert "adapter.defect" == error(attempt(times_out, watched()))["type"]
