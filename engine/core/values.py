"""JSON values, their canonical bytes and digest, and spans of time as text."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import TypeAlias

import orjson

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"

# What is no JSON is refused, though it could be written as such.
_CANONICAL = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?")
_ISO = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")


def canonical(value: Json) -> bytes:
    """Return the one byte string of `value`: keys sorted, no white space, UTF-8."""
    return orjson.dumps(value, option=_CANONICAL)


def digest(value: Json) -> str:
    """Return the SHA-256 of the canonical bytes, 64 hex digits."""
    return hashlib.sha256(canonical(value)).hexdigest()


@lru_cache(maxsize=4096)
def parse_duration(text: str) -> timedelta:
    """Return the span that `5m`, `1h30m`, `250ms`, `7d` or ISO 8601 `PT5M` says.

    Raise ValueError if `text` is none of these.
    """
    match = _DURATION.fullmatch(text) if text[:1].isdigit() else _ISO.fullmatch(text)
    if match is None or not any(match.groups()):
        raise ValueError(f"{text!r} is no duration: write 30s, 5m, 1h30m, 7d or PT5M")
    parts = [int(each or 0) for each in match.groups()] + [0]
    days, hours, minutes, seconds, millis = parts[:5]
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds, milliseconds=millis)


def format_duration(span: timedelta) -> str:
    """Return the short form of `span`, the inverse of `parse_duration`: `1h30m`, `0s`."""
    millis = round(span / timedelta(milliseconds=1))
    text = ""
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)):
        count, millis = divmod(millis, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"
