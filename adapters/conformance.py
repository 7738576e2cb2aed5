"""What every operation must keep to, as functions that a test calls with the operation.

A suite is a table of `Case`s over an open adapter. Each function raises AssertionError with a
sentence that names the operation and the promise that is broken.
"""

import asyncio
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import orjson
from jsonschema import Draft202012Validator

from adapters.contract import Call, Failed, Json, Manifest, Operation, Outcome, Role, Succeeded
from adapters.registry import check_manifest

KEY = "sark:conformance-key-5f3a91c2"
CANARY = "canary-secret-9b1d7e64a0"


@dataclass(frozen=True, slots=True)
class Case:
    """Arguments and what they lead to: `succeeded`, or the type of an error.

    `valid` says whether the manifest's schema accepts the arguments.
    """

    about: str
    arguments: Mapping[str, Json]
    expected: str = "succeeded"
    valid: bool = True
    timeout: timedelta = timedelta(seconds=10)
    error_class: str | None = None


@dataclass(frozen=True, slots=True)
class Traces:
    """What a process holds at one moment: tasks, descriptors and processes below it."""

    tasks: int
    descriptors: frozenset[str] = field(compare=False)
    count: int
    processes: frozenset[int]


def check_description(manifest: Manifest) -> None:
    """The manifest is consistent, its schemas are valid, closed, and refer to nothing remote."""
    check_manifest(manifest)
    for area, schema in (("arguments", manifest.arguments), ("outputs", manifest.outputs)):
        Draft202012Validator.check_schema(dict(schema))
        _must(schema.get("additionalProperties") is False, manifest, f"{area} must be closed")
        for reference in _values(schema, "$ref"):
            local = isinstance(reference, str) and reference.startswith("#")
            _must(local, manifest, f"{area} refers to {reference!r}")
    for error in manifest.errors:
        _must(bool(error.description), manifest, f"{error.type} has no description")


async def check_case(operation: Operation, case: Case) -> Outcome:
    """The case leads to what it should, within what the manifest declares, and tells no secret."""
    manifest = operation.manifest
    problems = list(Draft202012Validator(dict(manifest.arguments)).iter_errors(case.arguments))
    _must(case.valid == (not problems), manifest, f"{case.about}: schema says {problems}")
    outcome = await operation.invoke(call_of(case))
    check_outcome(manifest, outcome)
    found = "succeeded" if isinstance(outcome, Succeeded) else outcome.type
    _must(found == case.expected, manifest, f"{case.about}: {found} {outcome}")
    if case.error_class is not None and isinstance(outcome, Failed):
        found = outcome.error_class.value
        _must(found == case.error_class, manifest, f"{case.about}: class {found}")
    return outcome


def check_outcome(manifest: Manifest, outcome: Outcome) -> None:
    """Outputs are of their schema; an error is a declared one, and shows neither key nor secret."""
    if isinstance(outcome, Succeeded):
        problems = list(Draft202012Validator(dict(manifest.outputs)).iter_errors(outcome.outputs))
        _must(not problems, manifest, f"outputs are not of their schema: {problems}")
        orjson.dumps(outcome.outputs)
        return
    declared = {(each.type, each.error_class) for each in manifest.errors}
    pair = (outcome.type, outcome.error_class)
    _must(pair in declared, manifest, f"undeclared error {pair}")
    shown = outcome.message.encode() + orjson.dumps(outcome.details)
    _must(bool(outcome.message), manifest, f"{outcome.type} says nothing")
    _must(CANARY.encode() not in shown, manifest, f"{outcome.type} shows a secret: {shown!r}")
    _must(KEY.encode() not in shown, manifest, f"{outcome.type} shows the key")


async def check_cancellation(operation: Operation, case: Case) -> None:
    """A call that is cancelled while it waits ends soon, by CancelledError, and leaves nothing."""
    before = traces()
    task = asyncio.create_task(operation.invoke(call_of(case)))
    await asyncio.sleep(0.3)
    _must(not task.done(), operation.manifest, f"{case.about}: it does not wait")
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=6)
    _must(bool(done), operation.manifest, f"{case.about}: it does not end when cancelled")
    _must(task.cancelled(), operation.manifest, f"{case.about}: it swallows its cancellation")
    del task, done
    after = await _settled(before)
    left = sorted(after.descriptors - before.descriptors)
    _must(after.tasks <= before.tasks, operation.manifest, "a cancelled call leaves a task")
    _must(after.count <= before.count, operation.manifest, f"a cancelled call leaves {left}")
    fresh = after.processes - before.processes
    _must(not fresh, operation.manifest, f"a cancelled call leaves processes {fresh}")


async def _settled(before: Traces) -> Traces:
    """Return what is held once it is no more than before, or after a second."""
    for _ in range(50):
        after = traces()
        if after.count <= before.count and not after.processes - before.processes:
            break
        await asyncio.sleep(0.02)
    return after


def secret_arguments(manifest: Manifest) -> frozenset[str]:
    """Return the pointers of arguments that may hold a secret."""
    return frozenset(where for where, roles in manifest.roles.items() if Role.SECRET in roles)


def call_of(case: Case, attempt: int = 1) -> Call:
    """Return one attempt of a case."""
    return Call("run-1", "step", attempt, KEY, case.arguments, case.timeout)


def traces() -> Traces:
    """Return what this process holds now; processes and descriptors where /proc tells them."""
    found: list[str] = []
    with suppress(OSError):
        for number in os.listdir("/proc/self/fd"):
            with suppress(OSError):
                found.append(f"{number}:{os.readlink(f'/proc/self/fd/{number}')}")
    return Traces(len(asyncio.all_tasks()), frozenset(found), len(found), descendants(os.getpid()))


def descendants(pid: int) -> frozenset[int]:
    """Return the living processes below a process."""
    found: set[int] = set()
    queue = [pid]
    while queue:
        for each in _children(queue.pop()):
            if each not in found and not _is_dead(each):
                found.add(each)
                queue.append(each)
    return frozenset(found)


def _children(pid: int) -> Iterator[int]:
    with suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with suppress(OSError):
                text = Path(f"/proc/{pid}/task/{task}/children").read_text()
                yield from (int(each) for each in text.split())


def _is_dead(pid: int) -> bool:
    """True for a process that has ended, be it not yet collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in {"Z", "X"}
    except OSError:
        return True


def _values(schema: Json, name: str) -> Iterator[Json]:
    if isinstance(schema, Mapping):
        if name in schema:
            yield schema[name]
        for each in schema.values():
            yield from _values(each, name)
    elif isinstance(schema, list | tuple):
        for each in schema:
            yield from _values(each, name)


def _must(holds: bool, manifest: Manifest, sentence: str) -> None:
    if not holds:
        raise AssertionError(f"{manifest.name}: {sentence}")
