"""What every operation must keep to, as functions that a test calls with the operation.

A suite is a table of `Case`s over an open adapter. Each function raises AssertionError with a
sentence that names the operation and the promise that is broken.
"""

import asyncio
import base64
import copy
import logging
import math
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import orjson
from jsonschema import Draft202012Validator

from adapters.contract import (
    GRACE,
    Adapter,
    Call,
    ErrorClass,
    Failed,
    Json,
    Manifest,
    Operation,
    Outcome,
    Role,
    Succeeded,
)
from adapters.registry import check_manifest
from adapters.traces import Traces, traces

KEY = "sark:conformance-key-5f3a91c2"
OTHER_KEY = "sark:conformance-other-77ab02d4"
CANARY = "canary-secret-9b1d7e64a0"
_SHORT = timedelta(seconds=2)
_HELD = 1.0
_CLOSING = 1.0
_RESERVED = frozenset({"type", "detail", "class", "retry_after", "artifacts"})


@dataclass(frozen=True, slots=True)
class Case:
    """Arguments and what they lead to: `succeeded`, or the type of an error.

    `valid` says whether the manifest's schema accepts the arguments. `effect` is the step's own.
    """

    about: str
    arguments: Mapping[str, Json]
    expected: str = "succeeded"
    valid: bool = True
    timeout: timedelta = timedelta(seconds=10)
    error_class: str | None = None
    effect: str = ""


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
    """The case leads to what it should, within what the manifest declares, and tells no secret.

    Neither the error nor the log shows one, the arguments are as they were, and it ends in time.
    """
    manifest = operation.manifest
    problems = list(Draft202012Validator(dict(manifest.arguments)).iter_errors(case.arguments))
    _must(case.valid == (not problems), manifest, f"{case.about}: schema says {problems}")
    given = copy.deepcopy(case.arguments)
    with _log() as told:
        outcome = await _outcome(operation, case, call_of(case))
    _must(given == case.arguments, manifest, f"{case.about}: it has changed its arguments")
    _must(not _shown("\n".join(told)), manifest, f"{case.about}: a secret or the key is logged")
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
        _must_be_json(manifest, "outputs", outcome.outputs)
        problems = list(Draft202012Validator(dict(manifest.outputs)).iter_errors(outcome.outputs))
        _must(not problems, manifest, f"outputs are not of their schema: {problems}")
        return
    _must(isinstance(outcome, Failed), manifest, f"{outcome!r} is no outcome")
    declared = {(each.type, each.error_class) for each in manifest.errors}
    pair = (outcome.type, outcome.error_class)
    _must(pair in declared, manifest, f"undeclared error {pair}")
    _must_be_json(manifest, f"details of {outcome.type}", outcome.details)
    taken = sorted(_RESERVED & set(outcome.details))
    _must(not taken, manifest, f"details of {outcome.type} hold {taken}, which are not theirs")
    pause = outcome.retry_after
    _must(pause is None or pause >= timedelta(0), manifest, f"{outcome.type} asks for {pause}")
    _must(bool(outcome.message), manifest, f"{outcome.type} says nothing")
    shown = _shown(outcome.message + orjson.dumps(outcome.details).decode())
    _must(not shown, manifest, f"{outcome.type} shows a secret or the key: {shown}")


async def check_deadline(operation: Operation, case: Case) -> None:
    """A call whose far side never answers ends by itself, and says what is known of its effect.

    What may not be done twice is `unknown`; what may is not `permanent`. The event loop goes
    round meanwhile, and nothing is left.
    """
    manifest, before = operation.manifest, traces()
    async with _gaps() as gaps:
        call = replace(call_of(case), timeout=_SHORT)
        outcome = await _outcome(operation, case, call)
    check_outcome(manifest, outcome)
    held = max(gaps, default=0)
    _must(held < _HELD, manifest, f"{case.about}: it holds the event loop for {held:.1f} s")
    _must(isinstance(outcome, Failed), manifest, f"{case.about}: it succeeds, and does not wait")
    if isinstance(outcome, Failed):
        found = outcome.error_class
        safe = _is_idempotent(manifest, case.arguments)
        right = found is not ErrorClass.PERMANENT if safe else found is ErrorClass.UNKNOWN
        _must(right, manifest, f"{case.about}: a timeout is {found}; may it be repeated: {safe}")
    _must_leave_nothing(manifest, "a call that took too long", before, await _settled(before))


