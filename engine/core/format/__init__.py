"""Specs in the one style: how a file looks changes, and what it says is proved to be the same."""

from engine.core.format.proof import Unproved
from engine.core.format.tidying import spell_out, tidy

__all__ = ["Unproved", "spell_out", "tidy"]
