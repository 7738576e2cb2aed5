"""A plan as a Mermaid flowchart: a subgraph for each scope, dotted lines for inferred order."""

from collections.abc import Iterator

from engine.core.picture.graph import Graph, Kind, Line, Shape, draw, nested
from engine.core.picture.words import cut
from engine.core.plan import Plan

_LONGEST = 60
_ARROWS = {
    Kind.NEEDS: "-->",
    Kind.DATA: "-.->",
    Kind.ORDER: "-.->",
    Kind.HANDLER: "==>",
    Kind.FINALLY: "==>",
    Kind.ALERT: "==>",
    Kind.COMPENSATION: "-.-",
    Kind.FALLBACK: "-.-",
}
_WORDS = {
    Kind.HANDLER: "fails",
    Kind.FINALLY: "ends",
    Kind.ALERT: "cannot be undone",
    Kind.COMPENSATION: "undone by",
    Kind.FALLBACK: "else",
}
# The colours of Mermaid's own themes stand on light ground and dark.
_STYLES = {
    "undo": "fill:#ede9fe,stroke:#7c3aed,color:#2e1065",
    "handler": "fill:#ffe4e6,stroke:#e11d48,color:#4c0519",
    "alert": "fill:#ffe4e6,stroke:#e11d48,color:#4c0519",
    "finally": "fill:#ccfbf1,stroke:#0d9488,color:#042f2e",
    "fallback": "fill:#fef3c7,stroke:#d97706,color:#451a03",
}


def as_mermaid(plan: Plan) -> str:
    """Return the plan as the text of one flowchart; nothing that an author wrote is syntax."""
    return "\n".join(_written(draw(plan))) + "\n"


def _written(graph: Graph) -> Iterator[str]:
    yield "flowchart TB"
    for shape, depth, is_end in nested(graph):
        indent = "  " * (depth + 1)
        if is_end:
            yield f"{indent}end"
        elif shape.is_cluster:
            yield f'{indent}subgraph {shape.key}["{_label(shape)}"]'
        else:
            yield f'{indent}{shape.key}["{_label(shape)}"]'
    yield from map(_line, graph.lines)
    for kind, style in _STYLES.items():
        keys = [each.key for each in graph.shapes if each.kind == kind]
        if keys:
            yield f"  classDef {kind}_ {style}"
            yield f"  class {','.join(keys)} {kind}_"


def _line(line: Line) -> str:
    label = line.label or _WORDS.get(line.kind, "")
    told = f'|"{_escaped(label)}"|' if label else ""
    return f"  {line.source} {_ARROWS[line.kind]}{told} {line.target}"


def _label(shape: Shape) -> str:
    small = [f"<small>{_escaped(text)}</small>" for text in (shape.about, shape.note) if text]
    return "<br/>".join([_escaped(shape.title), *small])


def _escaped(text: str) -> str:
    """Return text in which only letters, digits and harmless marks stand for themselves."""
    return "".join(
        each if each.isalnum() or each in " .,-_/@" else f"#{ord(each)};"
        for each in cut(text, _LONGEST)
    )