async def check_cancellation(operation: Operation, case: Case) -> None:
    """A call that is cancelled, early or late, ends soon, by CancelledError, and leaves nothing."""
    for pause in (0.3, 0.02, 0):
        before = traces()
        with _folder() as folder:
            call = replace(call_of(case), folder=folder)
            task = asyncio.create_task(operation.invoke(call))
            await asyncio.sleep(pause)
            _must(not task.done(), operation.manifest, f"{case.about}: it does not wait")
            task.cancel()
            done, _ = await asyncio.wait({task}, timeout=GRACE.total_seconds())
        _must(bool(done), operation.manifest, f"{case.about}: it does not end when cancelled")
        _must(task.cancelled(), operation.manifest, f"{case.about}: it swallows its cancellation")
        del task, done
        after = await _settled(before)
        _must_leave_nothing(operation.manifest, "a cancelled call", before, after)


async def check_key(operation: Operation, case: Case, told: Callable[[], str]) -> None:
    """The far side hears the key of each call, the same in every attempt, and no other.

    `told` returns all that the far side has heard so far.
    """
    for key, other in ((KEY, OTHER_KEY), (OTHER_KEY, KEY)):
        for attempt in (1, 2):
            before = told()
            outcome = await _outcome(operation, case, replace(call_of(case, attempt), key=key))
            fresh = told().removeprefix(before)
            about = f"{case.about}: attempt {attempt}"
            _must(isinstance(outcome, Succeeded), operation.manifest, f"{about}: {outcome}")
            _must(key in fresh, operation.manifest, f"{about}: the key is not sent")
            _must(other not in fresh, operation.manifest, f"{about}: another call's key is sent")


async def check_closing(adapter: Adapter, operation: Operation, case: Case) -> None:
    """An adapter that was opened and used lets go of everything within a second."""
    before, loop = traces(), asyncio.get_running_loop()
    await adapter.open()
    await _outcome(operation, case, call_of(case))
    began = loop.time()
    await adapter.close()
    took = loop.time() - began
    _must(took < _CLOSING, operation.manifest, f"the adapter takes {took:.1f} s to close")
    _must_leave_nothing(operation.manifest, "a closed adapter", before, await _settled(before))


def secret_arguments(manifest: Manifest) -> frozenset[str]:
    """Return the pointers of arguments that may hold a secret."""
    return frozenset(where for where, roles in manifest.roles.items() if Role.SECRET in roles)


def call_of(case: Case, attempt: int = 1) -> Call:
    """Return one attempt of a case."""
    return Call("run-1", "step", attempt, KEY, case.arguments, case.timeout, effect=case.effect)


async def _outcome(operation: Operation, case: Case, call: Call) -> Outcome:
    """Return what a call leads to, if it ends in time, raises nothing, and gives its files."""
    beats: list[None] = []
    begun: list[None] = []

    async def begin() -> None:
        begun.append(None)

    with _folder() as folder:
        told = replace(call, folder=folder, beat=lambda: beats.append(None), begin=begin)
        outcome = await _ended(operation, case, told)
        silent = not beats or bool(operation.manifest.progress)
        _must(silent, operation.manifest, f"{case.about}: it tells of progress, not declared")
        if isinstance(outcome, Succeeded):
            same = bool(begun) == operation.manifest.waits
            words = "it calls `begin`, and does not say that it waits"
            if not begun:
                words = "it says that it waits, and does not call `begin`"
            _must(same, operation.manifest, f"{case.about}: {words}")
            _must_give_files(operation.manifest, outcome.files, folder())
        return outcome


