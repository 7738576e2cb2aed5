"""The configuration: one file, every key also in the environment, unknown keys refused."""

from engine.settings.freeze import Freeze
from engine.settings.loading import Loaded, load, serving
from engine.settings.model import (
    ADMINISTRATOR,
    App,
    Artifacts,
    Controller,
    ForgeSettings,
    History,
    Server,
    Settings,
    Source,
    Telemetry,
    Token,
    Worker,
)

__all__ = [
    "ADMINISTRATOR",
    "App",
    "Artifacts",
    "Controller",
    "ForgeSettings",
    "Freeze",
    "History",
    "Loaded",
    "Server",
    "Settings",
    "Source",
    "Telemetry",
    "Token",
    "Worker",
    "load",
    "serving",
]
