"""One process's running runs: claimed, advanced in memory, committed in groups."""

from engine.owner.loop import Owner

__all__ = ["Owner"]
