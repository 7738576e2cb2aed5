"""The colours of SVG pictures, once for light ground and once for dark.

Every pair of text and ground has a contrast of 4.5 to 1 or more; what colour tells, a word or
the form of a line tells too.
"""

from collections.abc import Iterator, Mapping

_COMMON = """\
text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
.name{font-size:17px;font-weight:650}
.title{font-size:13px;font-weight:600}
.small,.label{font-size:11px}
.label{text-anchor:middle}
.tag{stroke:none}
rect{stroke-width:1.2}
.cluster rect{fill-opacity:.06}
.steps rect{stroke-dasharray:2 4}
.mark{fill:none;stroke-width:3;stroke-linecap:round}
.line{fill:none;stroke-width:1.5}
.data,.order{stroke-dasharray:5 4}
"""
_LIGHT = {
    "ground": "#ffffff", "border": "#e2e8f0", "text": "#0f172a", "small": "#475569",
    "node": "#f8fafc", "edge": "#cbd5e1", "line": "#64748b", "cluster": "#64748b",
    "uses": "#2563eb", "wait": "#b45309", "pure": "#64748b", "open": "#4f46e5",
    "undo": "#7c3aed", "handler": "#e11d48", "finally": "#0d9488", "fallback": "#d97706",
    "undo-ground": "#f5f3ff", "handler-ground": "#fff1f2", "finally-ground": "#f0fdfa",
    "fallback-ground": "#fffbeb",
}  # fmt: skip
_DARK = {
    "ground": "#0f172a", "border": "#1e293b", "text": "#f1f5f9", "small": "#a8b5c7",
    "node": "#1e293b", "edge": "#475569", "line": "#94a3b8", "cluster": "#94a3b8",
    "uses": "#60a5fa", "wait": "#fbbf24", "pure": "#94a3b8", "open": "#818cf8",
    "undo": "#a78bfa", "handler": "#fb7185", "finally": "#2dd4bf", "fallback": "#fbbf24",
    "undo-ground": "#2a2350", "handler-ground": "#3f1a2a", "finally-ground": "#103a3c",
    "fallback-ground": "#3a2c14",
}  # fmt: skip
_MARKS = {
    "uses": ("uses",),
    "wait": ("wait", "await", "approve"),
    "pure": ("set", "emit", "fail", "rollback"),
    "open": ("call", "block", "for_each", "repeat", "switch", "race", "case", "branch"),
    "undo": ("undo",),
    "handler": ("handler", "alert"),
    "finally": ("finally",),
    "fallback": ("fallback",),
}
_GROUNDS = ("undo", "handler", "finally", "fallback")
_LINES = {
    "handler": "handler",
    "alert": "handler",
    "finally": "finally",
}


def _rules(ink: Mapping[str, str]) -> Iterator[str]:
    yield f".ground{{fill:{ink['ground']};stroke:{ink['border']}}}"
    yield f"text{{fill:{ink['text']}}}.small{{fill:{ink['small']}}}"
    yield f".label{{fill:{ink['small']}}}.tag{{fill:{ink['ground']}}}"
    yield f".node rect{{fill:{ink['node']};stroke:{ink['edge']}}}"
    yield f".cluster rect{{fill:{ink['cluster']};stroke:{ink['edge']}}}"
    for name, kinds in _MARKS.items():
        yield f"{','.join(f'.{kind} .mark' for kind in kinds)}{{stroke:{ink[name]}}}"
    for name in _GROUNDS:
        kinds = _MARKS[name]
        yield (
            f"{','.join(f'.{kind} rect' for kind in kinds)}"
            f"{{fill:{ink[f'{name}-ground']};fill-opacity:1;stroke:{ink[name]}}}"
        )
    yield f".line{{stroke:{ink['line']}}}.tip{{fill:{ink['line']}}}"
    for name, colour in _LINES.items():
        yield f".line.{name}{{stroke:{ink[colour]}}}.tip.{name}{{fill:{ink[colour]}}}"


STYLE = "".join(
    [
        _COMMON,
        *(f"{rule}\n" for rule in _rules(_LIGHT)),
        "@media(prefers-color-scheme:dark){\n",
        *(f"{rule}\n" for rule in _rules(_DARK)),
        "}\n",
    ]
)
