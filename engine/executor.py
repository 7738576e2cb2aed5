"""One attempt of one step: render, authorize, invoke with nothing held, answer."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import orjson

from adapters import contract
from engine import files, pulse
from engine.artifacts import Artifacts
from engine.core import machine, schema
from engine.core.attempt import Attempt, attempt_of, kept_out
from engine.core.binding import BoundStep, project
from engine.core.event import Failed, Succeeded
from engine.core.expression import EvaluationError
from engine.core.frozen import frozen
from engine.core.plan import Effect
from engine.core.run import Run
from engine.core.spilled import KEPT, LARGEST, Spilled
from engine.core.values import Json
from engine.errors import SarkError, Unavailable
from engine.failing import Failure, bounded, cut_off, may_repeat, problem, refused, told
from engine.guard import Guard, Refused, key_of, versions
from engine.scratch import Scratch, remove
from engine.spilling import Needs, Spilling, needs
from policies.facts import Action, Actor, Resource, Verdict

_LOG = logging.getLogger("sark.executor")
_INVOKE = Action("step.invoke")


class Decides(Protocol):
    """Says whether an actor may do something."""

    def decide(self, actor: Actor, action: Action, resource: Resource) -> Verdict: ...


class Keeps(Protocol):
    """Keeps secrets by namespace, and takes them out of text."""

    def value(self, namespace: str, name: str) -> str: ...

    def mask(self, text: str) -> str: ...


@frozen
class Prepared:
    """An attempt that is ready to be made, or the failure that it will be.

    Neither is known yet of one that needs what is passed by reference.
    """

    attempt: Attempt
    ready: tuple[contract.Operation, contract.Call, Scratch] | Failure | Needs


class Executor:
    """Makes attempts. Holds no run, no connection and no lock while an adapter works.

    `scratch` is where the folders of attempts are made: the system's place without one. Without a
    `guard` nothing is shared with other processes: no cache, breaker, rate or slot. `history` is
    how long runs are kept, None being for ever.
    """

    def __init__(
        self, operations: Mapping[str, contract.Operation], policy: Decides, secrets: Keeps,
        artifacts: Artifacts, scratch: Path | None = None, root: Path | None = None,
        guard: Guard | None = None, history: timedelta | None = None,
    ) -> None:  # fmt: skip
        self._guard = guard
        self._operations = operations
        self._policy = policy
        self._secrets = secrets
        self._artifacts = artifacts
        self._spilling = Spilling(artifacts, history)
        self._scratch = scratch
        self._root = root
        manifests = [each.manifest for each in operations.values()]
        self._arguments = {each.name: schema.validator(each.arguments) for each in manifests}
        self._outputs = {each.name: schema.validator(each.outputs) for each in manifests}
        self._files = {each.name: _file_arguments(each) for each in manifests}

    async def attempt(self, run: Run, launch: machine.Launch) -> Succeeded | Failed:
        """Make one attempt and return its outcome. Raises nothing but cancellation."""
        return await self.make(self.prepare(attempt_of(run, launch)))

    def prepare(self, attempt: Attempt) -> Prepared:
        """Make an attempt ready: nothing of it is seen outside until it is made."""
        if (needed := needs(attempt)) is not None:
            return Prepared(attempt, needed)
        try:
            return Prepared(attempt, self._call(attempt))
        except Failure as failure:
            return Prepared(attempt, failure)

    def waits(self, step: BoundStep) -> bool:
        """True if an attempt may have to wait, once it is made, before it begins."""
        operation = self._operations.get(step.uses.operation) if step.uses else None
        return step.is_guarded or (operation is not None and operation.manifest.waits)

    async def make(
        self, prepared: Prepared, mark: Callable[[], Awaitable[None]] | None = None
    ) -> Succeeded | Failed:
        """Make an attempt and return its outcome. Raises nothing but cancellation.

        `mark` writes down that it begins: nothing is done before that has returned.
        """
        attempt = prepared.attempt
        try:
            if isinstance(prepared.ready, Needs):
                async with self._spilling.read(attempt, prepared.ready) as whole:
                    return await self.make(self.prepare(whole), mark)
            if isinstance(prepared.ready, Failure):
                raise prepared.ready
            operation, _, scratch = prepared.ready
            key = None
            if self._guard is not None and attempt.step.plan.cache is not None:
                key = await self._key(attempt)
                retain = self._spilling.retain(attempt)
                found = await self._guard.recall(attempt, key, self._artifacts, retain)
                if found is not None:
                    return found
            try:
                done = await self._in_turn(prepared, mark)
                data = self._checked(attempt.step, operation, done.outputs)
                outputs, spilled = await self._fitting(attempt, data)
                wanted = attempt.step.plan.artifacts
                artifacts = await self._kept(attempt.step, done, scratch) if wanted else {}
            finally:
                if scratch.path is not None:
                    await asyncio.shield(asyncio.to_thread(remove, scratch.path))
        except Failure as failure:
            return self._failed(attempt, failure.error)
        outcome = Succeeded(
            attempt.path, attempt.number, outputs, artifacts, cached=False, spilled=spilled
        )
        if self._guard is not None and key is not None:
            self._guard.remember(attempt, key, outcome)
        return outcome

    async def _in_turn(
        self, prepared: Prepared, mark: Callable[[], Awaitable[None]] | None
    ) -> contract.Succeeded:
        """Make the call, and before it wait for its turn where the step has to."""
        assert isinstance(prepared.ready, tuple)
        attempt, (operation, call, scratch) = prepared.attempt, prepared.ready
        if not attempt.step.is_guarded:
            return await self._invoked(operation, call, attempt.step, scratch, mark)
        try:
            turn = self._guard.turn(attempt) if self._guard else nullcontext(_nobody)
            async with turn as tell:
                try:
                    done = await self._invoked(operation, call, attempt.step, scratch, mark)
                except Failure as failure:
                    tell(failure.error["class"])
                    raise
                tell(None)
                return done
        except Refused as refusal:
            raise Failure(refused(refusal)) from refusal
        except (EvaluationError, ValueError) as fault:
            raise Failure(problem("sark.argument", str(fault), "permanent")) from fault

    async def _key(self, attempt: Attempt) -> bytes:
        uses = attempt.step.uses
        if uses is None or uses.effect not in (Effect.PURE, Effect.READ):
            detail = "only a call that is pure or reads is answered from a cache"
            raise Failure(problem("sark.argument", detail, "permanent"))
        try:
            secrets = self._reveal(attempt) if attempt.secrets else {}
            return key_of(attempt, await versions(attempt.namespace, secrets))
        except (EvaluationError, ValueError, SarkError) as fault:
            detail = f"cache: {fault}"
            raise Failure(problem("sark.argument", detail, "permanent")) from fault

    def _call(self, attempt: Attempt) -> tuple[contract.Operation, contract.Call, Scratch]:
        """Return the operation, its call and the call's folder, which is not made yet.

        Raise Failure for what keeps the call from being made.
        """
        uses = attempt.step.uses
        assert uses is not None
        if refused := kept_out(attempt):
            raise Failure(problem("sark.denied", refused, "permanent"))
        operation = self._operations.get(uses.operation)
        if operation is None:
            detail = f"this worker has no {uses.operation}"
            raise Failure(problem("sark.unknown_operation", detail, "permanent"))
        self._authorize(attempt, uses.operation, uses.effect.value)
        try:
            key, arguments = self._rendered(attempt)
            if pointers := self._files[uses.operation]:
                arguments = files.received(arguments, pointers, self._artifacts)
        except (EvaluationError, ValueError, SarkError) as fault:
            raise Failure(problem("sark.argument", str(fault), "permanent")) from fault
        problems = self._arguments[uses.operation].problems(arguments)
        if problems or not isinstance(arguments, Mapping):
            told = "; ".join(f"{pointer}: {words}" for pointer, words in problems[:3])
            detail = f"{uses.operation} {told or 'takes an object'}"
            raise Failure(problem("sark.argument", detail, "permanent"))
        scratch = Scratch(self._scratch)
        call = contract.Call(
            attempt.run, attempt.path, attempt.number, key, arguments,
            attempt.step.plan.timeout.attempt, self._root, scratch, uses.effect.value,
        )  # fmt: skip
        return operation, call, scratch

    def _rendered(self, attempt: Attempt) -> tuple[str, Json]:
        """Return the key of the call and its arguments, secrets included."""
        names = attempt.names
        if attempt.secrets:
            names = {**names, "secrets": self._reveal(attempt)}
        key = attempt.step.key
        told = f"{attempt.run}:{attempt.path}" if key is None else str(key.evaluate(names))
        return told, attempt.step.arguments.evaluate(names)

    def _authorize(self, attempt: Attempt, operation: str, effect: str) -> None:
        namespace = attempt.namespace
        actor = Actor("run", f"{namespace}/{attempt.workflow}", namespace)
        resource = Resource("operation", operation, namespace, (("effect", effect),))
        verdict = self._policy.decide(actor, _INVOKE, resource)
        if not verdict.allowed:
            detail = f"policy denies {operation}: {verdict.reason}"
            raise Failure(problem("sark.denied", detail, "permanent"))

    def _reveal(self, attempt: Attempt) -> dict[str, str]:
        """Return the secrets that the step reads: the others are nobody's business here."""
        wanted, namespace = attempt.step.secrets, attempt.namespace
        names = [name for name in attempt.secrets if name in wanted]
        return {name: self._secrets.value(namespace, name) for name in names}

    async def _invoked(
        self,
        operation: contract.Operation,
        call: contract.Call,
        step: BoundStep,
        scratch: Scratch,
        mark: Callable[[], Awaitable[None]] | None,
    ) -> contract.Succeeded:
        """Return the success of an operation; raise Failure, with what it has left, for others."""
        if mark is not None and operation.manifest.waits:
            call = replace(call, begin=mark)
        elif mark is not None:
            await mark()
        try:
            return await _invoke(operation, call, step)
        except Failure as failure:
            wanted = step.plan.artifacts
            if wanted and scratch.path is not None:
                left = await asyncio.to_thread(files.left, wanted, scratch.path, self._artifacts)
                if left:
                    raise Failure({**failure.error, "artifacts": left}) from failure
            raise

    async def _fitting(
        self, attempt: Attempt, data: bytes
    ) -> tuple[Mapping[str, Json], Mapping[str, Spilled]]:
        """Return the outputs that a journal takes, and references to those it does not.

        What the event holds is what its bytes say, so a replay from them computes the same.
        """
        if len(data) <= KEPT:
            return self._masked(attempt, data), {}
        outputs = await asyncio.to_thread(self._masked, attempt, data)
        return await asyncio.to_thread(self._spilling.spill, attempt, outputs)

    def _checked(
        self, step: BoundStep, operation: contract.Operation, outputs: Mapping[str, Json]
    ) -> bytes:
        """Return the bytes of what is kept: promised by the manifest, projected, bounded."""
        try:
            problems = self._outputs[operation.manifest.name].problems(outputs)
            data = b"" if problems else orjson.dumps(_projected(step, outputs))
        except (EvaluationError, ValueError, TypeError) as fault:
            raise Failure(problem("sark.output", str(fault), "permanent")) from fault
        if problems:
            pointer, words = problems[0]
            raise _defect(operation, f"gave outputs that it does not promise: {pointer}: {words}")
        if len(data) > LARGEST:
            detail = f"the outputs are {len(data)} bytes; at most {LARGEST} are passed on in a run"
            raise Failure(problem("sark.too_large", detail, "permanent"))
        return data

    async def _kept(
        self, step: BoundStep, done: contract.Succeeded, scratch: Scratch
    ) -> Mapping[str, Json]:
        """Keep what the step declares as its artifacts; return the references by name."""
        wanted = step.plan.artifacts
        try:
            return await asyncio.to_thread(
                files.kept, wanted, done.files, scratch.path, self._artifacts
            )
        except SarkError as fault:
            safe = isinstance(fault, Unavailable) and may_repeat(step)
            error_class = "transient" if safe else "permanent"
            raise Failure(problem("sark.artifact", str(fault), error_class)) from fault

    def _failed(self, attempt: Attempt, error: Mapping[str, Json]) -> Failed:
        try:
            told = self._masked(attempt, orjson.dumps(error))
        except TypeError:
            words = ("type", "detail", "class")
            told = self._masked(attempt, orjson.dumps({each: str(error[each]) for each in words}))
        return Failed(attempt.path, attempt.number, bounded(told))

    def _masked(self, attempt: Attempt, data: bytes) -> Mapping[str, Json]:
        """Return a value from its bytes, with no secret in it."""
        if attempt.secrets:
            data = self._secrets.mask(data.decode()).encode()
        value: Mapping[str, Json] = orjson.loads(data)
        return value


