"""Arguments of `container.run@1` into the words that make its container."""

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import quote

import orjson

from adapters.container.engine import invalid
from adapters.contract import Call, Json
from adapters.manifest.container import DIGEST
from adapters.manifest.shell import DEFAULT_KEEP, ENV_NAME
from adapters.shell.command import InvalidError, max_output, ok_exit, text, texts

HOME = "/work"
CALL = "sark.call"
_IMAGE = re.compile(rf"(?:[A-Za-z0-9][A-Za-z0-9._:/-]{{0,254}}@)?{DIGEST}")
_NAME = re.compile(ENV_NAME)
_LARGEST_VALUE = 32 * 1024
_NOBODY = 65534
_SECRET = 8


@dataclass(frozen=True, slots=True)
class Limits:
    """What one container may use; a spec may ask for less, never for more."""

    memory_mib: int
    cpus: float
    processes: int

    def lowered(self, wanted: Json) -> "Limits":
        """Return these limits with some of them lowered; raise InvalidError if one is raised."""
        if wanted is None:
            return self
        if not isinstance(wanted, Mapping):
            raise InvalidError("limits must be a mapping")
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        for name, value in wanted.items():
            if name not in found:
                raise InvalidError("limits holds an unknown name")
            kinds = int | float if name == "cpus" else int
            if isinstance(value, bool) or not isinstance(value, kinds) or not value > 0:
                raise InvalidError(f"limits.{name} must be a positive number")
            if value > found[name]:
                raise InvalidError(f"limits.{name} is at most {found[name]} here")
            found[name] = value
        return Limits(**found)


@dataclass(frozen=True, slots=True)
class House:
    """How containers live here, whatever a spec says. `user` is `uid:gid`."""

    user: str
    limits: Limits
    tmp_mib: int


@dataclass(frozen=True, slots=True)
class Program:
    """A program with everything around it. `secrets` are texts that no error may repeat."""

    image: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str | None
    is_offline: bool
    ok: frozenset[int]
    keep: int
    limits: Limits
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Name:
    """What a container is called: `call` stands for run, step and key, the same in each attempt."""

    call: str
    attempt: int

    def __str__(self) -> str:
        return f"sark-{self.call}-{self.attempt}"

    def is_past(self, other: str) -> bool:
        """True if `other` is the container of this attempt or an earlier one of the same call."""
        attempt = other.strip().removeprefix(f"sark-{self.call}-")
        return attempt.isdecimal() and int(attempt) <= self.attempt


def name_of(call: Call) -> Name:
    """Return the name of a call's container."""
    told = orjson.dumps([call.run, call.step, call.key.encode("utf-8", "replace").decode()])
    return Name(hashlib.sha256(told).hexdigest()[:32], call.attempt)


def read(call: Call, limits: Limits) -> Program:
    """Return the program of a call's arguments; raise FailedError, invalid, if they make none."""
    given = call.arguments
    try:
        env = _env(given.get("env", {}))
        hidden = {each for each in env.values() if len(each) >= _SECRET}
        return Program(
            _image(given.get("image")),
            _argv(given.get("argv")),
            env,
            _cwd(given.get("cwd")),
            _is_offline(given.get("network", "none")),
            ok_exit(given.get("ok_exit", (0,))),
            max_output(given.get("max_output", DEFAULT_KEEP)),
            limits.lowered(given.get("limits")),
            tuple(sorted({*hidden, call.key}, key=len, reverse=True)),
        )
    except InvalidError as error:
        raise invalid(str(error)) from None


