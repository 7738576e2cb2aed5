"""YAML text to plain data that knows its lines; every limit and refusal of the language."""

from engine.core.document.codes import CODES
from engine.core.document.loading import load
from engine.core.document.node import Document, Mapping, Node, Path, Scalar, Sequence
from engine.core.document.source import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_DOCUMENTS,
    MAX_NODES,
    MAX_SCALAR,
)

__all__ = [
    "CODES",
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_DOCUMENTS",
    "MAX_NODES",
    "MAX_SCALAR",
    "Document",
    "Mapping",
    "Node",
    "Path",
    "Scalar",
    "Sequence",
    "load",
]
