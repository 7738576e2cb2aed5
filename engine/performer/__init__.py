"""One process's share of the work of pools: attempts of runs that others own."""

from engine.performer.performer import Performer

__all__ = ["Performer"]
