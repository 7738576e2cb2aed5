"""Faults of types and expressions: what is given does not fit what is asked for."""

import re
from collections.abc import Iterator

from tests.mutants.fault import Change, Spec, fault, plain
from tests.mutants.tree import Data, typo

_CALL = re.compile(r"\| (default|date|length|urlencode|upper|keys|sum|map|tojson)\b")


def syntax_errors(spec: Spec) -> Iterator[Change]:
    for path, text in spec.expressions():
        for wrong in (f"{text} and", f"({text}", f"{text} = 1", f"{text} && true"):
            yield spec.put(path, wrong)
    for path, text in spec.templates():
        yield spec.put(path, text.replace(" }}", " + }}", 1))


def open_templates(spec: Spec) -> Iterator[Change]:
    for path, text in spec.templates():
        if text.count("}}") == 1:
            yield spec.put(path, text.replace("}}", "}", 1))


def statements(spec: Spec) -> Iterator[Change]:
    for path, text in spec.templates():
        yield spec.put(path, "{% if true %}" + text + "{% endif %}")


def trims(spec: Spec) -> Iterator[Change]:
    for path, text in spec.templates():
        yield spec.put(path, text.replace("{{", "{{-", 1))


def braces(spec: Spec) -> Iterator[Change]:
    for path, text in spec.expressions():
        yield spec.put(path, "{{ " + text + " }}")


def dollars(spec: Spec) -> Iterator[Change]:
    for path, text in spec.templates():
        yield spec.put(path, text.replace("{{", "${{", 1))


def braces_in_keys(spec: Spec) -> Iterator[Change]:
    for path, body in spec.bodies("uses"):
        given = body.get("with")
        if isinstance(given, dict) and isinstance(given.get("json"), dict):
            yield spec.put((*path, "with", "json", "{{ run.id }}"), plain("a"))


def expressions_in_literals(spec: Spec) -> Iterator[Change]:
    for path, step in spec.steps():
        for key in ("uses", "call", "pool", "circuit", "sandbox", "effect"):
            if key in step:
                yield spec.put((*path, key), "{{ run.id }}")
        if "timeout" not in step:
            yield spec.put((*path, "timeout"), "{{ run.id }}")
    for path, _ in spec.triggers():
        yield spec.put((*path, "type"), "{{ run.id }}")


def unknown_functions(spec: Spec) -> Iterator[Change]:
    for path, text in spec.expressions():
        yield spec.put(path, f"now() and {text}")
        yield spec.put(path, f"({text}) | reverse")
    for path, text in spec.templates():
        for found in _CALL.finditer(text):
            start, end = found.span(1)
            yield spec.put(path, text[:start] + typo(found[1]) + text[end:])


def wrong_function_arguments(spec: Spec) -> Iterator[Change]:
    for path, text in spec.expressions():
        for wrong in ("length()", "upper('a', 'b')", "round(1.5, digits=1)"):
            yield spec.put(path, f"{wrong} == 1 and ({text})")


def wrong_function_types(spec: Spec) -> Iterator[Change]:
    for path, text in spec.expressions():
        for wrong in ("upper(7)", "sum('abc')", "'a' * 3", "length(7)", "1 + 'a'", "'a' < 1"):
            yield spec.put(path, f"({wrong}) == 1 and ({text})")


def never_equal(spec: Spec) -> Iterator[Change]:
    for path, text in spec.expressions():
        if path[-1] not in ("if", "until") or "retry" in path:
            continue
        for wrong in ("run.id == 7", "run.status == 'suceeded'"):
            yield spec.put(path, f"{wrong} and ({text})")
        if re.search(r"== '[a-z]+'", text) and "inputs.env" in text:
            yield spec.put(path, plain(re.sub(r"== '[a-z]+'", "== 'stagign'", text)))


def wrong_conditions(spec: Spec) -> Iterator[Change]:
    for path, _ in spec.steps():
        for wrong in ("run.id", "'true'", "1 + 1", "[]"):
            yield spec.put((*path, "if"), plain(wrong))


def wrong_result_types(spec: Spec) -> Iterator[Change]:
    for path, value in spec.mappings():
        if path[-2:-1] in (("outputs",), ("set",), ("collect",)) and "value" in value:
            kind = value.get("type")
            for wrong in ("{{ 1.5 }}", "{{ {'a': 1} }}"):
                if kind in ("string", "integer", "boolean", "array"):
                    yield spec.put((*path, "value"), wrong)


def wrong_projections(spec: Spec) -> Iterator[Change]:
    for path, body in spec.bodies("uses"):
        if str(body["uses"]) == "http.request@1" and path[-2] == "steps":
            yield spec.put((*path, "outputs"), {"wrong": {"type": plain("string"),
                                                         "from": plain("status")}},
                           (*path, "outputs", "wrong", "from"))  # fmt: skip
            yield spec.put((*path, "outputs"), {"wrong": {"type": plain("integer"),
                                                         "from": plain("statuz")}},
                           (*path, "outputs", "wrong", "from"))  # fmt: skip


