"""Whether what was tried in one environment may go to another, and the line that says so."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from engine.core.frozen import frozen
from engine.core.state import RunStatus
from engine.core.values import format_duration

_KEY = re.compile(r"^revision:[ \t]*(\"[^\"\r\n]*\"|'[^'\r\n]*'|[^\s#]*)")
_NAME = re.compile(r"^name:[ \t]*\S")
_MOST_NAMED = 5
_BAD = frozenset({RunStatus.FAILED.value, RunStatus.COMPENSATED.value})


@frozen
class Gate:
    """What must be so before a commit is promoted, whether it is, and why in words."""

    name: str
    passed: bool
    told: str


@frozen
class Ran:
    """A run of the commit since it is live: its id, its workflow and its status."""

    id: str
    workflow: str
    status: str


def stricter(
    written: tuple[timedelta, Sequence[str]], soak: timedelta | None, verify: Sequence[str]
) -> tuple[timedelta, tuple[str, ...], str]:
    """Return how long and by which workflows a commit is tried, and what is asked in vain.

    A flag may ask for more than the document does; what it asks for less of is told in words.
    """
    least, names = written
    vain = ""
    if soak is not None and soak < least:
        vain = f"--soak {format_duration(soak)} is less than the {format_duration(least)} "
        vain += "that the document asks for"
    return max(least, soak or least), tuple(dict.fromkeys([*names, *verify])), vain


def soaked(since: datetime, now: datetime, soak: timedelta) -> Gate:
    """Return whether a commit has been live for long enough."""
    seconds = max(0, int((now - since).total_seconds()))
    lasted = timedelta(seconds=seconds)
    told = f"live for {format_duration(lasted)} of the {format_duration(soak)} that are asked for"
    return Gate("soak", lasted >= soak, told)


def verified(runs: Sequence[Ran], verify: Sequence[str]) -> Gate:
    """Return whether the workflows of `verify` have run well; without names, whatever has run.

    Each that is named needs one run that has succeeded; of none may one have failed. A run that
    is under way or was cancelled says nothing.
    """
    counted = [each for each in runs if not verify or each.workflow in verify]
    failed = [each for each in counted if each.status in _BAD]
    if failed:
        told = _some([f"{each.workflow} ({each.id})" for each in failed])
        return Gate("runs", False, f"{len(failed)} of {len(counted)} runs have failed: {told}")
    good = [each.workflow for each in counted if each.status == RunStatus.SUCCEEDED]
    lacking = [name for name in verify if name not in good]
    if lacking:
        return Gate("runs", False, f"no run has succeeded yet of {_some(lacking)}")
    if not good:
        return Gate("runs", False, "no run has succeeded yet")
    return Gate("runs", True, f"{len(good)} runs have succeeded, none has failed")


def same(
    tried: Mapping[str, str], coming: Mapping[str, str], own: Mapping[str, str]
) -> tuple[Gate, tuple[str, ...]]:
    """Return whether the plans to come are those that were tried, and which the place differs in.

    All are digests by workflow: `tried` are live where it was tried, `own` is what the commit
    compiles to for that place here, `coming` what for the other. What differs between the last
    two alone is the doing of the environments.
    """
    strange = sorted(name for name in tried.keys() | own.keys() if tried.get(name) != own.get(name))
    if strange:
        told = "compiles here to something else, by another version or other adapters: "
        return Gate("plans", False, told + _some(strange)), ()
    names = sorted(own.keys() | coming.keys())
    differs = [name for name in names if own.get(name) != coming.get(name)]
    if not differs:
        return Gate("plans", True, f"{len(coming)} workflows are as they were tried"), ()
    told = f"as they were tried but for what the environments say: {_some(differs)}"
    missing = sorted(own.keys() ^ coming.keys())
    return Gate("plans", not missing, told), tuple(differs)


def pinned(text: str, revision: str) -> str:
    """Return the text of a document with another `revision`; every other line stays as it is.

    Where there is none the line comes after that of its name. Raise ValueError if it is not
    written in lines that begin with their keys.
    """
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if found := _KEY.match(line):
            gap = "" if line[found.start(1) - 1] in " \t" else " "
            rest = line[found.end(1) :]
            lines[number] = f"{line[: found.start(1)]}{gap}{revision}{rest}"
            return "".join(lines)
    for number, line in enumerate(lines):
        if _NAME.match(line):
            end = line[len(line.rstrip("\r\n")) :]
            mend = "" if end else "\n"
            lines.insert(number + 1, f"{mend}revision: {revision}{end or mend}")
            return "".join(lines)
    raise ValueError("it has no line that begins with `name:` after which `revision:` could stand")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
