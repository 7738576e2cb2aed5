"""Findings as people and programs want them: text, JSON, SARIF, GitHub annotations."""

from engine.core.rendering.machine import as_github, as_json, as_sarif
from engine.core.rendering.text import as_text

__all__ = ["as_github", "as_json", "as_sarif", "as_text"]
