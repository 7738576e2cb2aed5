"""The texts that keys take, each under a name: what they look like, and the class of their key.

`x-sark-class` says what a string is: `literal` (read when the commit is compiled; what has no
word is that), `expression` (bare, no braces), `template` (text with `{{ }}`), or `prose` (for
people alone: braces in it are just braces). `patternErrorMessage` says in words what a pattern
asks for: editors show it, and so does `engine.core.reader`.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypeAliasType

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


class Closed(BaseModel):
    """A mapping that takes its own keys and no others."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        regex_engine="python-re",
        defer_build=True,
    )


def _pattern(pattern: str, words: str, *examples: str, kind: str = "literal") -> Any:
    """Return a field whose text must match; `words` end the sentence "expected ..."."""
    extra: dict[str, Any] = {"patternErrorMessage": words, "x-sark-class": kind}
    return Field(pattern=pattern, examples=list(examples) or None, json_schema_extra=extra)


def _class(kind: str, **extra: Any) -> Any:
    return Field(json_schema_extra={"x-sark-class": kind, **extra})


Expression = TypeAliasType("Expression", Annotated[str, _class("expression")])
Template = TypeAliasType("Template", Annotated[str, _class("template")])
Prose = TypeAliasType("Prose", Annotated[str, _class("prose")])
# A free-form area: strings in it are templates, mappings and lists go on without end.
JsonArea = TypeAliasType("JsonArea", Annotated[Any, _class("template")])
JsonSchema = TypeAliasType("JsonSchema", Annotated[dict[str, Any], _class("literal")])
# The schema of an input: a template in its `default` is evaluated when a run starts.
InputSchema = TypeAliasType(
    "InputSchema",
    Annotated[
        dict[str, Any],
        _class("literal", properties={"default": {"x-sark-class": "template"}}),
    ],
)

Duration = TypeAliasType(
    "Duration",
    Annotated[
        str, _pattern(DURATION, "a duration such as `30s`, `5m`, `1h30m`, `7d` or `PT5M`", "30s")
    ],
)
Span = TypeAliasType(
    "Span",
    Annotated[
        str,
        _pattern(
            f"{DURATION}|{_HOLDS_TEMPLATE}",
            "a duration such as `30s`, `5m` or `7d`, or a template of one",
            "7d",
            kind="template",
        ),
    ],
)
Instant = TypeAliasType(
    "Instant",
    Annotated[
        str,
        _pattern(
            INSTANT,
            "an instant with its offset, such as `2026-03-29T02:30:00+02:00`",
            "2026-03-29T02:30:00+02:00",
        ),
    ],
)
InstantTemplate = TypeAliasType(
    "InstantTemplate",
    Annotated[
        str,
        _pattern(
            f"{INSTANT}|{_HOLDS_TEMPLATE}",
            "an instant such as `2026-03-29T02:30:00Z`, or a template of one",
            "{{ inputs.release_at }}",
            kind="template",
        ),
    ],
)
Date = TypeAliasType(
    "Date",
    Annotated[
        str,
        _pattern(
            r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",
            "a date such as `2026-12-24`",
        ),
    ],
)
TimeOfDay = TypeAliasType(
    "TimeOfDay",
    Annotated[
        str, _pattern(r"^([01][0-9]|2[0-3]):[0-5][0-9]$", "a time of day such as `07:00`", "07:00")
    ],
)
Zone = TypeAliasType(
    "Zone",
    Annotated[
        str,
        _pattern(
            r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$",
            "a time zone such as `Europe/Oslo` or `UTC`",
            "Europe/Oslo",
        ),
    ],
)
Cron = TypeAliasType(
    "Cron",
    Annotated[
        str,
        _pattern(
            r"^ *[0-9A-Za-z*,/?L#-]+( +[0-9A-Za-z*,/?L#-]+){4} *$",
            "five fields: minute, hour, day of the month, month, day of the week",
            "30 2 * * *",
        ),
    ],
)
StepId = TypeAliasType(
    "StepId",
    Annotated[
        str, _pattern(STEP_ID, "lower case letters, digits and `_`, a letter first, at most 63")
    ],
)
Name = TypeAliasType(
    "Name",
    Annotated[
        str, _pattern(NAME, "lower case letters, digits and `-`, a letter first, at most 63")
    ],
)
SecretName = TypeAliasType(
    "SecretName",
    Annotated[
        str,
        _pattern(
            r"^[a-z][a-z0-9_-]{0,62}$",
            "the name of a secret: lower case letters, digits, `_` and `-`, a letter first",
        ),
    ],
)
OperationName = TypeAliasType(
    "OperationName",
    Annotated[
        str,
        _pattern(OPERATION, "an operation as `name@major`, such as `http.request@1`"),
    ],
)
AdapterName = TypeAliasType(
    "AdapterName",
    Annotated[
        str,
        _pattern(
            r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*(@[1-9][0-9]*)?$",
            "an adapter such as `http`, or an operation such as `http.request@1`",
            "http",
        ),
    ],
)
Repository = TypeAliasType(
    "Repository",
    Annotated[str, _pattern(r"^[^/\s]+/[^/\s]+$", "a repository as `owner/name`", "acme/web")],
)
EventType = TypeAliasType(
    "EventType",
    Annotated[
        str,
        _pattern(
            r"^[A-Za-z][A-Za-z0-9_-]*([.:/][A-Za-z0-9_-]+)*$",
            "the type of an event, such as `acme.orders.loaded`",
            "acme.orders.loaded",
        ),
    ],
)
Actor = TypeAliasType(
    "Actor",
    Annotated[
        str,
        _pattern(
            r"^(initiator|(group|user):[A-Za-z0-9][A-Za-z0-9_.@+-]{0,99})$",
            "`group:NAME`, `user:NAME` or `initiator`",
            "group:release-managers",
        ),
    ],
)
Size = TypeAliasType(
    "Size",
    Annotated[
        str,
        _pattern(
            r"^[1-9][0-9]{0,9}([KMGT]i?)?$", "a size in bytes such as `512Mi` or `4Gi`", "4Gi"
        ),
    ],
)
Variable = TypeAliasType(
    "Variable",
    Annotated[
        str,
        _pattern(r"^[A-Za-z_][A-Za-z0-9_]{0,99}$", "a variable's name: letters, digits and `_`"),
    ],
)
# Where a key takes one of a few words, or a template that gives one of them.
OnlyTemplate = TypeAliasType(
    "OnlyTemplate",
    Annotated[
        str, _pattern(_HOLDS_TEMPLATE, "a template such as `{{ inputs.x }}`", kind="template")
    ],
)

Continue = Literal["fail", "continue"]
Level = Literal["critical", "high", "normal", "low"]
Sandbox = Literal["none", "process", "container", "vm"]
GLOBS = "Globs: `*` within a part, `**` over parts. A glob that begins with `!` takes out."
