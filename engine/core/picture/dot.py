"""A plan in the language of Graphviz: a cluster for each scope, dashed edges for inferred order."""

from collections.abc import Iterator

from engine.core.picture.graph import BESIDE, Graph, Kind, Line, Shape, draw, nested
from engine.core.picture.words import cut
from engine.core.plan import Plan

_LONGEST = 60
_HEAD = """\
  compound=true; rankdir=TB; fontname="Helvetica"; fontsize=11;
  node [shape=box, style="rounded,filled", fillcolor="#f1f5f9", color="#64748b",
        fontname="Helvetica", fontsize=11];
  edge [color="#64748b", fontname="Helvetica", fontsize=10];"""
_FILLS = {
    "undo": ("#ede9fe", "#7c3aed"),
    "handler": ("#ffe4e6", "#e11d48"),
    "alert": ("#ffe4e6", "#e11d48"),
    "finally": ("#ccfbf1", "#0d9488"),
    "fallback": ("#fef3c7", "#d97706"),
}
_LINES = {
    Kind.NEEDS: "",
    Kind.DATA: 'style="dashed"',
    Kind.ORDER: 'style="dotted"',
    Kind.HANDLER: 'color="#e11d48", label="fails"',
    Kind.FINALLY: 'color="#0d9488", label="ends"',
    Kind.ALERT: 'color="#e11d48", label="cannot be undone"',
    Kind.COMPENSATION: 'color="#7c3aed", style="dotted", dir="none"',
    Kind.FALLBACK: 'color="#d97706", style="dotted", dir="none"',
}


def as_dot(plan: Plan) -> str:
    """Return the plan as the text of one digraph; nothing that an author wrote is syntax."""
    graph = draw(plan)
    return "\n".join([f"digraph {_quoted(graph.name)} {{", _HEAD, *_written(graph), "}"]) + "\n"


def _written(graph: Graph) -> Iterator[str]:
    stands: dict[str, str] = {}
    for shape, depth, is_end in nested(graph):
        indent = "  " * (depth + 1)
        if is_end:
            yield f"{indent}}}"
        elif shape.is_cluster:
            yield f"{indent}subgraph cluster_{shape.key} {{"
            yield f'{indent}  label={_label(shape)}; style="rounded"; {_colour(shape)}'
            # An edge of Graphviz is between nodes: a cluster is stood for by a point in it.
            stands[shape.key] = f"{shape.key}_"
            yield f'{indent}  {shape.key}_ [shape=point, style=invis, width=0, label=""];'
        else:
            yield f"{indent}{shape.key} [label={_label(shape)}{_fill(shape)}];"
    for line in graph.lines:
        yield _line(line, stands)


def _line(line: Line, stands: dict[str, str]) -> str:
    told = [_LINES[line.kind]] if _LINES[line.kind] else []
    told += [f"label={_quoted(line.label)}"] if line.label else []
    told += [f"ltail=cluster_{line.source}"] if line.source in stands else []
    told += [f"lhead=cluster_{line.target}"] if line.target in stands else []
    told += ["constraint=false"] if line.kind in BESIDE else []
    ends = (stands.get(key, key) for key in (line.source, line.target))
    return f"  {' -> '.join(ends)}" + (f" [{', '.join(told)}];" if told else ";")


def _colour(shape: Shape) -> str:
    colour = _FILLS[shape.kind][1] if shape.kind in _FILLS else "#94a3b8"
    return f'color="{colour}";'


def _fill(shape: Shape) -> str:
    if shape.kind not in _FILLS:
        return ""
    fill, colour = _FILLS[shape.kind]
    return f', fillcolor="{fill}", color="{colour}"'


def _label(shape: Shape) -> str:
    lines = filter(None, (shape.title, shape.about, shape.note))
    return _quoted("\n".join(cut(each, _LONGEST) for each in lines))


def _quoted(text: str) -> str:
    """Return a string of DOT; its own escapes begin with a backslash, which is doubled."""
    told = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{told}"'