def words(
    program: Program, call: Call, house: House, folder: Path, variables: Path, is_podman: bool
) -> tuple[str, ...]:
    """Return the words after `create`: what is not given here is taken away.

    `folder` is mounted at `/work`; `variables` is the file that `env_file` describes.
    """
    limits, name = program.limits, name_of(call)
    first, *rest = program.argv
    return (
        *("--name", str(name), "--label", f"{CALL}={name.call}"),
        *("--label", f"sark.run={_line(call.run)}", "--label", f"sark.step={_line(call.step)}"),
        *("--pull", "never", "--log-driver", "none"),
        *(("--network", "none") if program.is_offline else ()),
        *("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
        *("--user", house.user, *(("--userns", "keep-id") if _maps(is_podman) else ())),
        *("--memory", f"{limits.memory_mib}m", "--memory-swap", f"{limits.memory_mib}m"),
        *("--cpus", f"{limits.cpus:g}", "--pids-limit", str(limits.processes)),
        *("--ulimit", "core=0", "--tmpfs", f"/tmp:rw,nosuid,nodev,size={house.tmp_mib}m"),  # nosec B108
        *("--mount", f"type=bind,{_field('source', folder)},target={HOME}"),
        *(("--workdir", program.cwd) if program.cwd is not None else ()),
        *("--env-file", str(variables), "--entrypoint", first),
        *(program.image, *rest),
    )


def env_file(program: Program, call: Call) -> str:
    """Return the variables as docker and podman read them: a line each, nothing quoted.

    So no value is seen in a list of processes. An author's own replace ours but for `SARK_*`.
    """
    ours = {
        "SARK_RUN": call.run,
        "SARK_STEP": call.step,
        "SARK_ATTEMPT": str(call.attempt),
        "SARK_KEY": call.key,
    }
    told = {name: _line(value) for name, value in ours.items()}
    lines = {"HOME": HOME, **program.env, **told}
    return "".join(f"{name}={value}\n" for name, value in lines.items())


def usual_user() -> str:
    """Return the worker's own user and group, or nobody's where that is root."""
    return f"{os.getuid()}:{os.getgid()}" if os.getuid() else f"{_NOBODY}:{_NOBODY}"


def hand_over(folder: Path, user: str) -> None:
    """Make a folder the container's user's own, where this process may."""
    if os.getuid() == 0:
        owner, group = map(int, user.split(":"))
        os.chown(folder, owner, group)


def _image(given: Json) -> str:
    if not isinstance(given, str) or not _IMAGE.fullmatch(given):
        raise InvalidError(
            "image must be a digest, name@sha256:<64 hexadecimal digits>, or an image's id, "
            "sha256:<...>: a tag is another image tomorrow"
        )
    return given


def _argv(given: Json) -> tuple[str, ...]:
    argv = texts("argv", given)
    if not argv or not argv[0]:
        raise InvalidError("argv names no program")
    return argv


def _env(given: Json) -> Mapping[str, str]:
    if not isinstance(given, Mapping):
        raise InvalidError("env must be a mapping")
    return {_env_name(name): _env_value(name, value) for name, value in given.items()}


def _env_name(name: str) -> str:
    if not _NAME.fullmatch(name) or "\n" in name:
        raise InvalidError("env holds a name that is no variable name")
    if name.startswith("SARK_"):
        raise InvalidError(f"env {name} is refused: names that begin with SARK_ are ours")
    return name


def _env_value(name: str, value: Json) -> str:
    found = text("env", value)
    if len(found.encode()) > _LARGEST_VALUE:
        raise InvalidError(f"env {name} is over {_LARGEST_VALUE} bytes")
    if "\n" in found or "\r" in found:
        raise InvalidError(f"env {name} has more than one line: encode it, for example as base64")
    return found


def _cwd(given: Json) -> str | None:
    if given is None:
        return None
    if not isinstance(given, str) or not given.startswith("/") or "\x00" in given:
        raise InvalidError("cwd must be a path from the container's root on, as in /work")
    return given


def _is_offline(given: Json) -> bool:
    if given not in ("none", "default"):
        raise InvalidError("network must be none or default")
    return given == "none"


def _maps(is_podman: bool) -> bool:
    """True where the user inside must be told to be the user outside."""
    return is_podman and os.getuid() != 0


def _line(value: str) -> str:
    """Return a text on one line: what is not printable ASCII percent-encoded."""
    return quote(value, safe=" !#$&'()*+,/:;=?@[]{}|^`<>~-_.\"\\", errors="replace")


def _field(name: str, path: Path) -> str:
    """Return a field of `--mount`, quoted as CSV: a path may hold a comma."""
    return '"{}={}"'.format(name, str(path).replace('"', '""'))
