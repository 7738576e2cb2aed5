"""A CloudEvent in structured JSON, read by the rules of the standard.

Source: CloudEvents 1.0.2, "Core Specification" and "JSON Event Format" (cloudevents.io). Binary
data is not taken: runs read JSON. `time`, `dataschema` and extensions are judged and let go.
"""

import re
from collections.abc import Mapping
from datetime import datetime

from engine.core.frozen import frozen
from engine.core.values import Json

LONGEST = 500
RESERVED = ("github.", "sark.")
"""How types begin that tell what a forge has reported and what the engine has seen.

Whoever waits for one may trust that nobody else has sent it.
"""
_EXTENSION = re.compile(r"[a-z0-9]{1,64}")
_URI_REFERENCE = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:" + _URI_REFERENCE.pattern)
_INSTANT = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)  # RFC 3339
_MEDIA = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(\s*;.*)?", re.ASCII)  # RFC 2045
_REQUIRED = ("specversion", "id", "source", "type")
_INTEGERS = range(-(1 << 31), 1 << 31)


@frozen
class CloudEvent:
    """What an event says; `source` and `id` together tell it from every other."""

    id: str
    source: str
    type: str
    subject: str | None
    data: Json


class NoCloudEvent(Exception):
    """What was sent is no CloudEvent; `problems` are pairs of JSON pointer and words."""

    def __init__(self, problems: tuple[tuple[str, str], ...]) -> None:
        super().__init__("; ".join(f"{pointer}: {words}" for pointer, words in problems))
        self.problems = problems


def parse(told: Json) -> CloudEvent:
    """Return the event that JSON tells; raise NoCloudEvent with every fault."""
    if not isinstance(told, Mapping):
        raise NoCloudEvent((("", "expected an object: one event, not a batch"),))
    # A member that is null is as good as absent, but `data`, where null is a value.
    members = {name: each for name, each in told.items() if each is not None}
    problems = [
        (f"/{name}", "expected, and not there") for name in _REQUIRED if name not in members
    ]
    for name, value in members.items():
        words = "" if name == "data" else _fault(name, value)
        if words:
            problems.append((f"/{name}", words))
    if problems:
        raise NoCloudEvent(tuple(problems))
    subject = members.get("subject")
    return CloudEvent(
        str(members["id"]), str(members["source"]), str(members["type"]),
        None if subject is None else str(subject), members.get("data"),
    )  # fmt: skip


def _fault(name: str, value: Json) -> str:
    """Return what is wrong with an attribute, or an empty string."""
    match name:
        case "specversion":
            return "" if value == "1.0" else f'expected "1.0", found {str(value)[:40]!r}'
        case "id" | "type" | "subject":
            return _text_fault(value)
        case "source":
            return _text_fault(value) or _form_fault(value, _URI_REFERENCE, "a URI reference")
        case "dataschema":
            return _text_fault(value) or _form_fault(value, _URI, "an absolute URI")
        case "datacontenttype":
            return _text_fault(value) or _form_fault(value, _MEDIA, "a media type")
        case "time":
            return _time_fault(value)
        case "data_base64":
            return "binary data is not taken; send JSON in `data`"
        case _:
            return _extension_fault(name, value)


def _text_fault(value: Json) -> str:
    if not isinstance(value, str) or not value:
        return "expected a text that is not empty"
    if len(value) > LONGEST:
        return f"expected at most {LONGEST} characters, found {len(value)}"
    return "" if value.isprintable() else "expected no control characters"


def _form_fault(value: Json, form: re.Pattern[str], what: str) -> str:
    return "" if form.fullmatch(str(value)) else f"expected {what}, found {str(value)[:40]!r}"


def _time_fault(value: Json) -> str:
    text = value if isinstance(value, str) else ""
    try:
        is_instant = bool(_INSTANT.fullmatch(text) and datetime.fromisoformat(text.upper()))
    except ValueError:
        is_instant = False
    return "" if is_instant else "expected an instant of RFC 3339, as in 2026-01-02T03:04:05Z"


def _extension_fault(name: str, value: Json) -> str:
    if not _EXTENSION.fullmatch(name):
        return "expected an attribute's name: a-z and 0-9 alone"
    if isinstance(value, bool | str) or (isinstance(value, int) and value in _INTEGERS):
        return ""
    return "expected a text, true, false or a whole number of 32 bits"
