"""Which triggers an event sets off, with what inputs, and why not."""

from engine.core.trigger.bound import CLOCK, ENDED, BoundTrigger, by_hand, followed, overlong
from engine.core.trigger.decision import Decision, Firing, Said

__all__ = [
    "CLOCK",
    "ENDED",
    "BoundTrigger",
    "Decision",
    "Firing",
    "Said",
    "by_hand",
    "followed",
    "overlong",
]
