"""`switch`: every value has a case, and every case a value."""

from collections.abc import Sequence

from engine.core import schema as schemas
from engine.core import spec
from engine.core.compiler import shape
from engine.core.compiler.findings import Findings, listed, meant
from engine.core.compiler.node import Node
from engine.core.compiler.site import Schema, Use
from engine.core.compiler.world import World
from engine.core.kind import kind, named
from engine.core.values import Json

_WORDS: dict[str, Json] = {"true": True, "false": False}


def check_cases(world: World, node: Node, told: spec.Switch) -> list[Json]:
    """Return the values of the cases, in order, each of the type that is switched on."""
    typed = (each for site, each in node.typed if site.use is Use.CASE)
    over = next(typed, shape.ANYTHING)
    values = [_value(name, over) for name in told.cases]
    for name, value in zip(told.cases, values, strict=True):
        if kind(value) not in schemas.types(over):
            message = f'`{told.value}` is {named(schemas.types(over))} and never "{name}"'
            place = node.at("switch", "cases", name, key=True)
            world.findings.error("unknown-case", message, place)
    known = schemas.values(over)
    if known is not None:
        _check_known(world.findings, node, told, known)
    elif told.else_ is None and not _are_both(values, over):
        message = f"{node.called} may meet a value that has no case"
        hint = "add `else: ...`, or switch on a value whose schema has an `enum`"
        world.findings.error("missing-case", message, node.at("switch", "value"), hint=hint)
    _check_constant(world.findings, node)
    return values


def check_choices(findings: Findings, node: Node, told: Sequence[spec.Choice | spec.Else]) -> None:
    """Find choices that are never reached, after `else` or under one alike; and a missing `else`.

    Whether one of several conditions always holds cannot be told, so there is always an `else`.
    """
    if not any(isinstance(each, spec.Else) for each in told):
        message = f"{node.called} may meet none of its conditions"
        hint = "add `- else: {steps: []}` at the end, to do nothing then"
        findings.error("missing-case", message, node.at("switch", key=True), hint=hint)
    seen: set[str] = set()
    for index, each in enumerate(told):
        if isinstance(each, spec.Else):
            if index < len(told) - 1:
                message = "`else` stands last: what comes after it is never reached"
                place = node.at("switch", index, "else", key=True)
                findings.error("unreachable", message, place)
            continue
        text = " ".join(each.if_.split())
        if text in seen:
            message = "this case is never reached: one above it has the same condition"
            findings.error("duplicate-case", message, node.at("switch", index, "if"))
        seen.add(text)


def _value(name: str, over: Schema) -> Json:
    """Return the value of a case: a key is a text, and stands for what is switched on."""
    kinds = schemas.types(over)
    if "string" in kinds:
        return name
    if "boolean" in kinds and name in _WORDS:
        return _WORDS[name]
    if kinds & {"integer", "number"} and name.removeprefix("-").isdecimal():
        return int(name)
    return name


def _check_known(findings: Findings, node: Node, told: spec.Switch, known: Sequence[Json]) -> None:
    """Compare the cases with the few values that there can be."""
    words = [_word(each) for each in known]
    for name in told.cases:
        if name not in words:
            message = f'`{told.value}` is never "{name}", so this case is never reached'
            place = node.at("switch", "cases", name, key=True)
            findings.error(
                "unknown-case", message, place, hint=meant(name, words), expected=listed(words)
            )
    missing = [each for each in words if each not in told.cases]
    if missing and told.else_ is None:
        names = listed(f'"{each}"' for each in missing)
        message = f"{node.called} has no case for {names}"
        hint = f"add `{missing[0]}: {{steps: []}}` to do nothing then, or an `else`"
        findings.error("missing-case", message, node.at("switch", "cases", key=True), hint=hint)
    if not missing and told.else_ is not None:
        message = "`else` is never reached: every value has its case"
        findings.warning("unreachable", message, node.at("switch", "else", key=True))


def _check_constant(findings: Findings, node: Node) -> None:
    for site, _ in node.typed:
        if site.use is Use.CASE and not site.compiled.references:
            message = "`switch.value` reads nothing, so the case is the same in every run"
            hint = "switch on something that the run brings"
            findings.warning("constant-condition", message, site.place, hint=hint)


def _word(value: Json) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _are_both(values: Sequence[Json], over: Schema) -> bool:
    """True if what is switched on is true or false, and both have a case."""
    return schemas.types(over) == {"boolean"} and {True, False} <= set(map(_as_bool, values))


def _as_bool(value: Json) -> bool | None:
    return value if isinstance(value, bool) else None
