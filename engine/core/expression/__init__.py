"""Expressions and templates: parsed by Jinja, allow-listed, typed and run by our own closures."""

from engine.core.expression.compiled import (
    compile_value,
    holds,
    parse_expression,
    parse_template,
    templates_in,
)
from engine.core.expression.fault import (
    Compiled,
    EvaluationError,
    Fault,
    FaultError,
    Reference,
    UndefinedError,
)
from engine.core.expression.folding import folded_expression, folded_template, guarded
from engine.core.expression.scan import Part, braces, has_template, parts
from engine.core.expression.types import Typed, inspect, type_of

__all__ = [
    "Compiled",
    "EvaluationError",
    "Fault",
    "FaultError",
    "Part",
    "Reference",
    "Typed",
    "UndefinedError",
    "braces",
    "compile_value",
    "folded_expression",
    "folded_template",
    "guarded",
    "has_template",
    "holds",
    "inspect",
    "parse_expression",
    "parse_template",
    "parts",
    "templates_in",
    "type_of",
]
