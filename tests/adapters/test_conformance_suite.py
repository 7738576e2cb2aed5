"""The suite itself is right to be believed: it fails for each promise that is broken."""

import asyncio
import base64
import contextlib
import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters import conformance
from adapters.conformance import CANARY, KEY, Case
from adapters.contract import Call, ErrorClass, ErrorType, Failed, Manifest, Operation, Succeeded
from adapters.manifest.echo import MANIFEST as ECHO

_PERMANENT, _TRANSIENT = ErrorClass.PERMANENT, ErrorClass.TRANSIENT
_CASE = Case("x", {"message": 1})
_WRITING = replace(
    ECHO,
    effect="write",
    idempotent=False,
    errors=(*ECHO.errors, ErrorType("echo.timeout", ErrorClass.UNKNOWN, "Who knows.")),
)


class Broken:
    """An operation that breaks one promise."""

    def __init__(self, does: Callable[[Call], Any], manifest: Manifest = ECHO) -> None:
        self._does = does
        self.manifest = manifest

    async def invoke(self, call: Call) -> Any:
        """Do what is wrong."""
        found = self._does(call)
        return await found if asyncio.iscoroutine(found) else found


def invalid(message: str = "x", **details: Any) -> Failed:
    return Failed("echo.invalid", message, _PERMANENT, details=details)


def says(*values: Any) -> Callable[[Call], Succeeded]:
    return lambda _: Succeeded({"message": list(values)})


def raises(error: BaseException) -> Callable[[Call], Any]:
    def invoke(_: Call) -> Any:
        raise error

    return invoke


def logs(call: Call) -> Succeeded:
    logging.getLogger("acme").debug("calling with %s", CANARY)
    return Succeeded({"message": call.arguments})


def changes(call: Call) -> Succeeded:
    call.arguments["message"] = 2  # type: ignore[index]
    return Succeeded({"message": 2})


BASIC = base64.b64encode(f"ann:{CANARY}".encode()).decode()


@pytest.mark.parametrize(
    ("does", "expected", "sentence"),
    [
        (lambda _: Failed("echo.other", "x", _PERMANENT), "echo.other", "undeclared"),
        (lambda _: Failed("echo.invalid", "x", ErrorClass.UNKNOWN), "echo.invalid", "undeclared"),
        (lambda _: invalid(""), "echo.invalid", "says nothing"),
        (lambda _: invalid(f"x {KEY}"), "echo.invalid", "the key"),
        (lambda _: invalid(said=[CANARY]), "echo.invalid", "shows a secret"),
        (lambda _: invalid(f"sent {BASIC}"), "echo.invalid", "shows a secret"),
        (lambda _: invalid(CANARY.encode().hex()), "echo.invalid", "shows a secret"),
        (lambda _: invalid(type="acme"), "echo.invalid", "not theirs"),
        (lambda _: invalid(at=datetime.now(UTC)), "echo.invalid", "a datetime"),
        (lambda _: replace(invalid(), retry_after=timedelta(-1)), "echo.invalid", "asks for"),
        (lambda _: Succeeded({"other": 1}), "succeeded", "not of their schema"),
        (says(datetime.now(UTC)), "succeeded", "a datetime"),
        (says(float("nan")), "succeeded", "nan"),
        (says({1: 2}), "succeeded", "the name 1"),
        (says("\ud800"), "succeeded", "cannot be written"),
        (lambda _: None, "succeeded", "no outcome"),
        (raises(ValueError("x")), "succeeded", "raises ValueError"),
        (raises(SystemExit(0)), "succeeded", "raises SystemExit"),
        (raises(TimeoutError()), "succeeded", "raises TimeoutError"),
        (raises(asyncio.CancelledError()), "succeeded", "raises CancelledError"),
        (logs, "succeeded", "is logged"),
        (changes, "succeeded", "changed its arguments"),
    ],
)
def test_a_broken_outcome(does: Callable[[Call], Any], expected: str, sentence: str) -> None:
    """
    What is undeclared, no JSON, raised, changed, or shows a secret in any of its forms.
    """
    case = Case("x", {"message": 1}, expected)

    with pytest.raises(AssertionError, match=rf"echo\.say@1: .*{sentence}"):
        asyncio.run(conformance.check_case(Broken(does), case))


_FILES = replace(ECHO, files=("file",))


def gives(name: str, path: Callable[[Path], Path]) -> Callable[[Call], Succeeded]:
    return lambda call: Succeeded({"message": 1}, {name: path(call.folder())})


def written(folder: Path) -> Path:
    path = folder / "x"
    path.write_text("x")
    return path


def linked(folder: Path) -> Path:
    written(folder)
    (folder / "link").symlink_to(folder / "x")
    return folder / "link"


@pytest.mark.parametrize(
    ("does", "sentence"),
    [
        (gives("other", written), "gives the file 'other', not declared"),
        (gives("file", lambda folder: folder / "gone"), "no regular file"),
        (gives("file", lambda folder: folder), "no regular file"),
        (gives("file", linked), "no regular file"),
        (gives("file", lambda _: Path(__file__)), "not in the folder of the call"),
    ],
)
def test_a_broken_file(does: Callable[[Call], Any], sentence: str) -> None:
    """
    What is given as a file is declared, lies in the folder of the call, and is one.
    """
    with pytest.raises(AssertionError, match=rf"echo\.say@1: .*{sentence}"):
        asyncio.run(conformance.check_case(Broken(does, _FILES), _CASE))
    asyncio.run(conformance.check_case(Broken(gives("file", written), _FILES), _CASE))


