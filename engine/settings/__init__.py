"""The configuration: one file, every key also in the environment, unknown keys refused."""

from engine.settings.loading import Loaded, load
from engine.settings.model import Artifacts, Controller, Server, Settings, Source, Worker

__all__ = ["Artifacts", "Controller", "Loaded", "Server", "Settings", "Source", "Worker", "load"]
