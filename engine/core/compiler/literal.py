"""Code stays as it is written: braces in it belong to its own language and are not ours to fill.

A script may hold `docker inspect --format '{{.State}}'`, and what `text.render` renders is full
of `{{ name }}`. So no template in a code argument is ever filled in. An author who expects it to
be, and writes `{{ inputs.name }}` there, is told so; and who lets a template of `text.render` read
a name that none of its `values` has.
"""

import re
from collections.abc import Mapping

from engine.core import facts
from engine.core.compiler.findings import Findings, Path, Place, listed, meant
from engine.core.compiler.node import Node
from engine.core.document import Document, Scalar
from engine.core.expression import has_template, templates_in
from engine.core.facts import Operation
from engine.core.values import Json

_MARK = re.compile(r"\{[{%#]")
_OURS = ("inputs", "steps", "trigger", "secrets", "run", "variables")
_READ = re.compile(rf"\{{[{{%](?:[^{{}}]|\}}(?!\}}))*?(?<![\w.'\"])({'|'.join(_OURS)})[.\[]")


def check_code(findings: Findings, node: Node, operation: Operation) -> None:
    """Find code that is none, or in which the author means to read `inputs`, `steps` and so on."""
    given = node.spec.with_ or {}
    if not operation.has_code:
        return
    for pointer, text in templates_in(given):
        if facts.CODE not in operation.roles_at(pointer) or operation.names_at(pointer):
            continue
        path = (*node.path, "with", *pointer)
        for match in _READ.finditer(text):
            place = Place(path, False, text, match.start(1), len(match[1]))
            refuse(findings, place, ".".join(map(str, pointer)), operation)
    _check_names(findings, node, operation, given)
    for argument, text, line, words in operation.faults(given):
        place = Place((*node.path, "with", *argument), text=text)
        _tell(findings, place, (line, words), operation)


def _check_names(
    findings: Findings, node: Node, operation: Operation, given: Mapping[str, Json]
) -> None:
    """Find what code reads and `values` does not have; what it only tests may be away."""
    values = given.get("values", {})
    known = values if isinstance(values, dict) else {}
    for argument, text, (line, name, is_sure, others) in operation.reads(given):
        place = _named(Place((*node.path, "with", *argument), text=text), line, name)
        if name in known:
            continue
        if name in _OURS:
            refuse(findings, place, ".".join(argument), operation)
        elif is_sure and known is values:
            where = _elsewhere(findings.document, place, line)
            message = f'{where}there is no "{name}" in `values` for this template to read'
            hint = meant(name, {*known, *others}, f"add it to `values`: `{name}: ...`")
            expected = listed(sorted({*known, *others}))
            findings.error("unknown-name", message, place, hint=hint, expected=expected)


def _named(place: Place, line: int, name: str) -> Place:
    """Return the place of a name in a line of a text; of the line, where it is not to be seen."""
    begin, told = _line(place.text, line)
    found = re.search(rf"(?<![\w.'\"]){name}\b", told)
    at, length = (0, len(told)) if found is None else (found.start(), len(name))
    return place.within(begin + at, length)


def _tell(findings: Findings, place: Place, fault: tuple[int, str], operation: Operation) -> None:
    """Say what is wrong with code, at its line; where no place in the spec is that, in words."""
    line, words = fault
    begin, told = _line(place.text, line)
    where = _elsewhere(findings.document, place, line)
    message = f"`{place.path[-1]}` of {operation.name} is not as it must be: {where}{words}"
    findings.error("bad-code", message, place.within(begin, len(told)))


def _line(text: str, line: int) -> tuple[int, str]:
    """Return where a line begins in a text, and the line, without blanks around it."""
    *above, told = text.split("\n")[:line]
    begin = sum(len(each) + 1 for each in above) + len(told) - len(told.lstrip())
    return begin, told.strip()


def _elsewhere(document: Document, place: Place, line: int) -> str:
    """Return the words for a line of code that the spec does not show.

    It may be in another file, in a connection, or in a text that is folded or has escapes.
    """
    written = document.node(place.path) if document.holds(place.path) else None
    if isinstance(written, Scalar) and written.text != place.text:
        return f"{written.text} line {line}: "
    is_shown = "\n" not in place.text or (isinstance(written, Scalar) and written.indent > 0)
    return "" if is_shown else f"line {line}: "


def refuse(findings: Findings, place: Place, argument: str, operation: Operation) -> None:
    """Say that code takes no template."""
    message = f"`{argument}` of {operation.name} is code, and code takes no template"
    hint = (
        "hand the value over as data (`env`, `argv`, `values`, `params`), and read it in the code"
    )
    findings.error("template-in-code", message, place, hint=hint)


def with_code_quoted(area: Json, operation: Operation, pointer: Path = ()) -> Json:
    """Return arguments in which every text of code is a template that gives exactly this text."""
    if not operation.has_code:
        return area
    if isinstance(area, str):
        is_code = has_template(area) and facts.CODE in operation.roles_at(pointer)
        return _MARK.sub(lambda mark: f"{{{{ '{mark.group()}' }}}}", area) if is_code else area
    if isinstance(area, dict):
        return {
            key: with_code_quoted(item, operation, (*pointer, key)) for key, item in area.items()
        }
    if isinstance(area, list):
        return [with_code_quoted(item, operation, (*pointer, i)) for i, item in enumerate(area)]
    return area
