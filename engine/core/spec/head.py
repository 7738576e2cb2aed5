"""What every document begins with."""

from typing import Literal

from pydantic import Field

from engine.core.spec.scalar import Closed, Name, Prose


class Head(Closed):
    """The version of the language, what the document is, and words for people."""

    apiVersion: Literal["sark/v1"] = Field(description="The version of the language.")
    kind: str = Field(description="What this document is.")
    name: Name = Field(description="Its name, unique among documents of its kind in a namespace.")
    title: str | None = Field(default=None, description="A title for people.")
    description: Prose | None = Field(default=None, description="What it is for, in prose.")
    owners: list[str] = Field(default=[], description="The teams that answer for it.")
    labels: dict[str, str] = Field(
        default={}, description="Free labels, for finding it and for policy."
    )
