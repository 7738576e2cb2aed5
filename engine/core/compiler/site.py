"""Every expression and template of a spec, parsed once, with the place where it stands."""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import TypeAlias

from engine.core.compiler.findings import Findings, Path, Place
from engine.core.expression import (
    Compiled,
    FaultError,
    Reference,
    has_template,
    parse_expression,
    parse_template,
    templates_in,
)
from engine.core.expression.scan import dollars
from engine.core.frozen import frozen
from engine.core.values import Json

Schema: TypeAlias = Mapping[str, Json]


class Use(StrEnum):
    """What a value is needed for; it decides which names may be read."""

    CONDITION = "if"
    RETRY = "retry.if"
    COMMON_RETRY = "defaults.retry.if"
    KEY = "idempotency.key"
    ARGUMENT = "with"
    INPUT = "call with"
    VALUE = "set"
    PROJECTION = "from"
    OUTPUT = "outputs"
    OVER = "over"
    ITEM_KEY = "key"
    COLLECT = "collect"
    UNTIL = "until"
    CASE = "switch.value"
    WAIT = "wait"
    MATCH = "match"
    SHOW = "show"
    BIND = "binds"
    SUBJECT = "emit.subject"
    EMIT = "emit"
    FAIL = "fail"
    CACHE = "cache.key"
    RATE = "rate.group"
    GROUP = "concurrency.group"
    PRIORITY = "priority"
    ENVIRONMENT = "env"
    MATCHED = "match.if"
    CANCEL = "cancel_when.match"
    RUN_KEY = "idempotency.key of the run"
    RUN_GROUP = "concurrency.group of the run"
    RUN_PRIORITY = "priority of the run"
    RUN_ENVIRONMENT = "env of the run"
    FAN_OUT = "fan_out"
    FILTER = "filter"
    EVENT_KEY = "key of a trigger"
    START = "trigger with"
    DEFAULT = "default"


# What an operation is called with.
ARGUMENTS = frozenset({Use.ARGUMENT, Use.ENVIRONMENT})


@frozen
class Site:
    """One expression or template. `pointer` is where it stands inside its `with`, or value.

    What `is_bare` is an expression without braces.
    """

    use: Use
    place: Place
    compiled: Compiled
    pointer: Path = ()
    is_bare: bool = False

    @property
    def is_projection(self) -> bool:
        """True if it reads what the step's verb gave, and nothing else."""
        return self.use is Use.PROJECTION

    @property
    def text(self) -> str:
        return self.place.text

    def at(self, reference: Reference) -> Place:
        """Return the place of one of its references."""
        return self.place.within(reference.offset, reference.length)


def expression(findings: Findings, use: Use, text: str, path: Path) -> Site | None:
    """Return the site of a bare expression, or nothing after a finding."""
    place = Place(path, text=text)
    return _parsed(findings, use, place, (), bare=True)


def template(
    findings: Findings, use: Use, text: str, path: Path, pointer: Path = ()
) -> Site | None:
    """Return the site of one template, or nothing after a finding."""
    return _parsed(findings, use, Place(path, text=text), pointer, bare=False)


def templates(
    findings: Findings,
    use: Use,
    area: Json,
    path: Path,
    is_literal: Callable[[Path], bool] = lambda _: False,
    within: Path = (),
) -> Iterator[Site]:
    """Yield the site of every template in an area that stands at `path`.

    `is_literal` tells the pointers at which a text is itself, whatever it holds. `within` is
    where the area itself belongs among the arguments of a call.
    """
    _check_keys(findings, area, path)
    for pointer, text in templates_in(area):
        if is_literal(pointer):
            continue
        site = template(findings, use, text, path + pointer, within + pointer)
        if site is not None:
            yield site


def _check_keys(findings: Findings, area: Json, path: Path) -> None:
    """Refuse templates where a key is a literal."""
    if isinstance(area, dict):
        for key, item in area.items():
            if has_template(key):
                message = "the key of a mapping is a literal, it takes no braces"
                findings.error("braces-in-key", message, Place((*path, key), key=True))
            if isinstance(item, (dict, list)):
                _check_keys(findings, item, (*path, key))
    elif isinstance(area, list):
        for index, item in enumerate(area):
            if isinstance(item, (dict, list)):
                _check_keys(findings, item, (*path, index))


def _parsed(
    findings: Findings, use: Use, place: Place, pointer: Path, *, bare: bool
) -> Site | None:
    try:
        compiled = parse_expression(place.text) if bare else parse_template(place.text)
    except FaultError as raised:
        fault = raised.fault
        where = place.within(fault.offset, fault.length)
        findings.error(fault.code, fault.message, where, hint=fault.hint)
        return None
    if not bare:
        _check_dollars(findings, place)
    return Site(use, place, compiled, pointer, bare)


def _check_dollars(findings: Findings, place: Place) -> None:
    """Find `${{ }}`, which other systems have: the `$` would stand before the value."""
    for offset in dollars(place.text):
        message = "the `$` before `{{` is no part of the template, and stays in the text"
        hint = "take it out; write `{{ '$' }}{{` for a text that has one"
        findings.warning("dollar-braces", message, place.within(offset, 3), hint=hint)