async def _ended(operation: Operation, case: Case, call: Call) -> Outcome:
    name = operation.manifest.name
    limit = asyncio.timeout((call.timeout + GRACE).total_seconds())
    try:
        async with limit:
            return await operation.invoke(call)
    except BaseException as error:
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
            raise
        if limit.expired():
            late = GRACE.total_seconds()
            told = f"{name}: {case.about}: it has not ended {late:g} s after its time"
            raise AssertionError(told) from None
        raise AssertionError(f"{name}: {case.about}: it raises {error!r}") from error


@contextmanager
def _folder() -> Iterator[Callable[[], Path]]:
    """Give the folder of one attempt, which goes with it."""
    with tempfile.TemporaryDirectory(prefix="sark-conformance-") as folder:
        yield lambda: Path(folder)


def _must_give_files(manifest: Manifest, files: Mapping[str, Path], folder: Path) -> None:
    for name in files:
        path = files[name]
        _must(name in manifest.files, manifest, f"it gives the file {name!r}, not declared")
        inside = path.resolve().is_relative_to(folder.resolve())
        _must(inside, manifest, f"its file {name!r} is not in the folder of the call")
        _must(path.is_file() and not path.is_symlink(), manifest, f"{name!r} is no regular file")


async def _settled(before: Traces) -> Traces:
    """Return what is held once it is no more than before, or after a second."""
    for _ in range(50):
        after = traces()
        if not after.more_than(before):
            break
        await asyncio.sleep(0.02)
    return after


def _must_leave_nothing(manifest: Manifest, what: str, before: Traces, after: Traces) -> None:
    left = after.more_than(before)
    _must(not left, manifest, f"{what} leaves {', '.join(left)}")


@contextmanager
def _log() -> Iterator[list[str]]:
    """Give every line that is logged meanwhile, of whatever level."""
    lines: list[str] = []

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    root, handler = logging.getLogger(), Lines()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


@asynccontextmanager
async def _gaps() -> AsyncIterator[list[float]]:
    """Give the seconds between one turn of the event loop and the next, as they are measured."""
    loop, gaps = asyncio.get_running_loop(), list[float]()

    async def beat() -> None:
        last = loop.time()
        while True:
            await asyncio.sleep(0.01)
            gaps.append(loop.time() - last)
            last = loop.time()

    task = asyncio.create_task(beat())
    await asyncio.sleep(0)
    try:
        yield gaps
        await asyncio.sleep(0.02)
    finally:
        task.cancel()


def _is_idempotent(manifest: Manifest, arguments: Mapping[str, Json]) -> bool:
    """Return what the manifest says of a call with these arguments."""
    if manifest.idempotent_by is None:
        return manifest.idempotent
    name, by = manifest.idempotent_by
    properties = manifest.arguments.get("properties")
    schema = properties.get(name) if isinstance(properties, Mapping) else None
    default = schema.get("default") if isinstance(schema, Mapping) else None
    return by.get(str(arguments.get(name, default)), manifest.idempotent)


def _shown(text: str) -> str:
    """Return the first form of the secret or the key that stands in a text, or nothing."""
    return next((each for each in _forms() if each in text), "")


def _forms() -> Iterator[str]:
    """Yield the key, and the secret as it is, in hexadecimal, and within any base64 text."""
    yield from (KEY, OTHER_KEY, CANARY, CANARY.encode().hex())
    for before in range(3):
        # The first and last letters depend on what stands before and after.
        yield base64.b64encode(b"x" * before + CANARY.encode())[4:-4].decode()


def _must_be_json(manifest: Manifest, what: str, value: Json) -> None:
    """Raise AssertionError for what JSON does not know, or cannot be written as it."""
    for alien in _aliens(value):
        raise AssertionError(f"{manifest.name}: {what} hold {alien}, which is no JSON")
    try:
        orjson.dumps(value)
    except orjson.JSONEncodeError as error:
        raise AssertionError(f"{manifest.name}: {what} cannot be written: {error}") from None


def _aliens(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from (f"the name {name!r}" for name in value if not isinstance(name, str))
        for each in value.values():
            yield from _aliens(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _aliens(each)
    elif isinstance(value, float) and not math.isfinite(value):
        yield str(value)
    elif not isinstance(value, str | int | float | None):
        yield f"a {type(value).__name__}"


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
