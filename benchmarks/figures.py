"""What was measured of a shape, and what it tells: medians, spread, and ratios to limits."""

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Row = dict[str, object]


@dataclass
class Shape:
    """One shape's figures: a list has an entry for each repeat, a sum is over all of them.

    `seconds` are of the whole shape and `bare` of 40 single commits right before it; `writes` are
    the transactions that wrote, `wal` bytes. `memory` is the most that was held, in MB by role.
    """

    name: str
    steps: int
    seconds: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    cpu: Counter[str] = field(default_factory=Counter)
    wal: int = 0
    writes: int = 0
    memory: Mapping[str, float] = field(default_factory=dict)

    def told(self, limits: Mapping[str, float] | None = None) -> Row:
        """Return the row of this shape; `limits` are seconds of the same by something bare."""
        median = statistics.median(self.seconds)
        steps = len(self.seconds) * self.steps
        return {
            "shape": self.name,
            "steps": self.steps,
            "repeats": len(self.seconds),
            "seconds": rounded(median),
            "spread": [rounded(min(self.seconds)), rounded(max(self.seconds))],
            "steps_per_second": round(self.steps / median),
            "cpu_seconds_per_1000_steps": rounded(sum(self.cpu.values()) * 1000 / steps),
            "cpu_by_process": {k: rounded(v * 1000 / steps) for k, v in self.cpu.items() if v},
            "wal_bytes_per_step": round(self.wal / steps),
            "steps_per_commit": rounded(steps / self.writes) if self.writes else None,
            "memory_mb": round(sum(self.memory.values())),
            "memory_by_process": {role: round(value) for role, value in self.memory.items()},
            "times_40_bare_commits": rounded(median / statistics.median(self.bare)),
            **{f"times_{name}": rounded(median / of) for name, of in (limits or {}).items()},
        }


def rounded(value: float) -> float:
    """Return three digits of a figure, and every digit of its whole part."""
    return round(value, max(0, 2 - magnitude(value)))


def magnitude(value: float) -> int:
    """Return the power of ten of a figure: 0 from 1 to 9.99, -1 from 0.1, and so on; 0 for none."""
    return int(f"{value:e}".partition("e")[2]) if value else 0


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share of all values lies; `values` may be in any order.

    With few values it is the largest rather than a guess between two.
    """
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def largest(seen: Sequence[Mapping[str, float]]) -> Mapping[str, float]:
    """Return of several looks at a memory by role the one that held most in all."""
    return max(seen, key=lambda look: sum(look.values()), default={})
