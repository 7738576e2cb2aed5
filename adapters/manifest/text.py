"""What `text.render@1` takes, gives and promises."""

from collections.abc import Iterator
from contextlib import suppress

from adapters.contract import ErrorClass, ErrorType, Manifest, Read, Role
from adapters.template.budget import LARGEST_TEMPLATE, LARGEST_TEXT, TemplateError


def _faults(template: str) -> Iterator[tuple[int, str]]:
    """Find the first construct of a template that is not taken."""
    from adapters.template.parsing import parse

    try:
        parse(template)
    except TemplateError as error:
        yield error.line, error.words


def _reads(template: str) -> Iterator[Read]:
    """Find the names that a template reads; of one that is not taken, none."""
    from adapters.template.names import free
    from adapters.template.parsing import parse

    with suppress(TemplateError):
        yield from free(parse(template))


MANIFEST = Manifest(
    name="text.render@1",
    title="Render a template",
    arguments={
        "type": "object",
        "additionalProperties": False,
        "required": ["template"],
        "properties": {
            "template": {
                "type": "string",
                "maxLength": LARGEST_TEMPLATE,
                "description": "A Jinja template with for, if and set; what varies goes "
                "through `values`.",
            },
            "values": {
                "type": "object",
                "default": {},
                "description": "What the template knows, by name.",
            },
        },
    },
    outputs={
        "type": "object",
        "additionalProperties": False,
        "required": ["text"],
        "properties": {"text": {"type": "string", "description": f"At most {LARGEST_TEXT} bytes."}},
    },
    effect="pure",
    idempotent=True,
    errors=(
        ErrorType("text.template", ErrorClass.PERMANENT, "The template has a fault, at a line."),
        ErrorType("text.value", ErrorClass.PERMANENT, "A value is missing or of a wrong type."),
        ErrorType("text.limit", ErrorClass.PERMANENT, "The text or the work is too much."),
        ErrorType("text.timeout", ErrorClass.TRANSIENT, "The attempt's time ended."),
        ErrorType(
            "text.invalid", ErrorClass.PERMANENT, "The arguments are no template and values."
        ),
    ),
    roles={"/template": (Role.CODE,)},
    files=("file",),
    faults={"/template": _faults},
    reads={"/template": _reads},
)