async def begins(call: Call) -> Succeeded:
    await call.begin()
    return Succeeded({"message": 1})


def test_who_says_when_a_call_begins() -> None:
    """
    An operation says when a call begins just where its manifest says that calls wait.
    """
    waiting = replace(ECHO, waits=True)
    with pytest.raises(AssertionError, match="it calls `begin`, and does not say that it waits"):
        asyncio.run(conformance.check_case(Broken(begins), _CASE))
    with pytest.raises(AssertionError, match="it says that it waits, and does not call `begin`"):
        asyncio.run(conformance.check_case(Broken(says(1), waiting), _CASE))
    asyncio.run(conformance.check_case(Broken(begins, waiting), _CASE))


LEFT: list[object] = []


async def swallows(_: Call) -> Succeeded:
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(60)
    return Succeeded({"message": 1})


async def leaks(_: Call) -> None:
    LEFT.append(asyncio.create_task(asyncio.sleep(60)))
    await asyncio.sleep(60)


async def opens(_: Call) -> None:
    LEFT.append(os.open(os.devnull, os.O_RDONLY))
    await asyncio.sleep(60)


@pytest.mark.parametrize(
    ("does", "sentence"),
    [
        (says(1), "does not wait"),
        (swallows, "swallows its cancellation"),
        (leaks, "leaves 1 tasks"),
        (opens, "leaves the file"),
    ],
)
def test_a_broken_cancellation(does: Callable[[Call], Any], sentence: str) -> None:
    """
    A call that swallows its cancellation, leaves a task or a file, or does not wait, is found.
    """
    with pytest.raises(AssertionError, match=rf"echo\.say@1: .*{sentence}"):
        asyncio.run(conformance.check_cancellation(Broken(does), _CASE))


def late(error_class: ErrorClass) -> Callable[[Call], Any]:
    async def invoke(call: Call) -> Failed:
        await asyncio.sleep(call.timeout.total_seconds())
        return Failed("echo.timeout", "it is late", error_class)

    return invoke


def blocks(call: Call) -> Failed:
    time.sleep(call.timeout.total_seconds())
    return Failed("echo.timeout", "it is late", _TRANSIENT)


async def waits_for_ever(_: Call) -> None:
    await asyncio.sleep(60)


@pytest.mark.parametrize(
    ("operation", "sentence"),
    [
        (Broken(waits_for_ever), "has not ended 6 s after its time"),
        (Broken(blocks), "holds the event loop"),
        (Broken(says(1)), "does not wait"),
        (Broken(late(_TRANSIENT), _WRITING), "a timeout is transient; may it be repeated: False"),
        (Broken(lambda _: invalid()), "a timeout is permanent; may it be repeated: True"),
    ],
)
def test_a_broken_deadline(operation: Operation, sentence: str) -> None:
    """
    A call that ignores its time, stops the whole worker, or says that a write may be repeated.
    """
    with pytest.raises(AssertionError, match=rf"echo\.say@1: .*{sentence}"):
        asyncio.run(conformance.check_deadline(operation, _CASE))


def test_a_deadline_that_is_kept() -> None:
    """
    An operation that writes ends with an effect that is unknown, one that reads is transient.
    """
    asyncio.run(conformance.check_deadline(Broken(late(ErrorClass.UNKNOWN), _WRITING), _CASE))
    asyncio.run(conformance.check_deadline(Broken(late(_TRANSIENT)), _CASE))


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        (lambda _: "", "the key is not sent"),
        (lambda call: f"{call.key[:-1]}{call.attempt}", "the key is not sent"),
        (lambda call: f"{KEY}{call.key}", "another call's key is sent"),
    ],
)
def test_a_broken_key(sent: Callable[[Call], str], sentence: str) -> None:
    """
    An operation that sends no key, another one with each attempt, or that of an earlier call.
    """
    heard: list[str] = []

    def tells(call: Call) -> Succeeded:
        heard.append(sent(call))
        return Succeeded({"message": 1})

    with pytest.raises(AssertionError, match=rf"echo\.say@1: .*{sentence}"):
        asyncio.run(conformance.check_key(Broken(tells), _CASE, lambda: "\n".join(heard)))


class Untidy:
    """An adapter that forgets what it opened, or takes its time to let go."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def operations(self) -> Sequence[Operation]:
        return (Broken(says(1)),)

    async def open(self) -> None:
        if not self._seconds:
            LEFT.append(os.open(os.devnull, os.O_RDONLY))

    async def close(self) -> None:
        await asyncio.sleep(self._seconds)


@pytest.mark.parametrize(("seconds", "sentence"), [(0, "leaves the file"), (1.1, "to close")])
def test_a_broken_adapter(seconds: float, sentence: str) -> None:
    """
    What is open after `close`, and a `close` that lasts, are found.
    """
    adapter = Untidy(seconds)
    (operation,) = adapter.operations()

    with pytest.raises(AssertionError, match=rf"echo\.say@1: .*{sentence}"):
        asyncio.run(conformance.check_closing(adapter, operation, _CASE))
