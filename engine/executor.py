"""One attempt of one step: render, authorize, invoke with nothing held, answer."""

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import orjson

from adapters import contract
from engine.core import machine, schema
from engine.core.binding import BoundStep
from engine.core.event import Failed, Succeeded
from engine.core.expression import EvaluationError
from engine.core.run import Run
from engine.core.values import Json
from engine.errors import SarkError
from policies.facts import Action, Actor, Resource, Verdict

_LOG = logging.getLogger("sark.executor")
MAX_OUTPUT = 256 * 1024
_INVOKE = Action("step.invoke")


class Decides(Protocol):
    """Says whether an actor may do something."""

    def decide(self, actor: Actor, action: Action, resource: Resource) -> Verdict: ...


class Keeps(Protocol):
    """Keeps secrets by namespace, and takes them out of text."""

    def value(self, namespace: str, name: str) -> str: ...

    def mask(self, text: str) -> str: ...


class _Refused(Exception):
    """The attempt ends before the adapter is called; `error` says why."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.error = _problem(kind, detail, "permanent")


class Executor:
    """Makes attempts. Holds no run, no connection and no lock while an adapter works."""

    def __init__(
        self, operations: Mapping[str, contract.Operation], policy: Decides, secrets: Keeps,
        root: Path | None = None,
    ) -> None:  # fmt: skip
        self._operations = operations
        self._policy = policy
        self._secrets = secrets
        self._root = root
        self._checks = {
            name: schema.validator(each.manifest.arguments) for name, each in operations.items()
        }

    async def attempt(self, run: Run, launch: machine.Launch) -> Succeeded | Failed:
        """Make one attempt and return its outcome. Raises nothing but cancellation."""
        try:
            operation, call = self._prepare(run, launch)
        except _Refused as refused:
            return self._failed(run, launch, refused.error)
        except (EvaluationError, ValueError, SarkError) as fault:
            return self._failed(run, launch, _problem("sark.argument", str(fault), "permanent"))
        try:
            async with asyncio.timeout(call.timeout.total_seconds()):
                outcome = await operation.invoke(call)
        except TimeoutError:
            seconds = call.timeout.total_seconds()
            detail = (
                f"the attempt took longer than {seconds:g} s; whether it took effect is unknown"
            )
            safe = launch.step.uses is not None and launch.step.uses.repeatable
            told = _problem("sark.timeout", detail, "transient" if safe else "unknown")
            return self._failed(run, launch, told)
        except Exception as defect:
            _LOG.exception("%s raised", operation.manifest.name)
            detail = (
                f"{operation.manifest.name} raised {type(defect).__name__}; the log has it whole"
            )
            return self._failed(run, launch, _problem("adapter.defect", detail, "permanent"))
        return self._answer(run, launch, outcome)

    def _prepare(
        self, run: Run, launch: machine.Launch
    ) -> tuple[contract.Operation, contract.Call]:
        """Return the operation and its call; raise what keeps it from being made."""
        uses = launch.step.uses
        assert uses is not None
        operation = self._operations.get(uses.operation)
        if operation is None:
            raise _Refused("sark.unknown_operation", f"this worker has no {uses.operation}")
        self._authorize(run, uses.operation, uses.effect.value)
        names = machine.names(run, launch.path)
        if run.bound.plan.secrets:
            names["secrets"] = self._reveal(run)
        arguments = launch.step.arguments.evaluate(names)
        problems = self._checks[uses.operation].problems(arguments)
        if problems or not isinstance(arguments, Mapping):
            told = "; ".join(f"{pointer}: {words}" for pointer, words in problems[:3])
            raise _Refused("sark.argument", f"{uses.operation} {told or 'takes an object'}")
        key = launch.step.key
        told = f"{run.header.id}:{launch.path}" if key is None else str(key.evaluate(names))
        call = contract.Call(
            run.header.id, launch.path, launch.attempt, told, arguments,
            launch.step.plan.timeout.attempt, self._root,
        )  # fmt: skip
        return operation, call

    def _authorize(self, run: Run, operation: str, effect: str) -> None:
        header = run.header
        actor = Actor("run", f"{header.namespace}/{header.workflow}", header.namespace)
        resource = Resource("operation", operation, header.namespace, (("effect", effect),))
        verdict = self._policy.decide(actor, _INVOKE, resource)
        if not verdict.allowed:
            raise _Refused("sark.denied", f"policy denies {operation}: {verdict.reason}")

    def _reveal(self, run: Run) -> dict[str, Json]:
        namespace = run.header.namespace
        return {name: self._secrets.value(namespace, name) for name in run.bound.plan.secrets}

    def _answer(
        self, run: Run, launch: machine.Launch, outcome: contract.Outcome
    ) -> Succeeded | Failed:
        """Return the event for what the adapter said, projected, checked, masked and bounded."""
        if isinstance(outcome, contract.Failed):
            return self._failed(run, launch, _told(outcome))
        try:
            outputs = _project(launch.step, outcome.outputs)
            data = orjson.dumps(outputs)
        except (EvaluationError, ValueError, TypeError) as fault:
            return self._failed(run, launch, _problem("sark.output", str(fault), "permanent"))
        if len(data) > MAX_OUTPUT:
            detail = f"the outputs are {len(data)} bytes; at most {MAX_OUTPUT} are kept in a run"
            return self._failed(run, launch, _problem("sark.too_large", detail, "permanent"))
        return Succeeded(launch.path, launch.attempt, self._masked(run, outputs, data))

    def _failed(self, run: Run, launch: machine.Launch, error: Mapping[str, Json]) -> Failed:
        return Failed(launch.path, launch.attempt, self._masked(run, error, None))

    def _masked(
        self, run: Run, value: Mapping[str, Json], data: bytes | None
    ) -> Mapping[str, Json]:
        if not run.bound.plan.secrets:
            return value
        text = (data or orjson.dumps(value)).decode()
        masked = self._secrets.mask(text)
        return value if masked == text else orjson.loads(masked)


def _project(step: BoundStep, outputs: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return the outputs that the step declares, or all of them where it declares none."""
    if not step.projections:
        return outputs
    projected: dict[str, Json] = {}
    for each in step.projections:
        value = each.source.evaluate(outputs)
        problems = each.validator.problems(value)
        if problems:
            pointer, message = problems[0]
            raise ValueError(f"output {each.name}{pointer}: {message}")
        projected[each.name] = value
    return projected


def _told(failed: contract.Failed) -> dict[str, Json]:
    error = {**failed.details, **_problem(failed.type, failed.message, failed.error_class.value)}
    if failed.retry_after is not None:
        error["retry_after"] = failed.retry_after.total_seconds()
    return error


def _problem(kind: str, detail: str, error_class: str) -> dict[str, Json]:
    return {"type": kind, "detail": detail, "class": error_class}
