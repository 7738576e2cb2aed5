"""A lone expression becomes its syntax tree: by hand where it is simple, by Jinja where not."""

from engine.core.expression import simple, tree


def parse(text: str, base: int = 0) -> tree.Node:
    """Return the syntax tree of a lone expression; Jinja is loaded for the first that needs it.

    Raise FaultError as `syntax.parse` does.
    """
    node = simple.read(text, base)
    if node is None:
        from engine.core.expression import syntax

        node = syntax.parse(text, base)
    return node