async def _invoke(
    operation: contract.Operation, call: contract.Call, step: BoundStep
) -> contract.Succeeded:
    """Return what the operation gives; raise Failure where it fails, is late or has a defect.

    It has one too if it raises what would end the process, or a cancellation nobody asked for.
    It ends by itself when its time is over; the limit here is for one that does not.
    """
    limit = asyncio.timeout((call.timeout + contract.GRACE).total_seconds())
    try:
        async with limit:
            outcome = await pulse.invoke(operation, call, step.plan.timeout.heartbeat)
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise _raised(operation, error) from error
    except GeneratorExit:
        raise
    except pulse.Silent as silent:
        raise Failure(cut_off(step, "sark.heartbeat_timeout", str(silent))) from None
    except BaseException as error:
        if limit.expired() and isinstance(error, TimeoutError):
            words = f"the attempt took longer than {call.timeout.total_seconds():g} s"
            raise Failure(cut_off(step, "sark.timeout", words)) from None
        raise _raised(operation, error) from error
    if isinstance(outcome, contract.Failed):
        raise Failure(told(outcome))
    if not isinstance(outcome, contract.Succeeded):
        raise _defect(operation, "gave no outcome")
    return outcome


def _nobody(error_class: Json) -> None:
    """Hear what a call came to, for nobody."""


def _file_arguments(manifest: contract.Manifest) -> tuple[str, ...]:
    roles = manifest.roles.items()
    return tuple(pointer for pointer, held in roles if contract.Role.FILE in held)


def _raised(operation: contract.Operation, error: BaseException) -> Failure:
    """Log what was raised, and name it without what it says, which may be a secret."""
    _LOG.error("%s raised", operation.manifest.name, exc_info=error)
    return _defect(operation, f"raised {type(error).__name__}; the log has it whole")


def _defect(operation: contract.Operation, words: str) -> Failure:
    detail = f"{operation.manifest.name} {words}"
    return Failure(problem("adapter.defect", detail, "permanent"))


def _projected(step: BoundStep, outputs: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return the outputs that the step declares, or all of them where it declares none."""
    return project(step.projections, outputs) if step.projections else outputs
