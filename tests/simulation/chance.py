"""What a seed decides: the load, the faults, and how late everything is."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

SLOTS = ("worker-1", "worker-2", "worker-3", "relay-1", "relay-2", "client")
_OF_STATEMENTS = frozenset(("cut before", "cut after", "refuse", "slow", "stall"))
KINDS = ("ladder", "booking", "pooled", "once", "waiting", "parent", "race", "retry")


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong: `at` is a count of the target's steps or statements, or a second.

    kill, freeze: at a step of a process. cut before, cut after, refuse, slow, and stall, which is
    to freeze once it is sent: at a statement of a process. restart, flush, cancel, drain: at a
    second.
    """

    kind: str
    target: str
    at: float
    span: float = 0.0

    def __str__(self) -> str:
        span = f" for {self.span:.1f} s" if self.span else ""
        return f"{self.kind} {self.target} at {self.at:g}{span}"


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole schedule: nothing else decides what happens. `load` are kinds of runs."""

    seed: int
    load: tuple[str, ...]
    faults: tuple[Fault, ...]

    def without(self, fault: Fault) -> "Plan":
        return replace(self, faults=tuple(each for each in self.faults if each is not fault))


def drawn(seed: int, kinds: Sequence[str] = KINDS) -> Plan:
    """Return the schedule of a seed, with runs of these kinds."""
    dice = random.Random(seed)
    load = tuple(dice.choice(kinds) for _ in range(dice.randint(1, 4)))
    faults = [_fault(dice, len(load)) for _ in range(dice.randint(0, 8))]
    if dice.random() < 0.25:
        faults += _slow_then_lost(dice)
    return Plan(seed, load, tuple(faults))


def _slow_then_lost(dice: random.Random) -> list[Fault]:
    """Return a statement that travels for long, and what its worker loses meanwhile."""
    worker, number = dice.choice(SLOTS[:3]), dice.randint(5, 40)
    lost = dice.choice(["cut before", "cut after"])
    return [
        Fault("slow", worker, float(number), dice.choice([2, 8])),
        Fault(lost, worker, float(number + dice.randint(1, 3))),
    ]


def _fault(dice: random.Random, runs: int) -> Fault:
    worker = dice.choice(SLOTS[:3])
    anybody = dice.choice(SLOTS)
    step = float(int(10 ** dice.uniform(0.7, 2.6)))
    statement = float(int(10 ** dice.uniform(0, 1.8)))
    second = round(10 ** dice.uniform(-1.5, 1.3), 3)
    match dice.randint(0, 12):
        case 0 | 1 | 2:
            return Fault("kill", dice.choice(SLOTS[:5]), step)
        case 3:
            return Fault("freeze", dice.choice(SLOTS[:5]), step, dice.choice([0.5, 4, 9, 25]))
        case 4:
            return Fault("stall", dice.choice(SLOTS[:5]), statement, dice.choice([0.5, 4, 9, 25]))
        case 5 | 6:
            return Fault("cut after", anybody, statement)
        case 7:
            return Fault("cut before", anybody, statement)
        case 12:
            return Fault("slow", anybody, statement, dice.choice([0.5, 2, 8]))
        case 8:
            return Fault("refuse", anybody, statement)
        case 9:
            return Fault("restart", "postgresql", second, dice.choice([0.1, 3]))
        case 10:
            return Fault("cancel", f"run-{dice.randint(1, runs)}", second)
        case _:
            return Fault(*dice.choice([("flush", "redis"), ("drain", worker)]), second)


class Chance:
    """Gives every delay of a schedule, and the fate of each statement."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._dice = random.Random(plan.seed ^ 0x5A5A)
        self._counts: Counter[str] = Counter()
        self._scale = self._dice.choice([0.2, 1.0, 1.0, 5.0])
        self.loss = self._dice.choice([0.0, 0.0, 0.1, 0.5, 1.0])
        self._fates = {
            (each.target, each.at): each for each in plan.faults if each.kind in _OF_STATEMENTS
        }  # fmt: skip

    def delay(self) -> float:
        """Return how long something travels, in seconds: mostly briefly, now and then not."""
        point = self._dice.random()
        if point < 0.9:
            return 0.004 * point * self._scale
        return (0.05 if point < 0.99 else 1.5) * self._dice.random() * self._scale

    def duration(self) -> float:
        """Return how long an operation works."""
        return self._dice.choice([0.0, 0.01, 0.2, 1.0, 5.0]) * self._dice.random()

    def slowness(self, most: float) -> float:
        """Return how long something takes that is hardly ever slower than `most`."""
        return 0.01 if self._dice.random() < 0.9 else most * 2 * self._dice.random()

    def is_lost(self) -> bool:
        """True if a hint is lost."""
        return self._dice.random() < self.loss

    def pick(self, count: int) -> int:
        return self._dice.randrange(count)

    def fate(self, slot: str) -> Fault | None:
        """Return what goes wrong with the next statement of a process."""
        self._counts[slot] += 1
        return self._fates.get((slot, float(self._counts[slot])))
