"""The texts that keys take, each under a name: what they look like, and the class of their key.

`x-sark-class` says what a string is: `literal` (read when the commit is compiled; what has no
word is that), `expression` (bare, no braces), `template` (text with `{{ }}`), or `prose` (for
people alone: braces in it are just braces). `patternErrorMessage` says in words what a pattern
asks for: editors show it, and so does `engine.core.reader`.
"""

from typing import Annotated, Any, Literal, TypeAlias

from engine.core.spec.model import Words

STEP_ID = r"^[a-z][a-z0-9_]{0,62}$"
NAME = r"^[a-z][a-z0-9-]{0,62}$"
OPERATION = r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+@[1-9][0-9]*$"
# What `values.parse_duration` reads; at most six digits a unit, so that no span overflows.
DURATION = (
    r"^(?=[0-9])([0-9]{1,6}d)?([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?([0-9]{1,6}ms)?$"
    r"|^P(?=.)([0-9]{1,6}D)?(T(?=.)([0-9]{1,6}H)?([0-9]{1,6}M)?([0-9]{1,6}S)?)?$"
)
INSTANT = (
    r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3])(:[0-5][0-9]){2}"
    r"(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})$"
)
_HOLDS_TEMPLATE = r"^[\s\S]*\{\{[\s\S]*$"


def _class(name: str, kind: str, **words: Any) -> Words:
    return Words(name, **words, **{"x-sark-class": kind})


def _pattern(name: str, pattern: str, told: str, *examples: str, kind: str = "literal") -> Words:
    """Return a text that must match; `told` ends the sentence "expected ..."."""
    words: dict[str, Any] = {"examples": list(examples)} if examples else {}
    return _class(name, kind, pattern=pattern, patternErrorMessage=told, **words)


Expression: TypeAlias = Annotated[str, _class("Expression", "expression")]
Template: TypeAlias = Annotated[str, _class("Template", "template")]
Prose: TypeAlias = Annotated[str, _class("Prose", "prose")]
# A free-form area: strings in it are templates, mappings and lists go on without end.
JsonArea: TypeAlias = Annotated[Any, _class("JsonArea", "template")]
# A constant of any kind: nothing in it is evaluated.
Constant: TypeAlias = Annotated[Any, _class("Constant", "literal")]
JsonSchema: TypeAlias = Annotated[dict[str, Any], _class("JsonSchema", "literal")]
# The schema of an input: a template in its `default` is evaluated when a run starts.
InputSchema: TypeAlias = Annotated[
    dict[str, Any],
    _class("InputSchema", "literal", properties={"default": {"x-sark-class": "template"}}),
]

