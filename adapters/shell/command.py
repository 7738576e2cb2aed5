"""Arguments into a command that is safe to run, or the reason why not."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from adapters.contract import Call, Json
from adapters.manifest.shell import DEFAULT_KEEP, ENV_NAME, LARGEST_KEEP, MOST_ARGUMENTS

_NAME = re.compile(ENV_NAME)
# Variables by which a loader, a shell, an interpreter or git is made to run or read something
# else, and those that are ours to set.
# fmt: off
_REFUSED = frozenset({
    "PATH", "HOME", "TMPDIR", "IFS", "ENV", "BASH_ENV", "BASHOPTS", "SHELLOPTS", "PS4", "CDPATH",
    "PROMPT_COMMAND", "GLIBC_TUNABLES", "GCONV_PATH", "LOCPATH", "NLSPATH", "HOSTALIASES",
    "RESOLV_HOST_CONF", "TZDIR", "GETCONF_DIR", "MALLOC_TRACE", "NODE_OPTIONS", "NODE_PATH",
    "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "CLASSPATH", "SHELL", "EDITOR",
    "VISUAL", "PAGER", "BROWSER", "SSH_ASKPASS", "SSLKEYLOGFILE", "OPENSSL_CONF",
})
# fmt: on
_REFUSED_BEGINNINGS = (
    "LD_",
    "DYLD_",
    "PYTHON",
    "GIT_",
    "BASH_FUNC_",
    "PERL",
    "RUBY",
    "LUA_",
    "SARK_",
    "OPENSSL_",
)
_LARGEST_ARGUMENT = 128 * 1024 - 1
_LARGEST_COMMAND = 1024 * 1024
_MIB = 1024 * 1024
_SHELL = ("/bin/sh", "-eu", "-c")


class InvalidError(Exception):
    """The arguments make no command; the message shows no value."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one program may use; a spec may ask for less, never for more."""

    cpu_seconds: int
    memory_mib: int
    file_mib: int
    open_files: int
    processes: int
    user_tasks: int

    def lowered(self, wanted: Json) -> "Limits":
        """Return these limits with some of them lowered; raise InvalidError if one is raised."""
        if wanted is None:
            return self
        if not isinstance(wanted, Mapping):
            raise InvalidError("limits must be a mapping")
        found = {name: getattr(self, name) for name in self.__slots__}
        for name, value in wanted.items():
            if name not in found or name == "user_tasks":
                raise InvalidError("limits holds an unknown name")
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InvalidError(f"limits.{name} must be a positive integer")
            if value > found[name]:
                raise InvalidError(f"limits.{name} is at most {found[name]} here")
            found[name] = value
        return Limits(**found)

    def in_units(self) -> dict[str, int]:
        """Return the limits as the nursery sets them, in bytes and seconds."""
        return {
            "cpu_seconds": self.cpu_seconds,
            "memory": self.memory_mib * _MIB,
            "file_size": self.file_mib * _MIB,
            "open_files": self.open_files,
            "processes": self.processes,
            "user_tasks": self.user_tasks,
        }


@dataclass(frozen=True, slots=True)
class Command:
    """A program with everything around it. `secrets` are texts that no error may repeat."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: PurePosixPath
    stdin: bytes | None
    json: bool
    ok: frozenset[int]
    keep: int
    limits: Limits
    secrets: tuple[str, ...]


def read(call: Call, limits: Limits) -> Command:
    """Return the command of a call's arguments; raise InvalidError if they make none."""
    given = call.arguments
    argv = _argv(given)
    env = _env(given.get("env", {}))
    stdin = given.get("stdin")
    if stdin is not None and not isinstance(stdin, str):
        raise InvalidError("stdin must be a string")
    size = sum(len(each.encode()) for each in (*argv, *env, *env.values()))
    if size > _LARGEST_COMMAND:
        raise InvalidError(f"argv and env together are over {_LARGEST_COMMAND} bytes: use stdin")
    hidden = {each for each in (*env.values(), stdin or "") if len(each) >= 8}
    return Command(
        argv,
        env,
        _cwd(given.get("cwd", ".")),
        stdin.encode("utf-8", "surrogatepass") if stdin is not None else None,
        _is_json(given.get("parse", "text")),
        ok_exit(given.get("ok_exit", (0,))),
        max_output(given.get("max_output", DEFAULT_KEEP)),
        limits.lowered(given.get("limits")),
        tuple(sorted(hidden, key=len, reverse=True)),
    )


