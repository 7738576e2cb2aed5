"""Strangers' text that goes from workflow to workflow, by the inputs and outputs of calls.

Each workflow tells its own flows; here they are followed through calls, callees first. What is
learnt of a workflow holds for each of its callers alone: that one hands over what came from
outside says nothing of another. Workflows that call each other in a circle are refused elsewhere
and not looked at.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from engine.core.commit.circle import settled
from engine.core.commit.declared import Declared
from engine.core.commit.flow import ANY_INPUT, Flow, Goal, Label, Origin, Trust, refusal
from engine.core.diagnostic import Diagnostic, Related, Span
from engine.core.frozen import frozen

_GUARDED = (Goal.ARGUMENT, Goal.HOST)
# Of a longer way through workflows the rest is left out.
_MOST_SHOWN = 12


@frozen
class _End:
    """A place that an input reaches and may not: the flow into it, and the way there."""

    flow: Flow
    way: tuple[Related, ...]


@dataclass(slots=True)
class _Learnt:
    """What callers must know of a workflow.

    `ends` are by input, and by whether the text in it went through a sanitizer; `gives` are the
    labels of each output, with where it is written.
    """

    ends: dict[tuple[str, bool], _End] = field(default_factory=dict)
    gives: dict[str, dict[Label, Span]] = field(default_factory=dict)

    def end(self, name: str, is_encoded: bool) -> _End | None:
        """Return where a text in an input ends that may not go there."""
        return self.ends.get((name, is_encoded)) or self.ends.get((ANY_INPUT.name, is_encoded))


def findings(workflows: Mapping[str, Declared]) -> Iterator[Diagnostic]:
    """Find strangers' text that is handed to, or comes back from, a workflow that is called."""
    told = {name: each.trust for name, each in workflows.items() if each.trust is not None}
    called = {callee for each in told.values() for callee in each.calls}
    calls = {name: set(each.calls) for name, each in told.items() if each.calls or name in called}
    learnt: dict[str, _Learnt] = {}
    for name in settled(calls):
        body = _Body(told[name], learnt)
        learnt[name] = body.learnt()
        yield from body.findings()


