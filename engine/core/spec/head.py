"""What every document begins with."""

from typing import Literal

from engine.core.spec.model import Model, field
from engine.core.spec.scalar import Name, Prose


class Head(Model):
    """The version of the language, what the document is, and words for people."""

    apiVersion: Literal["sark/v1"] = field(description="The version of the language.")
    kind: str = field(description="What this document is.")
    name: Name = field(description="Its name, unique among documents of its kind in a namespace.")
    title: str | None = field(default=None, description="A title for people.")
    description: Prose | None = field(default=None, description="What it is for, in prose.")
    owners: list[str] = field(default=[], description="The teams that answer for it.")
    labels: dict[str, str] = field(
        default={}, description="Free labels; policies read those of a workflow."
    )
