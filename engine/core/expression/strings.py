"""Functions over text and scalars."""

import base64
import binascii
import hashlib
import uuid
from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from urllib.parse import quote

import orjson

from engine.core.expression.budget import Meter, check_output, weigh
from engine.core.expression.fault import EvaluationError
from engine.core.expression.operator import Number, number
from engine.core.expression.scalar import text
from engine.core.expression.signature import Function, always, maybe, one
from engine.core.kind import NUMBERS
from engine.core.schema.shape import types
from engine.core.values import Json

_ROUNDING = {"common": ROUND_HALF_UP, "ceil": ROUND_CEILING, "floor": ROUND_FLOOR}
_NAMESPACES = {
    "dns": uuid.NAMESPACE_DNS,
    "url": uuid.NAMESPACE_URL,
    "oid": uuid.NAMESPACE_OID,
    "x500": uuid.NAMESPACE_X500,
}


def _replace(_: Meter, value: str, old: str, new: str, count: int) -> str:
    found = value.count(old) if count < 0 else min(count, value.count(old))
    check_output(len(value) + found * (len(new) - len(old)))
    return value.replace(old, new, found)


def _split(meter: Meter, value: str, separator: str | None, limit: int) -> Json:
    if separator == "":
        raise EvaluationError("value", "`split` needs a separator that is not empty")
    most = len(value) // 2 if separator is None else value.count(separator)
    times = most if limit < 0 else min(most, limit)  # Python's own limit ends at 63 bits
    meter.spend(times)
    return value.split(separator, -1 if limit < 0 else times)


def _join(meter: Meter, value: Sequence[Json], separator: str) -> str:
    meter.take(value)
    size = len(separator) * max(0, len(value) - 1)
    parts = []
    for each in value:
        parts.append(text(each, "an element of the list"))
        size += len(parts[-1])
        check_output(size)
    return separator.join(parts)


def _truncate(_: Meter, value: str, length: int, end: str) -> str:
    if length < len(end):
        raise EvaluationError("value", "`truncate` to less than its own `end` leaves nothing")
    return value if len(value) <= length else value[: length - len(end)] + end


def _integer(_: Meter, value: Json) -> int:
    try:
        result = int(value) if isinstance(value, str | int | float) else 0
    except (ValueError, OverflowError):
        raise EvaluationError("value", "`int` was given a string that is no integer") from None
    number(result)
    return result


def _float(_: Meter, value: Json) -> float:
    try:
        result = float(value) if isinstance(value, str | int | float) else 0.0
    except (ValueError, OverflowError):
        raise EvaluationError("value", "`float` was given a string that is no number") from None
    number(result)
    return result


def _bool(_: Meter, value: Json) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise EvaluationError("value", "`bool` takes `true` and `false` only")


def _to_json(meter: Meter, value: Json) -> str:
    weigh(value, meter)
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:
        raise EvaluationError("value", "`tojson` was given what JSON cannot hold") from None


def _from_json(meter: Meter, value: str) -> Json:
    try:
        parsed: Json = orjson.loads(value)
    except ValueError:
        raise EvaluationError("value", "`fromjson` was given no JSON") from None
    weigh(parsed, meter)
    return parsed


def _round(_: Meter, value: Number, places: int, method: str) -> Number:
    rounding = _ROUNDING.get(method)
    if rounding is None or not 0 <= places <= 15:
        raise EvaluationError(
            "value", "`round` takes a precision of 0 to 15, and common, ceil or floor"
        )
    if isinstance(value, int):
        return value
    rounded = Decimal(repr(value))
    if rounded.as_tuple().exponent < -places:  # type: ignore[operator]
        rounded = rounded.quantize(Decimal(1).scaleb(-places), rounding)
    return number(float(rounded) if places else int(rounded))


def _b64encode(_: Meter, value: str) -> str:
    return base64.b64encode(_bytes(value)).decode()


