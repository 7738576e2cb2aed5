"""Plans to canonical JSON and back, and the digest that names a plan.

The form follows from the dataclasses of `engine.core.plan`: a span of time is whole milliseconds,
an enum its text, a tuple a list, and a verb `{"uses": {...}}` or `{"set": {...}}`. What stands at
its default is left out, so a field added later with a default changes no digest that exists.
A default is therefore part of the format: whoever changes one raises `plan.FORMAT`, and brings
plans of the formats before up here, for runs of theirs are in flight (decision 0049).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from datetime import timedelta
from enum import StrEnum
from functools import cache, partial
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from engine.core import values
from engine.core.frozen import frozen
from engine.core.plan import FORMAT, OLDEST, Call, Plan, Step
from engine.core.values import Json

# What says where a plan was written and not what it does.
_OUTSIDE = frozenset({(Plan, "digest"), (Plan, "file"), (Step, "line")})
# Written by versions before, of use to nobody: plans that have it run on.
_GONE = frozenset({(Call, "secrets")})
_READS = str(FORMAT) if OLDEST == FORMAT else f"{OLDEST} to {FORMAT}"
_MILLISECOND = timedelta(milliseconds=1)


@frozen
class _Form:
    """How the values of one type are written and read."""

    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]


class UnknownFormat(Exception):
    """The plan was written by another version of the compiler; the message says which."""


class Undecodable(Exception):
    """The JSON is no plan of this format: it was changed, or never was one."""


def encode(plan: Plan) -> dict[str, Json]:
    """Return the JSON of a plan; `decode` gives an equal one back."""
    told: dict[str, Json] = _form(Plan, True).encode(plan)
    return {**told, "format": plan.format}


def decode(body: Json) -> Plan:
    """Return the plan that `encode` wrote.

    Raise UnknownFormat if it is of a format that is not read, Undecodable if it is no plan at all.
    """
    if not isinstance(body, Mapping) or "format" not in body:
        raise Undecodable("this is no plan: it is not an object with a `format`")
    if body["format"] not in range(OLDEST, FORMAT + 1):
        raise UnknownFormat(f"the plan has format {body['format']!r}; this program reads {_READS}")
    try:
        plan: Plan = _form(Plan, True).decode(body)
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as fault:
        raise Undecodable(f"this is no plan of format {FORMAT}: {fault}") from fault
    return plan


def digest(plan: Plan) -> str:
    """Return the SHA-256 of what the plan does: not of its file, its lines or its comments."""
    return values.digest({**_form(Plan, False).encode(plan), "format": plan.format})


def sealed(plan: Plan) -> Plan:
    """Return the plan with its digest in it."""
    return replace(plan, digest=digest(plan))


@cache
def _form(kind: Any, whole: bool) -> _Form:
    """Return the form of a type; without `whole`, only of what is digested."""
    if is_dataclass(kind):
        return _object(kind, whole)
    if get_origin(kind) is tuple:
        return _tuple(get_args(kind), whole)
    if get_origin(kind) in (Union, UnionType):
        return _union(get_args(kind), whole)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _Form(attrgetter("value"), {each.value: each for each in kind}.__getitem__)
    return _SPAN if kind is timedelta else _AS_IS


def _object(kind: Any, whole: bool) -> _Form:
    members = cache(partial(_members, kind, whole))

    def encode(value: Any) -> dict[str, Json]:
        body: dict[str, Json] = {}
        for key, (name, default, form) in members().items():
            held = getattr(value, name)
            if default is MISSING or held != default:
                body[key] = form.encode(held)
        return body

    def decode(body: Any) -> Any:
        given = {}
        known = members()
        for key, held in body.items():
            if (kind, key) in _GONE:
                continue
            name, _, form = known[key]
            given[name] = form.decode(held)
        return kind(**given)

    return _Form(encode, decode)


def _members(kind: Any, whole: bool) -> dict[str, tuple[str, Any, _Form]]:
    """Return the fields of a dataclass by key; asked late, for a scope holds scopes."""
    hints = get_type_hints(kind, localns=_RECURSIVE)
    return {
        each.name.rstrip("_"): (each.name, _default(each), _form(hints[each.name], whole))
        for each in fields(kind)
        if whole or (kind, each.name) not in _OUTSIDE
    }


def _tuple(arguments: tuple[Any, ...], whole: bool) -> _Form:
    if arguments[-1] is Ellipsis:
        item = _form(arguments[0], whole)
        return _Form(
            lambda value: list(map(item.encode, value)), lambda body: tuple(map(item.decode, body))
        )
    forms = [_form(each, whole) for each in arguments]
    return _Form(
        lambda value: [each.encode(held) for each, held in zip(forms, value, strict=True)],
        lambda body: tuple(each.decode(held) for each, held in zip(forms, body, strict=True)),
    )


def _union(arguments: tuple[Any, ...], whole: bool) -> _Form:
    """Return the form of one of several dataclasses, of a value or null, or of plain JSON."""
    if all(map(is_dataclass, arguments)):
        return _tagged(arguments, whole)
    if len(arguments) != 2 or NoneType not in arguments:
        return _AS_IS
    inner = _form(next(each for each in arguments if each is not NoneType), whole)
    return _Form(
        lambda value: None if value is None else inner.encode(value),
        lambda body: None if body is None else inner.decode(body),
    )


def _tagged(arguments: tuple[Any, ...], whole: bool) -> _Form:
    tags = {each: each.__name__.lower() for each in arguments}
    forms = {tag: _form(kind, whole) for kind, tag in tags.items()}

    def encode(value: Any) -> dict[str, Json]:
        tag = tags[type(value)]
        return {tag: forms[tag].encode(value)}

    def decode(body: Any) -> Any:
        [(tag, held)] = body.items()
        return forms[tag].decode(held)

    return _Form(encode, decode)


def _same(value: Any) -> Any:
    return value


def _default(each: "Field[Any]") -> Any:
    return each.default_factory() if each.default_factory is not MISSING else each.default


_AS_IS = _Form(_same, _same)
_SPAN = _Form(lambda value: value // _MILLISECOND, lambda body: timedelta(milliseconds=body))
# `Json` is written as text, for it names itself.
_RECURSIVE = {"Json": object, "Mapping": Mapping, "Sequence": Sequence}
