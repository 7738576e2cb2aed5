"""What people put between a commit and its being live: the kinds, how long each may last, and
what is to be said of it.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

from engine.core.frozen import frozen
from engine.core.values import Json, format_duration, parse_duration

LONGEST_REASON = 500
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_KEYS = ("reason", "for", "commit")


class Kind(StrEnum):
    """One of each at most stands for a source.

    SUSPEND holds every commit. THAW lets commits through a freeze. CONFIRM lets one commit remove
    what it removes. ROLLBACK asks for an earlier commit to be live; once it is, it is the PIN that
    holds all others.
    """

    SUSPEND = "suspend"
    THAW = "thaw"
    CONFIRM = "confirm"
    ROLLBACK = "rollback"
    PIN = "pin"


# A pin is never asked for: it stands as long as the rollback was to stand.
LONGEST: Mapping[Kind, timedelta] = {
    Kind.SUSPEND: timedelta(days=30),
    Kind.THAW: timedelta(days=1),
    Kind.CONFIRM: timedelta(days=7),
    Kind.ROLLBACK: timedelta(days=90),
}
_NAMES_A_COMMIT = frozenset({Kind.CONFIRM, Kind.ROLLBACK})
_SAYS_HOW_LONG = frozenset({Kind.SUSPEND, Kind.THAW})


@frozen
class Asked:
    """What somebody asks for. `span` is None for what stands until it is taken back.

    `commit` is a full hash, or empty where the kind is about none.
    """

    kind: Kind
    reason: str
    span: timedelta | None = None
    commit: str = ""


def faults(kind: Kind, told: Mapping[str, Json]) -> tuple[tuple[str, str], ...]:
    """Return what is not acceptable: each a JSON pointer, and what is expected there."""
    found = [(f"/{key}", "there is no such key here") for key in told if key not in _KEYS]
    found += [("/reason", each) for each in _about_reason(told.get("reason"))]
    found += [("/for", each) for each in _about_span(kind, told.get("for"))]
    found += [("/commit", each) for each in _about_commit(kind, told.get("commit"))]
    return tuple(found)


def asked(kind: Kind, told: Mapping[str, Json]) -> Asked:
    """Return what `told` asks for, in which there are no faults: a `reason`, a span in `for` and
    a `commit`, by the kind.
    """
    span = _span(kind, told.get("for"))
    return Asked(kind, str(told["reason"]).strip(), span, str(told.get("commit", "")))


def _span(kind: Kind, told: Json) -> timedelta | None:
    if kind is Kind.CONFIRM:
        return LONGEST[kind]
    return None if told is None else parse_duration(str(told))


def _about_reason(told: Json) -> list[str]:
    if not isinstance(told, str) or not told.strip():
        return ["say why, in a few words"]
    if len(told) > LONGEST_REASON or not told.isprintable():
        return [f"expected one line of up to {LONGEST_REASON} characters that can be printed"]
    return []


def _about_span(kind: Kind, told: Json) -> list[str]:
    most = LONGEST[kind]
    if told is None:
        return [f"say for how long, up to {format_duration(most)}"] * (kind in _SAYS_HOW_LONG)
    if kind is Kind.CONFIRM:
        return [f"a confirmation stands for {format_duration(most)}, or until it is used"]
    try:
        span = parse_duration(told) if isinstance(told, str) else timedelta(0)
    except (ValueError, OverflowError):
        span = timedelta(0)
    if not timedelta(0) < span <= most:
        return [f"expected a span such as 30m or 2h, up to {format_duration(most)}, found {told!r}"]
    return []


def _about_commit(kind: Kind, told: Json) -> list[str]:
    if kind not in _NAMES_A_COMMIT:
        return [] if told is None else ["this is about no commit"]
    if not isinstance(told, str) or not _SHA.fullmatch(told):
        return [f"expected the full hash of a commit, 40 or 64 of 0-9 and a-f, found {told!r}"]
    return []
