"""What is proved after a storm, each with a figure: of runs, their journals and their calls."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from engine.core import machine
from engine.core.state import StepState
from tests.chaos import promise
from tests.chaos.load import Order
from tests.chaos.service import Call, Service
from tests.stories.invariants import Told

LIMITS = {"/limited/lane-0": 2, "/limited/lane-1": 2, "/limited/lane-2": 2, "/limited/gate": 3}
_OUTCOMES = frozenset({"succeeded", "failed"})


@dataclass(frozen=True, slots=True)
class Check:
    """Something that was promised, a figure for it, and by which run it is broken and how."""

    name: str
    figure: object
    broken: Sequence[tuple[str, str]] = ()


@dataclass
class Proof:
    """All that is known once a storm is over."""

    runs: Mapping[str, Told]
    unended: Sequence[tuple[str, str]]
    orders: Sequence[Order]
    service: Service
    _keys: dict[str, tuple[str, str]] = field(default_factory=dict)

    def checks(self) -> Iterator[Check]:
        """Yield what is proved of the runs, in the order in which it is told."""
        self._keys = dict(self._keyed())
        yield self._acknowledged()
        yield Check("runs that have not ended", len(self.unended), self.unended)
        yield self._promised()
        yield self._started()
        yield Check("journal rows", sum(len(each.journal) for each in self.runs.values()),
                    self._each(_journal))  # fmt: skip
        yield Check("outcomes, each once", self._outcomes(), self._each(_outcomes))
        yield Check("journals replayed to what is stored", len(self.runs), self._each(_row))
        yield self._called()
        yield self._keyed_alike()
        yield self._fenced()
        yield self._booked()
        yield from self._limited()

    def figures(self) -> dict[str, object]:
        """Return what is counted beside: nothing of it is right or wrong."""
        steps = [step for each in self.runs.values() for step in each.run.steps.values()]
        keys = Counter(call.key for call in self.service.calls if call.method != "GET")
        refused = sum(call.status == 503 for call in self.service.calls)
        twice = sum(keys.values()) - len(keys) - refused
        return {
            "statuses": dict(Counter(each.row.status for each in self.runs.values())),
            "attempts_lost_with_their_worker": sum(step.losses for step in steps),
            "runs_given_up_as_documented": sum(
                bool(promise.is_given_up(each)) for each in self.runs.values()
            ),
            "calls": len(self.service.calls),
            "calls_whose_caller_hung_up": sum(not call.status for call in self.service.calls),
            "late_bookings_refused": self.service.late,
            "percent_of_calls_executed_twice": round(100 * twice / max(len(keys), 1), 3),
        }

    def _each(self, check: object) -> list[tuple[str, str]]:
        assert callable(check)
        found = ((run, str(check(told))) for run, told in self.runs.items())
        return [(run, words) for run, words in found if words]

    def _acknowledged(self) -> Check:
        known = self.runs.keys() | {run for run, _ in self.unended}
        told = [order.run for order in self.orders if order.run is not None]
        lost = [(run, "was acknowledged and is not there") for run in told if run not in known]
        twice = [(run, "answers two starts") for run, n in Counter(told).items() if n > 1]
        return Check("acknowledged runs", len(told), lost + twice)

    def _promised(self) -> Check:
        return Check("runs that ended as promised", len(self.runs), self._each(promise.broken))

    def _started(self) -> Check:
        """Every run was asked for once: by a client, an event or another run."""
        asked = Counter(order.run for order in self.orders)
        for each in self.runs.values():
            if each.row.workflow == "telling" and isinstance(each.row.outputs, dict):
                asked[str(each.row.outputs["begun"])] += 1
        heard = Counter(
            each.row.inputs["order"] for each in self.runs.values()
            if each.row.workflow == "hearing"
        )  # fmt: skip
        told = [each for each in self.orders if each.workflow == "telling"]
        wrong = [(str(each.run), f"its event started {heard[each.name]} runs")
                 for each in told if heard[each.name] != 1]  # fmt: skip
        wrong += [(run, "nobody has asked for it") for run, each in self.runs.items()
                  if each.row.workflow != "hearing" and not asked[run]]  # fmt: skip
        return Check("runs that were asked for, each once", len(asked) + len(heard), wrong)

    def _outcomes(self) -> int:
        return sum(row.kind in _OUTCOMES for each in self.runs.values() for row in each.journal)

    def _keyed(self) -> Iterator[tuple[str, tuple[str, str]]]:
        """Yield the key of every call that a step may make, with its run and its path."""
        for run, told in self.runs.items():
            for path, step in told.run.steps.items():
                uses = step.step.uses
                if uses is None or uses.operation != "http.request@1" or not step.attempt:
                    continue
                key = step.step.key
                names = machine.names(told.run, path)
                yield f"{run}:{path}" if key is None else str(key.evaluate(names)), (run, path)

    def _called(self) -> Check:
        """A call that the journal calls a success was made; no call came from nowhere."""
        made = {call.key for call in self.service.calls if call.status}
        wrong = []
        for key, (run, path) in self._keys.items():
            step = self.runs[run].run.steps[path]
            if step.state is StepState.SUCCEEDED and not step.cached and key not in made:
                wrong.append((run, f"{path} has succeeded and was never called"))
        strange = sorted({call.key for call in self.service.calls} - self._keys.keys())
        unended = {run for run, _ in self.unended}
        wrong += [(key, "is the key of a call that no run has made") for key in strange
                  if key.partition(":")[0] not in unended]  # fmt: skip
        return Check("calls made, each at least once", len(self._keys), wrong)

    def _keyed_alike(self) -> Check:
        """Whoever calls again calls under the same key, and nobody else under it."""
        keys, callers = defaultdict(set), defaultdict(set)
        for call in self.service.calls:
            if call.run:
                keys[call.run, call.at].add(call.key)
                callers[call.key].add((call.run, call.at))
        wrong = [(run, f"{at} was called under {sorted(told)}") for (run, at), told in keys.items()
                 if len(told) > 1]  # fmt: skip
        wrong += [(str(sorted(told)), f"call under one key {key}") for key, told in callers.items()
                  if len(told) > 1]  # fmt: skip
        return Check("callers, each with one key", len(keys), wrong)

    def _fenced(self) -> Check:
        """What acts is called once under its number; what only reads may be called again."""
        acts = (call for call in self.service.calls if call.method != "GET")
        attempts = Counter((call.key, call.fence) for call in acts)
        wrong = [(self._keys.get(key, (key, ""))[0], f"attempt {fence} under {key} was made {n} x")
                 for (key, fence), n in attempts.items() if n > 1]  # fmt: skip
        return Check("attempts called, each once", len(attempts), wrong)

    def _booked(self) -> Check:
        """What is not to last was given back, and what is to last is held."""
        kept, booked = Counter[str](), set()
        for call in self.service.calls:
            if call.path == "/bookings" and call.key not in booked:
                booked.add(call.key)
                kept[call.run] += call.key in self.service.held
        wrong = []
        for run, told in self.runs.items():
            row = told.row
            wanted = promise.held(row.workflow, row.status)
            if kept[run] != wanted and "compensation_failed" not in row.flags:
                wrong.append((run, f"{kept[run]} bookings are held, not {wanted}"))
        return Check("bookings, kept or given back", len(booked), wrong)

    def _limited(self) -> Iterator[Check]:
        """Of calls that counted never more were under way at once than their group allows."""
        for path, limit in LIMITS.items():
            calls = [call for call in self.service.calls if call.path == path]
            peak, at = _peak(call for call in calls if self._counted(call))
            wrong = [(run, f"is one of {peak} at once in {path}, which takes {limit}")
                     for run in at if peak > limit]  # fmt: skip
            most = f"{peak} of {limit} ({_peak(calls)[0]} with those of the dead)"
            yield Check(f"at once in {path.rpartition('/')[2]}", most, wrong)

    def _counted(self, call: Call) -> bool:
        """True if the journal has the outcome of the attempt that made a call."""
        run, path = self._keys.get(call.key, ("", ""))
        return run in self.runs and any(
            row.kind in _OUTCOMES and (row.path, row.attempt) == (path, call.fence)
            for row in self.runs[run].journal
        )


def _peak(calls: Iterable[Call]) -> tuple[int, list[str]]:
    """Return how many calls were under way at once at most, and of which runs."""
    edges = []
    for call in calls:
        if call.ended is not None:
            edges += [(call.began, 1, call.run), (call.ended, 0, call.run)]
    now: list[str] = []
    most: list[str] = []
    for _, begins, run in sorted(edges):
        if begins:
            now.append(run)
        else:
            now.remove(run)
        if len(now) > len(most):
            most = list(now)
    return len(most), most


def _journal(told: Told) -> str:
    if [row.seq for row in told.journal] != list(range(1, len(told.journal) + 1)):
        return "its journal has a gap"
    return f"its journal has {told.echoes[0]}, which nobody hears" if told.echoes else ""


def _outcomes(told: Told) -> str:
    outcomes = Counter((row.path, row.attempt) for row in told.journal if row.kind in _OUTCOMES)
    return ", ".join(f"{place} has {n} outcomes" for place, n in outcomes.items() if n > 1)


def _row(told: Told) -> str:
    row, run = told.row, told.run
    stored = (row.status, tuple(row.flags), row.outputs, row.error, row.ended_at)
    replayed = (machine.status(run).value, machine.flags(run), run.outputs, run.error, run.ended_at)
    return "" if stored == replayed else f"stored {stored}, replayed {replayed}"
