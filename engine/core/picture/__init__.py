"""Pictures of a plan: text for a terminal, Mermaid, Graphviz's DOT, and SVG.

All but the text print one graph, `engine.core.picture.graph`, which says what there is to see and
not where it stands.
"""

from engine.core.picture.dot import as_dot
from engine.core.picture.mermaid import as_mermaid
from engine.core.picture.svg import as_svg
from engine.core.picture.text import as_text

__all__ = ["as_dot", "as_mermaid", "as_svg", "as_text"]
