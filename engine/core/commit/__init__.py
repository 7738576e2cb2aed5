"""The documents of one commit: what each declares, and what holds between them.

All of it is told without compiling anything: whoever remembers what the files of a commit came to
needs no more than this to know what is wrong with it.
"""

from engine.core.commit.between import findings
from engine.core.commit.declared import Declared, Kind, Mention, Wiring, declared
from engine.core.commit.flow import Flow, Goal, Label, Origin, Trust
from engine.core.commit.neighbour import (
    VARIABLE,
    Commit,
    Companions,
    Interface,
    Neighbours,
    Question,
    Variable,
    overlaid,
)
from engine.core.commit.unit import Unit

__all__ = [
    "VARIABLE",
    "Commit",
    "Companions",
    "Declared",
    "Flow",
    "Goal",
    "Interface",
    "Kind",
    "Label",
    "Mention",
    "Neighbours",
    "Origin",
    "Question",
    "Trust",
    "Unit",
    "Variable",
    "Wiring",
    "declared",
    "findings",
    "overlaid",
]