class _Body:
    """The flows of one workflow, with all that is known of what it calls."""

    def __init__(self, trust: Trust, known: Mapping[str, _Learnt]) -> None:
        self._trust = trust
        self._callees = [known.get(name, _Learnt()) for name in trust.calls]
        self._handed: list[list[Flow]] = [[] for _ in trust.calls]
        for flow in trust.flows:
            if flow.goal is Goal.CALL:
                self._handed[flow.call].append(flow)
        self._held: dict[tuple[int, str], set[Label]] = {}
        while self._grows():
            pass

    def learnt(self) -> _Learnt:
        """Return what a caller must know of it."""
        made = _Learnt()
        for flow in self._trust.flows:
            for label in self._roots(flow.labels):
                if flow.goal is Goal.OUTPUT and label.origin is not Origin.EVENT:
                    made.gives.setdefault(flow.name, {}).setdefault(label, flow.span)
                elif label.origin is Origin.INPUT:
                    self._note_ends(made, flow, label)
        return made

    def findings(self) -> Iterator[Diagnostic]:
        """Find what is wrong in a run of its own, but for what shows in it alone."""
        for flow in self._trust.flows:
            if flow.goal is Goal.CALL:
                yield from self._handing_over(flow)
            elif flow.goal in _GUARDED:
                yield from self._coming_back(flow)

    def _grows(self) -> bool:
        """Follow what the callees give once more; return whether anything is new."""
        before = sum(map(len, self._held.values()))
        for number, callee in enumerate(self._callees):
            for output, labels in callee.gives.items():
                held = self._held.setdefault((number, output), set())
                held.update(self._given(number, labels))
        return sum(map(len, self._held.values())) > before

    def _given(self, number: int, labels: Iterable[Label]) -> Iterator[Label]:
        """Yield the labels here of a callee's output that has these labels there."""
        for label in labels:
            if label.origin is not Origin.INPUT:
                yield label
                continue
            for flow in self._handed[number]:
                if label.name in (flow.name, ANY_INPUT.name):
                    roots = self._roots(flow.labels)
                    yield from (each.through(label.is_encoded) for each in roots)

    def _roots(self, labels: Iterable[Label]) -> list[Label]:
        """Return the labels with those of calls followed to where their text came from."""
        found: set[Label] = set()
        for label in labels:
            if label.origin is Origin.CALL:
                held = self._held.get((label.call, label.name), ())
                found.update(each.through(label.is_encoded) for each in held)
            elif label.origin is Origin.ANY:
                found.update(*self._held.values(), (ANY_INPUT,))
            else:
                found.add(label)
        return sorted(found)

    def _note_ends(self, made: _Learnt, flow: Flow, label: Label) -> None:
        """Note what text in an input may reach by a flow, as it is and behind a sanitizer."""
        for is_encoded in {label.is_encoded, True}:
            end = self._end(flow, is_encoded)
            if end is not None:
                made.ends.setdefault((label.name, is_encoded), end)
                if is_encoded:
                    made.ends.setdefault((label.name, False), end)

    def _end(self, flow: Flow, is_encoded: bool) -> _End | None:
        """Return where text in a flow ends that may not go there."""
        if flow.goal is Goal.CALL:
            end = self._callees[flow.call].end(flow.name, is_encoded)
            if end is None:
                return None
            callee = self._trust.calls[flow.call]
            here = Related(flow.span, f'`{flow.text}` is handed on to workflow "{callee}" here')
            return _End(end.flow, (here, *end.way)[:_MOST_SHOWN])
        is_refused = flow.goal is Goal.HOST or (flow.goal is Goal.ARGUMENT and not is_encoded)
        here = Related(flow.span, f"`{flow.text}` stands in `{flow.name}` here")
        return _End(flow, (here,)) if is_refused else None

    def _handing_over(self, flow: Flow) -> Iterator[Diagnostic]:
        """Find text from outside in an argument of a call that leads to where it may not go."""
        for label in self._from_outside(flow.labels):
            end = self._end(flow, label.is_encoded)
            if end is not None:
                callee = self._trust.calls[flow.call]
                _, hint = refusal(flow.text, flow.name, is_host=end.flow.goal is Goal.HOST)
                what = "chooses a host" if end.flow.goal is Goal.HOST else "is taken as it is"
                message = (
                    f"`{flow.text}` comes from outside and may not go into `{flow.name}` of "
                    f'workflow "{callee}": there it {what} in `{end.flow.name}`'
                )
                yield _finding(flow, message, hint, end.way[1:])
                return

    def _coming_back(self, flow: Flow) -> Iterator[Diagnostic]:
        """Find text that a call gives back from outside where it may not go."""
        is_host = flow.goal is Goal.HOST
        for label in (each for each in flow.labels if each.origin in (Origin.CALL, Origin.ANY)):
            if any(is_host or not each.is_encoded for each in self._from_outside([label])):
                message, hint = refusal(flow.text, flow.name, is_host=is_host)
                yield _finding(flow, message, hint, self._way_out(label))
                return

    def _way_out(self, label: Label) -> tuple[Related, ...]:
        """Return where a callee gives what came from outside."""
        callee = self._callees[label.call] if label.origin is Origin.CALL else _Learnt()
        told = callee.gives.get(label.name, {})
        name = self._trust.calls[label.call] if told else ""
        spans = sorted(set(told.values()))[:1]
        return tuple(Related(span, f'workflow "{name}" gives it here') for span in spans)

    def _from_outside(self, labels: Iterable[Label]) -> list[Label]:
        """Return the labels of text that nobody has vouched for where an event starts a run."""
        fed = self._trust.fed and {*self._trust.fed, ANY_INPUT.name}
        roots = self._roots(labels)
        return [each for each in roots if each.origin is not Origin.INPUT or each.name in fed]


def _finding(flow: Flow, message: str, hint: str, way: tuple[Related, ...]) -> Diagnostic:
    return Diagnostic("untrusted-value", message, flow.span, hint=hint, related=way)
