"""What one rendering may cost, and the two ways in which it goes wrong."""

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.contract import Json

LARGEST_TEMPLATE = 64 * 1024
LARGEST_TEXT = 1024 * 1024
MOST_STEPS = 300_000
_BYTES_A_STEP = 64
_DEEPEST = 200
_PLAIN = (int, float, type(None))


class TemplateError(Exception):
    """The template is not acceptable, whatever its values: `words` say why, and at which `line`."""

    def __init__(self, words: str, line: int) -> None:
        super().__init__(f"line {line}: {words}")
        self.words = words
        self.line = line


class ValueFault(Exception):
    """A value is missing or of the wrong type; the message names it and does not show it."""


class LimitError(Exception):
    """The rendering would cost more than it may."""


@dataclass(slots=True)
class Budget:
    """Steps left. Every node evaluated is a step, and so is every piece of text that is made."""

    steps: int = MOST_STEPS

    def spend(self, steps: int = 1) -> None:
        """Take `steps`; raise LimitError if they are not there."""
        self.steps -= steps
        if self.steps < 0:
            raise LimitError(f"more than {MOST_STEPS} steps")

    def text(self, size: int) -> None:
        """Take what a text of `size` characters costs, before it is made."""
        if size > LARGEST_TEXT:
            raise LimitError(f"a text of more than {LARGEST_TEXT} bytes")
        self.spend(1 + size // _BYTES_A_STEP)

    def whole(self, value: Json) -> None:
        """Take what it costs to visit all that is within a value, before it is compared or written.

        What lies within a value many times over is visited as often, and so it counts as often.
        """
        queue = [(value, 0)]
        while queue:
            found, depth = queue.pop()
            if depth > _DEEPEST:
                raise LimitError(f"a value of more than {_DEEPEST} levels")
            if isinstance(found, _PLAIN):
                continue
            if isinstance(found, str):
                self.spend(1 + len(found) // _BYTES_A_STEP)
                continue
            self.spend(1 + len(found))
            within = found.values() if isinstance(found, Mapping) else found
            queue += [(each, depth + 1) for each in within if not isinstance(each, _PLAIN)]
            if isinstance(found, Mapping):
                self.spend(sum(map(len, found)) // _BYTES_A_STEP)
