"""The life of one container: made, run to its end, told of, and gone."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from adapters.container import command
from adapters.container.command import CALL, House, Name, Program
from adapters.container.engine import Engine, FailedError, last_words, said
from adapters.contract import Call, ErrorClass, Failed, Json
from adapters.shell.process import Ended, exited

_PERMANENT, _TRANSIENT = ErrorClass.PERMANENT, ErrorClass.TRANSIENT
_NOT_STARTED = frozenset({"created", "configured", "initialized"})
_ENDED = frozenset({"exited", "stopped", "dead"})
# Exit codes of a program that is no program, or is not there (docker-run(1), "Exit status").
_NO_PROGRAM = frozenset({126, 127})
_REFUSALS = ("not found", "manifest unknown", "denied", "unauthorized", "no such", "does not exist")
_STATE = "{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}}"


@dataclass(frozen=True, slots=True)
class State:
    """What the engine knows of a container: its status, exit code, and whether memory ended it."""

    status: str
    code: int
    out_of_memory: bool


async def run(house: House, engine: Engine, call: Call) -> Mapping[str, Json]:
    """Return what the program has led to; raise FailedError for all but a success.

    However this is left, the container is gone, or the log says that it may not be.
    """
    program = command.read(call, house.limits)
    name = command.name_of(call)
    await _clear(engine, name)
    await _have(engine, program.image)
    try:
        await _create(engine, program, call, house)
        engine.begin()
        ended = await engine.tell(
            "start", "--attach", str(name), keep=program.keep, secrets=program.secrets
        )
        state = await _state(engine, name)
    finally:
        await engine.remove(str(name))
    _check(engine, program, ended, state)
    return {
        "exit_code": state.code,
        "stdout": ended.stdout.text(),
        "stderr": ended.stderr.text(),
        "truncated": ended.stdout.truncated or ended.stderr.truncated,
    }


async def _clear(engine: Engine, name: Name) -> None:
    """Remove what an earlier attempt has left, its worker being lost."""
    words = ("--all", "--filter", f"label={CALL}={name.call}", "--format", "{{.Names}}")
    told = await engine.ask("ps", *words)
    left = [each.strip() for each in told.splitlines() if name.is_past(each)]
    if left:
        await engine.remove(*left)


async def _have(engine: Engine, image: str) -> None:
    """See that the image is there; fetch one that has a name."""
    found = await engine.tell("image", "inspect", "--format", "{{.Id}}", image)
    if found.code == 0:
        return
    if image.startswith("sha256:"):
        message = f"{image} is not on this engine: build it here, or give name@sha256:..."
        raise FailedError(Failed("container.image", message, _PERMANENT))
    # Without --quiet, for what it writes is all that tells of its progress.
    pulled = await engine.tell("pull", image)
    if pulled.code != 0:
        words = last_words(pulled)
        refused = any(each in words.lower() for each in _REFUSALS)
        error_class = _PERMANENT if refused else _TRANSIENT
        raise FailedError(Failed("container.image", f"{image}: {words}", error_class))


async def _create(engine: Engine, program: Program, call: Call, house: House) -> None:
    """Make the container, not yet running, and the folder ready for its program."""
    try:
        folder = call.folder().resolve()
        with _written(folder / "env", command.env_file(program, call)) as variables:
            words = command.words(program, call, house, folder, variables, engine.is_podman)
            created = await engine.tell("create", *words)
        command.hand_over(folder, house.user)
    except OSError as error:
        message = f"no folder for the container: {error.strerror}"
        raise FailedError(Failed("container.unavailable", message, _TRANSIENT)) from None
    if created.code != 0:
        raise engine.unavailable(f"create says: {last_words(created)}")


@contextmanager
def _written(path: Path, text: str) -> Iterator[Path]:
    """Give a file that its owner alone may read, and that is gone before a program could."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(text.encode("utf-8", "replace"))
        yield path
    finally:
        path.unlink(missing_ok=True)


async def _state(engine: Engine, name: Name) -> State:
    told = await engine.ask("inspect", "--type", "container", "--format", _STATE, str(name))
    status, code, out_of_memory = (*told.split(), "", "", "")[:3]
    return State(status, int(code) if code.lstrip("-").isdecimal() else -1, out_of_memory == "true")


def _check(engine: Engine, program: Program, ended: Ended, state: State) -> None:
    """Raise FailedError unless the program ran to an end that is fine."""
    words = last_words(ended, program.secrets)
    if state.status in _NOT_STARTED and {state.code, ended.code} & _NO_PROGRAM:
        message = f"the program cannot be executed: {words}"
        raise FailedError(Failed("container.spawn", message, _PERMANENT))
    if state.status in _NOT_STARTED:
        message = f"the container did not start: {words}"
        raise FailedError(Failed("container.unavailable", message, _TRANSIENT))
    if state.status not in _ENDED:
        raise engine.unavailable(f"start ended before the program: {words}")
    if state.code in program.ok:
        return
    if state.out_of_memory:
        limit = f"limits.memory_mib = {program.limits.memory_mib}"
        raise _failed("container.limit", f"the program went past {limit}", program, ended, state)
    message = exited(state.code, ended, program.secrets)
    raise _failed("container.exit", message, program, ended, state)


def _failed(kind: str, message: str, program: Program, ended: Ended, state: State) -> FailedError:
    details = {"exit_code": state.code, **said(ended, program.secrets)}
    return FailedError(Failed(kind, message, _PERMANENT, details=details))