Duration: TypeAlias = Annotated[
    str,
    _pattern(
        "Duration", DURATION, "a duration such as `30s`, `5m`, `1h30m`, `7d` or `PT5M`", "30s"
    ),
]
Span: TypeAlias = Annotated[
    str,
    _pattern(
        "Span",
        f"{DURATION}|{_HOLDS_TEMPLATE}",
        "a duration such as `30s`, `5m` or `7d`, or a template of one",
        "7d",
        kind="template",
    ),
]
Instant: TypeAlias = Annotated[
    str,
    _pattern(
        "Instant",
        INSTANT,
        "an instant with its offset, such as `2026-03-29T02:30:00+02:00`",
        "2026-03-29T02:30:00+02:00",
    ),
]
InstantTemplate: TypeAlias = Annotated[
    str,
    _pattern(
        "InstantTemplate",
        f"{INSTANT}|{_HOLDS_TEMPLATE}",
        "an instant such as `2026-03-29T02:30:00Z`, or a template of one",
        "{{ inputs.release_at }}",
        kind="template",
    ),
]
Revision: TypeAlias = Annotated[
    str,
    _pattern(
        "Revision",
        r"^([0-9a-f]{40}|[0-9a-f]{64})$",
        "the full hash of a commit: 40 or 64 hexadecimal digits, as `git rev-parse` prints it",
        "9f31c02d8a4b6e7c5f1029384756abcdef012345",
    ),
]
Date: TypeAlias = Annotated[
    str,
    _pattern(
        "Date",
        r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",
        "a date such as `2026-12-24`",
    ),
]
TimeOfDay: TypeAlias = Annotated[
    str,
    _pattern(
        "TimeOfDay", r"^([01][0-9]|2[0-3]):[0-5][0-9]$", "a time of day such as `07:00`", "07:00"
    ),
]
Zone: TypeAlias = Annotated[
    str,
    _pattern(
        "Zone",
        r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$",
        "a time zone such as `Europe/Oslo` or `UTC`",
        "Europe/Oslo",
    ),
]
Cron: TypeAlias = Annotated[
    str,
    _pattern(
        "Cron",
        r"^ *[0-9A-Za-z*,/?L#-]+( +[0-9A-Za-z*,/?L#-]+){4} *$",
        "five fields: minute, hour, day of the month, month, day of the week",
        "30 2 * * *",
    ),
]
StepId: TypeAlias = Annotated[
    str,
    _pattern("StepId", STEP_ID, "lower case letters, digits and `_`, a letter first, at most 63"),
]
Name: TypeAlias = Annotated[
    str, _pattern("Name", NAME, "lower case letters, digits and `-`, a letter first, at most 63")
]
SecretName: TypeAlias = Annotated[
    str,
    _pattern(
        "SecretName",
        r"^[a-z][a-z0-9_-]{0,62}$",
        "the name of a secret: lower case letters, digits, `_` and `-`, a letter first",
    ),
]
OperationName: TypeAlias = Annotated[
    str,
    _pattern("OperationName", OPERATION, "an operation as `name@major`, such as `http.request@1`"),
]
AdapterName: TypeAlias = Annotated[
    str,
    _pattern(
        "AdapterName",
        r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*(@[1-9][0-9]*)?$",
        "an adapter such as `http`, or an operation such as `http.request@1`",
        "http",
    ),
]
Repository: TypeAlias = Annotated[
    str, _pattern("Repository", r"^[^/\s]+/[^/\s]+$", "a repository as `owner/name`", "acme/web")
]
EventType: TypeAlias = Annotated[
    str,
    _pattern(
        "EventType",
        r"^[A-Za-z][A-Za-z0-9_-]*([.:/][A-Za-z0-9_-]+)*$",
        "the type of an event, such as `acme.orders.loaded`",
        "acme.orders.loaded",
    ),
]
Actor: TypeAlias = Annotated[
    str,
    _pattern(
        "Actor",
        r"^(initiator|(group|user):[A-Za-z0-9][A-Za-z0-9_.@+-]{0,99})$",
        "`group:NAME`, `user:NAME` or `initiator`",
        "group:release-managers",
    ),
]
Size: TypeAlias = Annotated[
    str,
    _pattern(
        "Size", r"^[1-9][0-9]{0,9}([KMGT]i?)?$", "a size in bytes such as `512Mi` or `4Gi`", "4Gi"
    ),
]
Variable: TypeAlias = Annotated[
    str,
    _pattern(
        "Variable", r"^[A-Za-z_][A-Za-z0-9_]{0,99}$", "a variable's name: letters, digits and `_`"
    ),
]
# Where a key takes one of a few words, or a template that gives one of them.
OnlyTemplate: TypeAlias = Annotated[
    str,
    _pattern(
        "OnlyTemplate", _HOLDS_TEMPLATE, "a template such as `{{ inputs.x }}`", kind="template"
    ),
]

Continue = Literal["fail", "continue"]
Level = Literal["critical", "high", "normal", "low"]
Sandbox = Literal["none", "process", "container", "vm"]
GLOBS = "Globs: `*` within a part, `**` over parts. A glob that begins with `!` takes out."
