"""The reference page of every key of a spec, written from the JSON Schema that editors follow."""

from collections.abc import Mapping
from typing import Any, Final

from engine.core.published.authored import authored_definitions
from engine.core.spec import KINDS, VERBS

_HEAD: Final = """\
# Keys of a spec

Every key of every kind of document, as an editor shows them.
[The language](language.md) tells what they mean together.
A type that is a link has a table of its own, or is one of the [texts](#texts).
A key without a default may be left out, and what that means stands in the last column.
"""
_VERBS: Final = "It also takes one verb with its keys, as [Step](#step) has them.\n\n"


def keys_page() -> str:
    """Return the page: documents first, then all that stands in them, then the texts."""
    definitions = authored_definitions()
    models = {name: each for name, each in definitions.items() if "title" in each}
    order = [*KINDS, *sorted(name for name in models if name not in KINDS)]
    return "\n".join([_HEAD, *(_table(name, models) for name in order), _texts(definitions)])


def _table(name: str, models: Mapping[str, Any]) -> str:
    model = models[name]
    step = models["Step"]["properties"]
    is_body = name != "Step" and "uses" in model["properties"]
    required = model.get("required", ())
    rows = "\n".join(
        f"| `{key}` | {_type(each)} | {_default(each, key in required)} | {_told(each, models)} |"
        for key, each in model["properties"].items()
        if not is_body or (key not in VERBS and step.get(key) != each)
    )
    return (
        f"## {name}\n\n{model['description']}\n\n{_VERBS if is_body else ''}"
        f"| key | type | default | what |\n| --- | --- | --- | --- |\n{rows}\n"
    )


def _texts(definitions: Mapping[str, Any]) -> str:
    rows = "\n".join(
        f'| <a id="{name.lower()}"></a>{name} | {each["x-sark-class"]} | '
        f"{each.get('patternErrorMessage', 'any text')} |"
        for name, each in sorted(definitions.items())
        if each.get("type") == "string"
    )
    return f"## Texts\n\n| type | class | what it looks like |\n| --- | --- | --- |\n{rows}\n"


def _type(schema: Mapping[str, Any]) -> str:
    """Return the type of a value in words, with links to those that are told elsewhere."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        return _NAMED.get(name, f"[{name}](#{name.lower()})")
    if "discriminator" in schema:
        names = dict.fromkeys(schema["discriminator"]["mapping"].values())
        return " or ".join(_type({"$ref": each}) for each in names)
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    words = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    if words:
        return _words(words)
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    if schema.get("type") == "object":
        value = schema["additionalProperties"]
        return "mapping" if value is True else f"mapping to {_type(value)}"
    return f"{schema['type']}{_bounds(schema)}"


def _words(words: list[Any]) -> str:
    told = [_code(each) for each in words]
    return " ".join(told) if len(told) < _MANY else f"{told[0]}, {told[1]} and so on"


def _bounds(schema: Mapping[str, Any]) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if most is not None:
        return f", {least:,} to {most:,}"
    return "" if least is None else f", {least:,} or more"


def _default(schema: Mapping[str, Any], is_required: bool) -> str:
    if is_required:
        return "required"
    value = schema.get("default")
    if value is None or value == "":
        return ""
    return " ".join(_code(each) for each in (value if isinstance(value, list) else [value]))


def _code(value: Any) -> str:
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _told(schema: Mapping[str, Any], models: Mapping[str, Any]) -> str:
    """Return what a key is for; where it says no more than its model, the model says it."""
    target = models.get(schema.get("$ref", "").removeprefix("#/$defs/"), {})
    return str(schema.get("description") or target.get("description") or _STEPS)


_STEPS: Final = "A mapping of steps is a graph, a list is a sequence."
_MANY: Final = 12
_NAMED: Final = {
    "JsonArea": "any value",
    "Value": "any value",
    "JsonSchema": "a JSON Schema",
    "InputSchema": "a JSON Schema",
    "Steps": "mapping or list of [Step](#step)",
    "StepPath": "a step's path",
    "OnlyTemplate": "a template",
}


def pages() -> dict[str, str]:
    """Return the page by its file's name."""
    return {"keys.md": keys_page()}
