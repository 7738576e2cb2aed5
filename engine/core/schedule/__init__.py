"""What the clock sets off: when a schedule is due, what is made up for, and who waits for whom."""

from engine.core.schedule.misfire import GRACE, Due, Misfire, Rules, due, rules
from engine.core.schedule.overlap import MOST_WAITING, Overlap, Turnout, turnout
from engine.core.schedule.schedule import YEARS, Schedule, coming, first, of

__all__ = [
    "GRACE",
    "MOST_WAITING",
    "YEARS",
    "Due",
    "Misfire",
    "Overlap",
    "Rules",
    "Schedule",
    "Turnout",
    "coming",
    "due",
    "first",
    "of",
    "rules",
    "turnout",
]
