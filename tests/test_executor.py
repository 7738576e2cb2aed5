"""What one attempt comes to, whatever the operation does."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters import contract
from adapters.contract import Call, ErrorClass, Json, Manifest, Outcome
from engine.artifacts import Artifacts
from engine.core.event import Failed, Succeeded
from engine.core.plan import Effect, Plan, Projection, Timeout, Uses
from engine.core.spilled import LARGEST
from engine.executor import Executor
from policies.facts import Action, Actor, Resource, Verdict
from tests.core.runs import begin, plan, scope, step
from tests.heart import Allow, NoSecrets, calls

ARGUMENTS: dict[str, Any] = {"type": "object", "properties": {"n": {"type": "integer"}}}
OUTPUTS: dict[str, Any] = {"type": "object", "properties": {"text": {"type": "string"}}}


class Does:
    """Does what a function does."""

    manifest = Manifest("test.do@1", "do", ARGUMENTS, OUTPUTS, "pure", True, ())

    def __init__(self, what: Callable[[Call], Awaitable[Any]]) -> None:
        self._what = what

    async def invoke(self, call: Call) -> Outcome:
        outcome: Outcome = await self._what(call)
        return outcome


class Vault:
    """Knows one secret."""

    def value(self, namespace: str, name: str) -> str:
        return "hunter2"

    def mask(self, text: str) -> str:
        return text.replace("hunter2", "***")


class Deny:
    """A policy that allows nothing."""

    def decide(self, actor: Actor, action: Action, resource: Resource) -> Verdict:
        return Verdict(False, f"{actor.id} may not {action.name} {resource.id}")


def attempt(
    what: Callable[[Call], Awaitable[Any]], made: Plan | None = None, policy: Any = None,
    secrets: Any = None,
) -> Succeeded | Failed:  # fmt: skip
    run, decision = begin(made or plan(scope(step("a", verb=calls("test.do@1", n=1)))))
    artifacts = Artifacts(Path("/nowhere"))
    operations = {"test.do@1": Does(what)}
    executor = Executor(operations, policy or Allow(), secrets or NoSecrets(), artifacts)
    return asyncio.run(executor.attempt(run, decision.launches[0]))


def error(outcome: Succeeded | Failed) -> Mapping[str, Json]:
    assert isinstance(outcome, Failed)
    return outcome.error


def test_outputs_are_what_their_bytes_say():
    """
    A replay computes the same: tuples are lists, and the order of keys is kept.
    """

    async def give(call: Call) -> Outcome:
        return contract.Succeeded({"z": (1, 2), "a": {"y": 1, "x": 2}, "text": "ok"})

    outcome = attempt(give)

    assert isinstance(outcome, Succeeded)
    assert list(outcome.outputs) == ["z", "a", "text"]
    assert outcome.outputs["z"] == [1, 2]


async def exits(call: Call) -> Outcome:
    raise SystemExit(0)


async def interrupts(call: Call) -> Outcome:
    raise KeyboardInterrupt


async def cancels(call: Call) -> Outcome:
    raise asyncio.CancelledError


async def times_out(call: Call) -> Outcome:
    raise TimeoutError("of something else")


async def breaks(call: Call) -> Outcome:
    raise ValueError("hunter2")


async def gives_nothing(call: Call) -> Any:
    return None


async def gives_a_dict(call: Call) -> Any:
    return {"text": "x"}


async def gives_a_wrong_type(call: Call) -> Outcome:
    return contract.Succeeded({"text": 1})


@pytest.mark.parametrize(
    "what",
    [
        exits,
        interrupts,
        cancels,
        times_out,
        breaks,
        gives_nothing,
        gives_a_dict,
        gives_a_wrong_type,
    ],
)
def test_a_defect_is_an_outcome(what: Callable[[Call], Awaitable[Any]]):
    """
    Whatever an operation raises or gives that it must not, the attempt has failed, for good; the
    process goes on and what was raised is not shown.
    """
    found = error(attempt(what))

    assert (found["type"], found["class"]) == ("adapter.defect", "permanent")
    assert "hunter2" not in str(found)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({"text": "x" * LARGEST}, "sark.too_large"),
        ({"a": 1 << 70}, "adapter.defect"),
        ({"a": {1: 2}}, "adapter.defect"),
    ],
)
def test_outputs_that_a_run_cannot_hold(value: Any, kind: str):
    """
    They are too large, or no JSON: the attempt fails and says which.
    """

    async def give(call: Call) -> Outcome:
        return contract.Succeeded(value)

    assert error(attempt(give))["type"] == kind


def test_an_error_is_bounded():
    """
    An error of megabytes is cut to the words that count.
    """

    async def give(call: Call) -> Outcome:
        details: dict[str, Json] = {"body": "y" * 1_000_000}
        return contract.Failed("http.status", "z" * 1_000_000, ErrorClass.TRANSIENT, None, details)

    found = error(attempt(give))

    assert (found["type"], found["class"]) == ("http.status", "transient")
    assert len(str(found)) < 5_000


def test_an_error_keeps_its_details():
    """
    Extra members and the wish for a pause come through.
    """

    async def give(call: Call) -> Outcome:
        wish = timedelta(seconds=2.5)
        return contract.Failed("http.status", "no", ErrorClass.TRANSIENT, wish, {"status": 503})

    found = error(attempt(give))

    assert (found["status"], found["retry_after"]) == (503, 2.5)


@pytest.mark.parametrize(("repeatable", "error_class"), [(True, "transient"), (False, "unknown")])
def test_an_operation_that_does_not_end_is_ended(
    monkeypatch: pytest.MonkeyPatch, repeatable: bool, error_class: str
):
    """
    Past its time and the grace for cleaning up it is cancelled; an effect that must not be
    repeated is then unknown.
    """
    monkeypatch.setattr(contract, "GRACE", timedelta(milliseconds=20))
    cancelled = []

    async def hang(call: Call) -> Outcome:
        try:
            await asyncio.sleep(60)
        finally:
            cancelled.append(True)
        raise AssertionError

    short = Timeout(attempt=timedelta(milliseconds=20))
    verb = calls("test.do@1", repeatable=repeatable)
    found = error(attempt(hang, plan(scope(step("a", verb=verb, timeout=short)))))

    assert (found["type"], found["class"]) == ("sark.timeout", error_class)
    assert cancelled == [True]


async def never(call: Call) -> Outcome:
    raise AssertionError("it must not be called")


@pytest.mark.parametrize(
    ("verb", "kind"),
    [
        (calls("test.do@1", n="x"), "sark.argument"),
        (calls("test.do@1", n="{{ steps.gone.outputs.x }}"), "sark.argument"),
        (calls("test.gone@1"), "sark.unknown_operation"),
    ],
)
def test_what_keeps_an_attempt_from_being_made(verb: Uses, kind: str):
    """
    Arguments that do not fit and operations that are not there fail before anything is called.
    """
    assert error(attempt(never, plan(scope(step("a", verb=verb)))))["type"] == kind


def test_policy_is_asked_before_the_adapter():
    """
    What no policy allows is not called.
    """
    found = error(attempt(never, policy=Deny()))

    assert found["type"] == "sark.denied"
    assert "local/demo may not step.invoke test.do@1" in str(found["detail"])


def test_the_adapter_is_told_what_the_step_does():
    """
    An author who raises a step's effect is heard by the operation, which may then write.
    """
    seen: list[str] = []

    async def listen(call: Call) -> Outcome:
        seen.append(call.effect)
        return contract.Succeeded({})

    for effect in (Effect.PURE, Effect.WRITE):
        verb = replace(calls("test.do@1", n=1), effect=effect)
        attempt(listen, plan(scope(step("a", verb=verb))))

    assert ["pure", "write"] == seen


def test_secrets_reach_the_adapter_and_nothing_else():
    """
    The call holds the secret; outputs and errors hold a mask.
    """
    from dataclasses import replace

    verb = calls("test.do@1", token="{{ secrets.token }}")
    made = replace(plan(scope(step("a", verb=verb))), secrets=("token",))

    async def give(call: Call) -> Outcome:
        assert call.arguments["token"] == "hunter2"
        return contract.Succeeded({"text": "it is hunter2"})

    async def fail(call: Call) -> Outcome:
        return contract.Failed("x.y", "no hunter2", ErrorClass.PERMANENT, None, {"b": "hunter2"})

    told = attempt(give, made, secrets=Vault())
    assert isinstance(told, Succeeded)
    assert told.outputs == {"text": "it is ***"}
    assert "hunter2" not in str(error(attempt(fail, made, secrets=Vault())))


def test_declared_outputs_are_projected_and_checked():
    """
    A step that declares outputs keeps those alone, and fails where one is not of its type.
    """

    async def give(call: Call) -> Outcome:
        return contract.Succeeded({"text": "seven", "rest": 1})

    def projecting(schema: Json) -> Plan:
        outputs = (Projection("word", "text", schema),)
        return plan(scope(step("a", verb=calls("test.do@1", n=1), outputs=outputs)))

    told = attempt(give, projecting({"type": "string"}))
    assert isinstance(told, Succeeded)
    assert told.outputs == {"word": "seven"}
    assert error(attempt(give, projecting({"type": "integer"})))["type"] == "sark.output"
