"""JSON Schema as the type system of specs: a bounded subset of 2020-12."""

from engine.core.pointer import Pointer
from engine.core.schema.assign import assignable
from engine.core.schema.check import check
from engine.core.schema.plain import ANNOTATIONS, fits_plainly
from engine.core.schema.reference import inlined, rerooted
from engine.core.schema.shape import (
    Absent,
    closed,
    constant,
    project,
    types,
    union,
    values,
    with_defaults,
)
from engine.core.schema.validator import Validator, validator

__all__ = [
    "ANNOTATIONS",
    "Absent",
    "Pointer",
    "Validator",
    "assignable",
    "check",
    "closed",
    "constant",
    "fits_plainly",
    "inlined",
    "project",
    "rerooted",
    "types",
    "union",
    "validator",
    "values",
    "with_defaults",
]