def _b64decode(_: Meter, value: str) -> str:
    try:
        return base64.b64decode(_bytes(value), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise EvaluationError("value", "`b64decode` was given no base64 of a text") from None


def _trim(meter: Meter, value: str, characters: str | None) -> str:
    if characters is not None:
        characters = "".join(set(characters))
        meter.spend(len(value) * len(characters) >> 6)
    return value.strip(characters)


def _urlencode(meter: Meter, value: Json) -> str:
    return _quoted(meter, text(value, "the operand of `urlencode`"), "")


def _urlpath(meter: Meter, value: Json) -> str:
    path = text(value, "the operand of `urlpath`")
    if not {".", ".."}.isdisjoint(path.split("/")):
        raise EvaluationError("value", "`urlpath` was given a path with a segment `.` or `..`")
    return _quoted(meter, path, "/")


def _quoted(meter: Meter, value: str, safe: str) -> str:
    meter.spend(len(value) >> 3)  # Python goes over it byte by byte
    return quote(_bytes(value), safe)


def _bytes(value: str) -> bytes:
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise EvaluationError("value", "a text holds half a character (a lone surrogate)") from None


def _uuid5(_: Meter, namespace: str, name: str) -> str:
    try:
        space = _NAMESPACES.get(namespace) or uuid.UUID(namespace)
    except ValueError:
        raise EvaluationError(
            "value", "`uuid5` takes a namespace of dns, url, oid, x500 or a UUID"
        ) from None
    return str(uuid.uuid5(space, _bytes(name).decode()))


def _same_number(arguments: Sequence[Json]) -> Json:
    known = types(arguments[0]) & NUMBERS
    return {"type": "integer" if known == {"integer"} else "number"}


def _rounded(arguments: Sequence[Json]) -> Json:
    return {"type": "integer"} if arguments[1] is None else _same_number(arguments)


_TEXT = always("string")
_VALUE = one("value", "string")
_SCALAR = one("value", "string", "boolean", "number")

STRINGS = (
    Function("upper", (_VALUE,), lambda _, value: value.upper(), _TEXT),
    Function("lower", (_VALUE,), lambda _, value: value.lower(), _TEXT),
    Function(
        "trim",
        (_VALUE, maybe("chars", "string")),
        _trim,
        _TEXT,
    ),
    Function(
        "replace",
        (
            _VALUE,
            one("old", "string"),
            one("new", "string"),
            maybe("count", "integer", otherwise=-1),
        ),
        _replace,
        _TEXT,
    ),
    Function(
        "split",
        (_VALUE, maybe("separator", "string"), maybe("limit", "integer", otherwise=-1)),
        _split,
        lambda _: {"type": "array", "items": {"type": "string"}},
    ),
    Function(
        "join", (one("value", "array"), maybe("separator", "string", otherwise="")), _join, _TEXT
    ),
    Function(
        "startswith",
        (_VALUE, one("prefix", "string")),
        lambda _, value, prefix: value.startswith(prefix),
        always("boolean"),
    ),
    Function(
        "endswith",
        (_VALUE, one("suffix", "string")),
        lambda _, value, suffix: value.endswith(suffix),
        always("boolean"),
    ),
    Function(
        "truncate",
        (
            _VALUE,
            maybe("length", "integer", otherwise=255),
            maybe("end", "string", otherwise="..."),
        ),
        _truncate,
        _TEXT,
    ),
    Function("int", (_SCALAR,), _integer, always("integer")),
    Function("float", (_SCALAR,), _float, always("number")),
    Function("string", (_SCALAR,), lambda _, value: text(value, ""), _TEXT),
    Function("bool", (one("value", "string", "boolean"),), _bool, always("boolean")),
    Function("tojson", (one("value"),), _to_json, _TEXT),
    Function("fromjson", (_VALUE,), _from_json, lambda _: {}),
    Function(
        "round",
        (
            one("value", "number"),
            maybe("precision", "integer", otherwise=0),
            maybe("method", "string", otherwise="common"),
        ),
        _round,
        _rounded,
    ),
    Function("abs", (one("value", "number"),), lambda _, value: number(abs(value)), _same_number),
    Function("b64encode", (_VALUE,), _b64encode, _TEXT),
    Function("b64decode", (_VALUE,), _b64decode, _TEXT),
    Function("urlencode", (_SCALAR,), _urlencode, _TEXT),
    Function("urlpath", (_SCALAR,), _urlpath, _TEXT),
    Function("sha256", (_VALUE,), lambda _, v: hashlib.sha256(_bytes(v)).hexdigest(), _TEXT),
    Function("uuid5", (one("namespace", "string"), one("name", "string")), _uuid5, _TEXT),
)