def _argv(given: Mapping[str, Json]) -> tuple[str, ...]:
    script = given.get("script")
    if ("argv" in given) == ("script" in given):
        raise InvalidError("give argv or script, one of them")
    if script is None:
        if "args" in given:
            raise InvalidError("args belong to a script; argv holds its own")
        argv = texts("argv", given.get("argv"))
        if not argv or not argv[0]:
            raise InvalidError("argv names no program")
        return argv
    if not isinstance(script, str):
        raise InvalidError("script must be a string")
    args = texts("args", given.get("args", ()))
    return (*_SHELL, _checked("script", script), "script", *args)


def texts(area: str, given: Json) -> tuple[str, ...]:
    """Return the list of an argument as texts; raise InvalidError for what a program cannot get."""
    if isinstance(given, str) or not isinstance(given, Sequence) or len(given) > MOST_ARGUMENTS:
        raise InvalidError(f"{area} must be a list of at most {MOST_ARGUMENTS} texts")
    return tuple(text(area, each) for each in given)


def text(area: str, value: Json) -> str:
    """Return one value as a text; raise InvalidError if it has none that a program can get."""
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidError(f"{area} holds a number without a text")
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float):
        raise InvalidError(f"{area} takes strings and numbers")
    return _checked(area, str(value))


def _checked(area: str, value: str) -> str:
    """Return `value` if an argument or variable can hold it; raise InvalidError otherwise."""
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise InvalidError(f"{area} holds what is not UTF-8") from None
    if "\x00" in value or size > _LARGEST_ARGUMENT:
        raise InvalidError(f"{area} holds a NUL, or is over {_LARGEST_ARGUMENT} bytes: use stdin")
    return value


def _env(given: Json) -> Mapping[str, str]:
    if not isinstance(given, Mapping):
        raise InvalidError("env must be a mapping")
    return {_env_name(name): text("env", value) for name, value in given.items()}


def _env_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise InvalidError("env holds a name that is no variable name")
    upper = name.upper()
    if upper in _REFUSED or upper.startswith(_REFUSED_BEGINNINGS):
        raise InvalidError(f"env {name} is refused: it changes what programs load or run")
    return name


def _cwd(given: Json) -> PurePosixPath:
    if not isinstance(given, str) or "\x00" in given:
        raise InvalidError("cwd must be a path")
    path = PurePosixPath(given)
    if path.is_absolute() or ".." in path.parts or len(given) > 1024:
        raise InvalidError("cwd must lie inside the call's own folder")
    return path


def _is_json(given: Json) -> bool:
    if given not in ("text", "json"):
        raise InvalidError("parse must be text or json")
    return given == "json"


def ok_exit(given: Json) -> frozenset[int]:
    """Return the exit codes that are success; raise InvalidError for what are none."""
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise InvalidError("ok_exit must be a list of exit codes")
    codes = [each for each in given if isinstance(each, int) and not isinstance(each, bool)]
    if len(codes) != len(given) or not codes or not all(0 <= each <= 255 for each in codes):
        raise InvalidError("ok_exit takes exit codes from 0 to 255")
    return frozenset(codes)


def max_output(given: Json) -> int:
    """Return how many bytes of a stream are kept; raise InvalidError for too few or too many."""
    if isinstance(given, bool) or not isinstance(given, int) or not 256 <= given <= LARGEST_KEEP:
        raise InvalidError(f"max_output must be from 256 to {LARGEST_KEEP}")
    return given
