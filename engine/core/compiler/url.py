"""Parts of a URL: what stands after its host is percent-encoded, segment by segment."""

import re
from contextlib import suppress

from engine.core import facts
from engine.core.compiler.match import tree_of
from engine.core.expression import FaultError, parse_expression, tree
from engine.core.expression.scan import has_template, parts
from engine.core.facts import Operation
from engine.core.values import Json

ENCODERS = frozenset({"urlencode", "urlpath"})
_BLOCK = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_FILLED = "\0"
# A scheme and host before the path, or a whole base address that a template gives.
_AUTHORITY = re.compile(r"(?:[a-z][a-z0-9+.-]*://[^/?#\\]+|\0(?::\d+)?)[/?#]", re.IGNORECASE)


def is_url(operation: Operation, pointer: facts.Pointer) -> bool:
    """True if an argument is a whole address: it says host and path."""
    return operation.roles_at(pointer) >= {facts.HOST, facts.PATH}


def is_past_host(before: str) -> bool:
    """True if the text before a template holds a whole `scheme://host/`."""
    return _AUTHORITY.match(_BLOCK.sub(_FILLED, before)) is not None


def with_parts_encoded(
    area: Json, operation: Operation, pointer: tuple[str | int, ...] = ()
) -> Json:
    """Return arguments in which every part of a URL after its host is encoded, once."""
    if isinstance(area, str):
        if not has_template(area) or not is_url(operation, pointer):
            return area
        with suppress(FaultError):  # what is wrong in a template is told elsewhere
            return _encoded(area)
        return area
    if isinstance(area, dict):
        return {
            key: with_parts_encoded(item, operation, (*pointer, key)) for key, item in area.items()
        }
    if isinstance(area, list):
        return [with_parts_encoded(item, operation, (*pointer, i)) for i, item in enumerate(area)]
    return area


def _encoded(text: str) -> str:
    told, before = "", ""
    for part in parts(text):
        if not part.is_expression:
            told += part.text
        elif _AUTHORITY.match(before) and not _is_encoded(part.text):
            told += f"{{{{ ({part.text.strip()}) | urlencode }}}}"
        else:
            told += f"{{{{{part.text}}}}}"
        before += _FILLED if part.is_expression else part.text
    return told


def _is_encoded(expression: str) -> bool:
    node = tree_of(parse_expression(expression))
    return isinstance(node, tree.Call) and node.function in ENCODERS
