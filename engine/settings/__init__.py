"""The configuration: one file, every key also in the environment, unknown keys refused."""

from engine.settings.field import ADMINISTRATOR
from engine.settings.freeze import Freeze
from engine.settings.loading import Loaded, load, serving
from engine.settings.model import (
    App,
    Artifacts,
    Controller,
    ForgeSettings,
    Git,
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
    "Git",
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
