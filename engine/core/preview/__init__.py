"""A workflow tried out without its tests: doubles answer for adapters, and a timeline is left.

It is the trial of `sark test` in which nothing has to be said: what a step gives is made of the
schema that it declares, unless a test of the repository says it better.
"""

from engine.core.preview.making import preview, unknown
from engine.core.preview.model import Preview, Row
from engine.core.preview.telling import LIMIT, as_json, as_markdown, as_text

__all__ = ["LIMIT", "Preview", "Row", "as_json", "as_markdown", "as_text", "preview", "unknown"]