def wrong_through_projections(spec: Spec) -> Iterator[Change]:
    """Where a projection gives a text, an argument that asks for a number reads it."""
    for path, body in spec.bodies("uses"):
        outputs = body.get("outputs")
        step = path[-1]
        if not isinstance(outputs, dict) or path[-2:-1] != ("steps",) or not isinstance(step, str):
            continue
        for name, told in outputs.items():
            kind = told.get("type") if isinstance(told, dict) else None
            if kind in ("string", "integer", "number"):
                want = "integer" if kind == "string" else "string"
                reads = "{{ steps." + f"{step}.outputs.{name}" + " }}"
                added: Data = {"set": {"x": {"type": plain(want), "value": reads}}}
                yield spec.put((*path[:-1], "added"), added, (*path[:-1], "added", "set", "x"))


def wrong_defaults(spec: Spec) -> Iterator[Change]:
    wrong: dict[str, Data] = {"string": plain("7"), "integer": plain("seven"),
                              "boolean": plain("1"), "array": plain("a"), "number": plain("x"),
                              "object": plain("7")}  # fmt: skip
    for start, document in spec.documents():
        inputs = document.get("inputs")
        for name in inputs if isinstance(inputs, dict) else ():
            told = spec.at((*start, "inputs", name))
            kind = told.get("type") if isinstance(told, dict) else None
            if isinstance(kind, str) and isinstance(told, dict):
                value: Data = "not one of them" if "enum" in told else wrong[kind]
                if kind == "string" and "enum" not in told:
                    value = [plain("a")]
                yield spec.put((*start, "inputs", name, "default"), value)


def wrong_default_filters(spec: Spec) -> Iterator[Change]:
    for path, text in spec.templates():
        if path[-1] == "value" and re.search(r"default\((''|0)\)", text):
            yield spec.put(path, re.sub(r"default\((''|0)\)", "default([1])", text))


def skipped_outputs(spec: Spec) -> Iterator[Change]:
    for path, text in spec.templates():
        if "outputs" in path and path[-1] == "value" and "| default(" in text and len(path) == 4:
            yield spec.put(path, re.sub(r" \| default\([^)]*\)", "", text))
    for start, document in spec.documents():
        outputs = document.get("outputs")
        for name in outputs if isinstance(outputs, dict) else ():
            text = spec.scalar((*start, "outputs", name, "value"))
            found = re.search(r"steps\.(\w+)", text)
            if found and "default" not in text and isinstance(document["steps"], dict):
                step = spec.at((*start, "steps", found[1]))
                if isinstance(step, dict) and "if" not in step:
                    yield spec.put((*start, "steps", found[1], "if"), plain("run.id != 'x'"),
                                   (*start, "outputs", name, "value"))  # fmt: skip


def bad_schemas(spec: Spec) -> Iterator[Change]:
    for path, value in spec.walk():
        if path[-1:] == ("type",) and value in ("string", "integer", "number", "object", "array"):
            yield spec.put(path, plain(typo(str(value))))


def unknown_names(spec: Spec) -> Iterator[Change]:
    for path, text in spec.reads():
        for name in ("inputs", "steps", "trigger", "run", "secrets", "event", "item"):
            found = re.search(rf"(?<![\w.']){name}\.", text)
            if found and "data" not in path[:-3]:
                yield spec.put(path, type(text)(text[: found.start()] + typo(name) + "." +
                                                text[found.end():]))  # fmt: skip


FAULTS = (
    fault("syntax-error", "An expression is not of the syntax.",
          "expression-syntax", syntax_errors),
    fault("open-template", "`{{` is not closed.", "template-open", open_templates),
    fault("template-statement", "A template has a statement.", "template-statement", statements),
    fault("template-trim", "A template trims.", "template-trim", trims),
    fault("braces-in-expression", "An expression key has braces.", "braces-in-expression", braces),
    fault("dollar-braces", "A template has a `$` before it.", "dollar-braces", dollars),
    fault("braces-in-key", "A key of free JSON is a template.", "braces-in-key", braces_in_keys),
    fault("expression-in-literal", "A literal key has a template.",
          "template-not-allowed unknown-operation bad-value unknown-type wrong-type",
          expressions_in_literals),
    fault("unknown-function", "An expression calls what there is not.",
          "unknown-function", unknown_functions),
    fault("function-arguments", "A function gets too few, too many or unknown arguments.",
          "expression-arguments", wrong_function_arguments),
    fault("function-types", "A function or operator gets a value of a wrong type.",
          "expression-type", wrong_function_types),
    fault("never-equal", "Two values are compared that cannot be equal.",
          "never-equal", never_equal),
    fault("wrong-condition", "A condition gives no truth value.",
          "wrong-type expression-type constant-condition", wrong_conditions),
    fault("wrong-result-type", "A typed value is of another type.",
          "wrong-type bad-value", wrong_result_types),
    fault("wrong-projection", "A projection is of another type, or of nothing that is given.",
          "wrong-type unknown-output", wrong_projections),
    fault("wrong-through-projection", "A projected output goes where another type is asked for.",
          "wrong-type", wrong_through_projections),
    fault("wrong-default", "The `default` of an input does not fit its schema.",
          "bad-default wrong-type", wrong_defaults),
    fault("wrong-default-filter", "The `default` of an expression is of another type.",
          "wrong-type expression-type", wrong_default_filters),
    fault("skipped-output", "An output reads a step that may be skipped, and has no default.",
          "maybe-missing", skipped_outputs),
    fault("bad-schema", "A schema's type is misspelt.", "bad-schema", bad_schemas),
    fault("unknown-name", "An expression reads a name that there is not.",
          "unknown-name", unknown_names),
)  # fmt: skip
