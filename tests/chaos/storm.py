"""Faults in an order and at times that a seed decides, and what is done to make each.

The same seed draws the same schedule; what a fault meets depends on the machine.
"""

import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from engine.errors import SarkError
from tests.chaos.house import GRACE, LEASE, House, Process

# How often each is drawn, of a hundred or so.
_KILLS = {"worker": 50, "server": 14, "controller": 10, "leader": 8, "postgres": 8, "valkey": 10}
_OTHERS = {
    "freeze worker": 30, "freeze server": 6, "freeze controller": 6, "freeze valkey": 6,
    "drain worker": 16, "drain server": 6, "drain controller": 6, "flush valkey": 14,
    "terminate connections": 6, "stop postgres": 4,
}  # fmt: skip
# So many other faults come for each kill.
_OTHERS_PER_KILL = 0.5
_SHORTEST_DOWN, _LONGEST_DOWN = 0.1, 2.5
_FOR_EVER = float("inf")
# How much longer than its grace a process may take to go.
_SLACK = 120.0


@dataclass(frozen=True, slots=True)
class Fault:
    """`at` seconds after the beginning something happens to the member `number` of its kind.

    It lasts for `span` seconds: how long it is frozen, or until it is started again.
    """

    at: float
    what: str
    number: int
    span: float


def draw(seed: str, seconds: float, kills: int) -> list[Fault]:
    """Return the schedule of a seed: so many kills, half as many other faults, by their time."""
    dice = random.Random(f"storm {seed}")
    words = [f"kill {each}" for each in dice.choices([*_KILLS], [*_KILLS.values()], k=kills)]
    others = round(kills * _OTHERS_PER_KILL)
    words += dice.choices([*_OTHERS], [*_OTHERS.values()], k=others)
    dice.shuffle(words)
    step = seconds / max(len(words), 1)
    return [
        Fault(step * (place + dice.random()), what, dice.randrange(6), _span(what, dice))
        for place, what in enumerate(words)
    ]


def _span(what: str, dice: random.Random) -> float:
    if what.startswith("freeze"):
        return dice.uniform(LEASE + 0.5, LEASE + 3)
    return dice.uniform(_SHORTEST_DOWN, _LONGEST_DOWN)


class Storm:
    """Makes faults, and mends afterwards what it has broken. One thread."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._due: list[tuple[float, Callable[[], None]]] = []
        self._draining: dict[str, tuple[float, float]] = {}
        self._down: set[str] = set()
        self.made: Counter[str] = Counter()
        self.missed: Counter[str] = Counter()
        self.wrong: list[str] = []

    def blow(self, faults: list[Fault]) -> None:
        """Make all faults at their times, and mend all."""
        began = time.monotonic()
        for fault in faults:
            while (left := began + fault.at - time.monotonic()) > 0:
                self._mend()
                time.sleep(min(left, 0.05))
            name = " ".join(fault.what.split()[:2])
            (self.made if self._make(fault) else self.missed)[name] += 1
        self._settle()

    def restart(self, kind: str) -> None:
        """Drain every member of a kind, and start it again."""
        for name in self._house.names(kind):
            self._end(name, signal.SIGTERM, 0)
        self._settle()

    def drain(self, kind: str) -> None:
        """Tell every member of a kind to go, and wait until they have."""
        for name in self._house.names(kind):
            self._end(name, signal.SIGTERM, _FOR_EVER)
        while self._draining:
            self._mend()
            time.sleep(0.05)

    def _settle(self) -> None:
        """Wait until everything is up again."""
        while self._due or self._draining or self._down:
            self._mend()
            time.sleep(0.05)

    def _make(self, fault: Fault) -> bool:
        what, kind = fault.what.split()[:2]
        if fault.what == "flush valkey":
            return self._house.flush()
        if fault.what == "terminate connections":
            return self._house.terminate_connections()
        name = self._house.leader() if kind == "leader" else self._one(kind, fault.number)
        if name is None or name in self._down:
            return False
        match what:
            case "kill":
                return self._end(name, signal.SIGKILL, fault.span)
            case "stop":
                return self._end(name, signal.SIGQUIT, fault.span)
            case "drain":
                return self._end(name, signal.SIGTERM, fault.span)
            case _:
                return self._freeze(name, fault.span)

    def _one(self, kind: str, number: int) -> str | None:
        """Return the member of this number, or the next one that is up."""
        names = self._house.names(kind)
        turned = names[number % len(names) :] + names[: number % len(names)]
        return next((each for each in turned if each not in self._down), None)

    def _end(self, name: str, how: signal.Signals, span: float) -> bool:
        if not self._house.signal(name, how):
            return False
        self._house.signal(name, signal.SIGCONT)
        self._down.add(name)
        if how is signal.SIGTERM:
            self._draining[name] = (span, time.monotonic() + GRACE + _SLACK)
        else:
            self._later(span, lambda: self._start(name))
        return True

    def _freeze(self, name: str, span: float) -> bool:
        pid = self._house.members[name].pid
        frozen = self._house.signal(name, signal.SIGSTOP)

        def thaw() -> None:
            if self._house.members[name].pid == pid:
                self._house.signal(name, signal.SIGCONT)

        if frozen:
            self._later(span, thaw)
        return frozen

    def _start(self, name: str) -> None:
        """Start a member again; what is not dead yet, or does not come up, is tried again."""
        if self._house.members[name].is_up():
            return self._later(0.1, lambda: self._start(name))
        try:
            self._house.members[name].start()
        except SarkError:  # it has a port or a folder that another still holds
            return self._later(1, lambda: self._start(name))
        return self._down.discard(name)

    def _later(self, span: float, what: Callable[[], None]) -> None:
        self._due.append((time.monotonic() + span, what))

    def _mend(self) -> None:
        now = time.monotonic()
        due = [what for at, what in self._due if at <= now]
        self._due = [each for each in self._due if each[0] > now]
        for what in due:
            what()
        self._watch_drains()
        for name, member in self._house.members.items():
            if not member.is_up() and name not in self._down:
                code = member.code if isinstance(member, Process) else "?"
                self.wrong.append(f"{name} ended by itself ({code}):\n{self._house.log(name)}")
                self._down.add(name)
                self._later(0.5, lambda name=name: self._start(name))  # type: ignore[misc]

    def _watch_drains(self) -> None:
        """Start again what has gone as it was told: in time, and with 0."""
        for name, (span, limit) in list(self._draining.items()):
            member = self._house.members[name]
            if member.is_up():
                if time.monotonic() > limit:
                    self._house.signal(name, signal.SIGKILL)
                continue
            assert isinstance(member, Process)
            if not member.has_gone_well():
                words = f"{name} was told to go and ended {member.code}"
                self.wrong.append(f"{words}:\n{self._house.log(name)}")
            del self._draining[name]
            if span != _FOR_EVER:
                self._later(span, lambda name=name: self._start(name))  # type: ignore[misc]
