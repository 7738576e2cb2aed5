"""What a reviewer is told of a change: facts, the word of policies, and how it would end."""

from engine.core.review.facts import Pull
from engine.core.review.guard import guard
from engine.core.review.inert import marker
from engine.core.review.links import Links
from engine.core.review.machine import annotations, as_json
from engine.core.review.making import End, Place, make
from engine.core.review.markdown import LIMIT, as_markdown, conflicted, living, with_line
from engine.core.review.model import (
    Annotation,
    Conclusion,
    Effect,
    Guard,
    Head,
    Impact,
    Live,
    Review,
    Ruling,
    Rulings,
)
from engine.core.review.text import WORK_TREE, as_text
from engine.core.review.words import findings, headline

__all__ = [
    "LIMIT",
    "WORK_TREE",
    "Annotation",
    "Conclusion",
    "Effect",
    "End",
    "Guard",
    "Head",
    "Impact",
    "Links",
    "Live",
    "Place",
    "Pull",
    "Review",
    "Ruling",
    "Rulings",
    "annotations",
    "as_json",
    "as_markdown",
    "as_text",
    "conflicted",
    "findings",
    "guard",
    "headline",
    "living",
    "make",
    "marker",
    "with_line",
]
