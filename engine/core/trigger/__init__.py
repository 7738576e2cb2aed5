"""Which triggers an event sets off, with what inputs, and why not."""

from engine.core.trigger.bound import BoundTrigger, by_hand
from engine.core.trigger.decision import Decision, Firing, Said

__all__ = ["BoundTrigger", "Decision", "Firing", "Said", "by_hand"]
