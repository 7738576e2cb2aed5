"""Answers by the path on which rules came to them: what they asked of hidden texts, in order.

Rules are told names that they rarely tell apart, as those of ten thousand workflows. Texts of
which the same is true all along a path come to the same, so rules are asked once for them all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar, cast

from policies.polar import Question

T = TypeVar("T")
_MOST = 5_000
"""How many questions are kept on all paths: to hear one costs as much as a short rule."""


@dataclass(frozen=True, slots=True)
class End(Generic[T]):
    """Where a path ends."""

    answer: T


@dataclass(frozen=True, slots=True)
class _Fork(Generic[T]):
    """A question, and what comes after each answer to it as far as that is known."""

    question: Question
    after: "dict[object, _Node[T]]"


_Node: TypeAlias = _Fork[T] | End[T]


class Paths(Generic[T]):
    """What rules came to, by a key of all that they were told but for hidden texts."""

    def __init__(self) -> None:
        self._known: dict[object, _Node[T]] = {}
        self._left = _MOST

    @property
    def is_full(self) -> bool:
        """True where nothing more is learnt."""
        return self._left <= 0

    def find(self, key: str, texts: Mapping[str, str]) -> End[T] | None:
        """Return where the path ends for some texts; None where nobody knows yet."""
        node = self._known.get(key)
        while isinstance(node, _Fork):
            node = node.after.get(node.question.answer(texts))
        return node

    def add(self, key: str, asked: Sequence[tuple[Question, bool]], answer: T) -> None:
        """Learn where a path ends; nothing of one that is not asked in the order of the others."""
        self._left -= len(asked) + 1
        place, step = self._known, cast("object", key)
        for question, is_true in asked:
            fork = place.setdefault(step, _Fork(question, {}))
            if not isinstance(fork, _Fork) or fork.question != question:
                return
            place, step = fork.after, is_true
        place[step] = End(answer)
