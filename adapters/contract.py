"""What an adapter promises: its manifest, and one coroutine that makes one attempt."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Protocol, TypeAlias

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
Faults: TypeAlias = Callable[[str], Iterable[tuple[int, str]]]
"""Finds what is wrong with a text of code: lines, from 1, each with what is wrong there."""

Read: TypeAlias = tuple[int, str, bool, Collection[str]]
Reads: TypeAlias = Callable[[str], Iterable[Read]]
"""Finds the names that a text of code reads and has not given itself.

Of each it tells the line, the name, if it must be there, and the names that are given there.
"""

GRACE = timedelta(seconds=6)


class ErrorClass(StrEnum):
    """Whether trying again may help, cannot help, or nobody knows what has happened."""

    TRANSIENT = "transient"
    PERMANENT = "permanent"
    UNKNOWN = "unknown"


class Role(StrEnum):
    """What an argument is used for: code takes no template, a secret goes nowhere else.

    An argument that is a file is an artifact in the spec, and a path on this machine in the call.
    """

    CODE = "code"
    SECRET = "secret"  # nosec B105 - a word, no secret
    HOST = "host"
    PATH = "path"
    HEADER = "header"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class ErrorType:
    """One way to fail: `type` is public and stable, as in `http.status`.

    A type that fails in several classes is declared once for each of them.
    """

    type: str
    error_class: ErrorClass
    description: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the compiler, policy, retry and replay may know of an operation without calling it.

    `name` is `http.request@1`. `arguments` and `outputs` are JSON Schemas (2020-12) of type
    object. `effect` is one of pure, read, write, destructive; `effect_by` refines it, and
    `idempotent_by` refines `idempotent`, by the value of one argument:
    `("method", {"GET": "read"})`. `roles` maps a JSON pointer into the arguments
    (`/auth/bearer`, `/headers/*`) to its roles. `files` names the files that it may give beside
    its outputs: an author keeps one by `artifacts: {raw: {from: <name>}}`. `progress` says what
    an attempt tells by `Call.beat`, "a piece of the file"; empty, it tells nothing until its end.
    `sandbox` is what the call is shut in, none, process or container; `sandbox_by` is an argument
    with which it is another: `("image", "container")`. `resources` of a step that are kept, cpu
    and memory, are by the member of the argument `limits` that sets them; with the argument of
    `sandbox_by` none are. One that `waits` calls `Call.begin` itself. `faults` finds what is wrong
    with code before anything runs, by the pointer of the argument: it is pure, bounded, and loads
    what it needs when it is called. So does `reads`: it finds the names that code looks up among
    the argument `values`.
    """

    name: str
    title: str
    arguments: Mapping[str, Json]
    outputs: Mapping[str, Json]
    effect: str
    idempotent: bool
    errors: tuple[ErrorType, ...]
    effect_by: tuple[str, Mapping[str, str]] | None = None
    idempotent_by: tuple[str, Mapping[str, bool]] | None = None
    roles: Mapping[str, tuple[Role, ...]] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    progress: str = ""
    sandbox: str = "none"
    sandbox_by: tuple[str, str] | None = None
    resources: Mapping[str, str] = field(default_factory=dict)
    waits: bool = False
    faults: Mapping[str, Faults] = field(default_factory=dict)
    reads: Mapping[str, Reads] = field(default_factory=dict)


def _no_folder() -> Path:
    raise RuntimeError("this call was given no folder")


def unheard() -> None:
    """Hear of progress that nobody waits for."""


async def unwritten() -> None:
    """Write down nothing: whether the attempt began does not matter."""


@dataclass(slots=True)
class Call:
    """One attempt. `key` is stable over attempts and workers; `attempt` counts from 1.

    `arguments` are rendered, secrets included. `timeout` bounds the whole attempt. `root` is the
    folder that file names in a spec are relative to, where there is one; nothing is written there.
    `folder` makes, when it is first called, an empty folder that lives as long as this attempt:
    files that the operation gives lie in it. `effect` is what the step does to the world, as its
    author may have raised it above the manifest's; empty, it is the manifest's. `beat` says, from
    the event loop and as often as there is something to say, that the attempt gets on.
    `begin` returns once it is written down that the attempt begins, where that matters: an
    operation that `waits` for a place of its own awaits it once it has one, before it does
    anything. For all others that is done before they are called.
    """

    run: str
    step: str
    attempt: int
    key: str
    arguments: Mapping[str, Json]
    timeout: timedelta
    root: Path | None = None
    folder: Callable[[], Path] = _no_folder
    effect: str = ""
    beat: Callable[[], None] = unheard
    begin: Callable[[], Awaitable[None]] = unwritten


@dataclass(slots=True)
class Succeeded:
    """The operation's outputs, of the manifest's `outputs` schema, and its files by name.

    The files lie in the folder of the call. What costs time to write may be written when it is
    looked up: only those that the step keeps are, in a thread, before the folder is gone.
    """

    outputs: Mapping[str, Json]
    files: Mapping[str, Path] = field(default_factory=dict)


@dataclass(slots=True)
class Failed:
    """The far side said no, or nothing. `retry_after` is what it asked for.

    `details` are extra members of the RFC 9457 problem, such as `status`. Its member `artifacts`
    is the engine's: what the step keeps of the call's folder by a path is kept of a failure too.
    """

    type: str
    message: str
    error_class: ErrorClass
    retry_after: timedelta | None = None
    details: Mapping[str, Json] = field(default_factory=dict)


Outcome: TypeAlias = Succeeded | Failed


class Operation(Protocol):
    """One operation of an adapter, opened once a process."""

    manifest: Manifest

    async def invoke(self, call: Call) -> Outcome:
        """Make one attempt. Must end when cancelled, leaving no process or connection behind.

        Ends by itself once `call.timeout` is over, and says what is known of the effect; within
        `GRACE` after that it has cleaned up. Whoever calls may cancel it later, as a backstop.
        Never raises but asyncio.CancelledError; a defect that raises is recorded as
        `adapter.defect`, permanent.
        """
        ...


class Adapter(Protocol):
    """A protocol: its operations share clients, limits and settings."""

    def operations(self) -> Sequence[Operation]:
        """Return every operation; called once, before `open`."""
        ...

    async def open(self) -> None:
        """Get ready on the running event loop."""
        ...

    async def close(self) -> None:
        """Let go of everything, within a second."""
        ...


class SettingError(ValueError):
    """An adapter's settings cannot be used; the message says which, why, and what would do."""


AdapterFactory: TypeAlias = Callable[[Mapping[str, Json]], Adapter]
