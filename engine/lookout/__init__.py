"""What files set off: one leader looks after all `file` triggers."""

from engine.lookout.duty import LookoutDuty, Lookouts
from engine.lookout.eye import Blind, Eye

__all__ = ["Blind", "Eye", "LookoutDuty", "Lookouts"]
