"""What the clock sets off: when a schedule is due, what is made up for, and who waits for whom."""

from engine.core.schedule.misfire import GRACE, Due, Misfire, Rules, due, rules
from engine.core.schedule.overlap import MOST_WAITING, Overlap, Turnout, turnout
from engine.core.schedule.schedule import YEARS, Schedule, coming, first, of
from engine.core.schedule.window import Frozen, Window, frozen_at, parse

__all__ = [
    "GRACE",
    "MOST_WAITING",
    "YEARS",
    "Due",
    "Frozen",
    "Misfire",
    "Overlap",
    "Rules",
    "Schedule",
    "Turnout",
    "Window",
    "coming",
    "due",
    "first",
    "frozen_at",
    "of",
    "parse",
    "rules",
    "turnout",
]
