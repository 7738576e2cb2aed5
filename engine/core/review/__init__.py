"""What a reviewer is told of a change: facts, the word of policies, and how it would end."""

from engine.core.review.model import (
    Conclusion,
    Effect,
    Guard,
    Head,
    Impact,
    Review,
    Ruling,
    Rulings,
)

__all__ = [
    "Conclusion",
    "Effect",
    "Guard",
    "Head",
    "Impact",
    "Review",
    "Ruling",
    "Rulings",
]
