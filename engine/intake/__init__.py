"""The door by which runs begin: starts over the API and deliveries, many in one transaction."""

from engine.intake.active import ActiveSet, Hook
from engine.intake.intake import Intake
from engine.intake.request import Delivered, Delivery, Kind, Start, Started

__all__ = [
    "ActiveSet",
    "Delivered",
    "Delivery",
    "Hook",
    "Intake",
    "Kind",
    "Start",
    "Started",
]
