"""The door by which runs begin: starts over the API and deliveries, many in one transaction."""

from engine.intake.intake import Intake
from engine.intake.request import Delivered, Delivery, Fire, Kind, Start, Started
from engine.intake.turn import Decides

__all__ = [
    "Decides",
    "Delivered",
    "Delivery",
    "Fire",
    "Intake",
    "Kind",
    "Start",
    "Started",
]
