"""A preview made: the plan, doubles in the place of adapters, and a bound on how far it goes."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from engine.core import machine, spec
from engine.core.facts import Catalogue
from engine.core.inputs import typed
from engine.core.plan import Approve, Await, Plan, Step, Uses
from engine.core.preview.double import double
from engine.core.preview.model import By, Preview, Row
from engine.core.run import StepRun
from engine.core.spec.workflow_test import Expect, Given, Mock
from engine.core.trial.mocking import unfit
from engine.core.trial.script import Script
from engine.core.trial.simulation import Trial, simulate
from engine.core.trial.starting import Unstartable
from engine.core.trial.subject import Subject
from engine.core.trigger import CLOCK, by_hand
from engine.core.values import Json
from engine.core.wording import listed, meant

MOST_EVENTS = 50_000
"""How many events a preview goes on for: beginnings, answers and alarms."""
_CLOCK = "2026-01-01T00:00:00Z"
_YES = (None, "approved")
_ANSWERED = (Uses, Approve, Await)


def preview(
    plan: Plan, operations: Catalogue, tests: Iterable[spec.WorkflowTest],
    texts: Mapping[str, str], goes_on: Callable[[], bool], most: int = MOST_EVENTS,
) -> Preview:  # fmt: skip
    """Return what a run of a plan would come to if every operation answered as it declares.

    `texts` are inputs as they are written. Of `tests` those of the plan count, in their order: the
    first that lets a step succeed says what it gives, and the first that names a trigger starts
    what nobody starts by hand. It is given up after `most` events, or once `goes_on` says no.
    """
    subject = Subject(plan, operations)
    mine = [each for each in tests if each.workflow == plan.name]
    given, clock = _given(plan, mine, typed(texts, plan.inputs))
    missing = [] if given.trigger else list(_missing(plan, given.inputs))
    if missing:
        return Preview(plan.name, problems=tuple(missing))
    test = spec.WorkflowTest(
        apiVersion="sark/v1", kind="WorkflowTest", name="preview", workflow=plan.name,
        clock=clock, given=given, mock=dict(_mocks(mine, subject)), expect=Expect(),
    )  # fmt: skip
    doubles = _Doubles(test.mock, subject)
    try:
        trial = simulate(subject, test, most, doubles, goes_on)
    except Unstartable as error:
        return Preview(plan.name, problems=tuple(each.message for each in error.problems))
    return _told(trial, doubles.by)


def unknown(workflow: str, known: Iterable[str]) -> Preview:
    """Return what is said of a workflow that is not there, or that does not compile."""
    names = sorted(known)
    hint = meant(workflow, names, f"there is {listed(names)}")
    return Preview(workflow, problems=(f'no workflow "{workflow}" compiles here; {hint}',))


class _Doubles(Script):
    """Answers every step: as a test has it, or by what it declares. `by` says who, by its path."""

    def __init__(self, mocks: Mapping[str, Mock | list[Mock]], subject: Subject) -> None:
        super().__init__(mocks)
        self.by: dict[str, By] = {}
        self._subject = subject
        self._made: dict[int, Mock] = {}

    def next(self, step: StepRun) -> Mock:
        mock = super().next(step)
        self.by[step.path] = By.DOUBLE if mock is None else By.MOCK
        return self._double(step.step.plan) if mock is None else mock

    def _double(self, step: Step) -> Mock:
        if id(step) not in self._made:
            self._made[id(step)] = self._fresh(step)
        return self._made[id(step)]

    def _fresh(self, step: Step) -> Mock:
        if isinstance(step.verb, Approve):
            form = double(step.verb.form)
            return Mock(decision="approved", form=form if isinstance(form, dict) else {})
        types = self._subject.gives(step).types
        return Mock(outputs={name: double(each) for name, each in types.items()})


def _given(
    plan: Plan, tests: Sequence[spec.WorkflowTest], inputs: Mapping[str, Json]
) -> tuple[Given, str]:
    """Return how the run starts, and when: by hand where somebody could, else by a trigger."""
    told = Given(inputs=dict(inputs))
    if by_hand(plan.triggers) is not None or not plan.triggers:
        return told, _CLOCK
    for test in tests:
        if test.given.trigger is not None:
            given = test.given
            inputs = {**given.inputs, **inputs}
            return Given(
                trigger=given.trigger, event=given.event, inputs=inputs, events=given.events
            ), test.clock
    timed = (each.id for each in plan.triggers if each.type in CLOCK)
    return Given(trigger=next(timed, None), inputs=dict(inputs)), _CLOCK


def _missing(plan: Plan, inputs: Mapping[str, Json]) -> Iterator[str]:
    """Yield a sentence for each input that has no default and was not given."""
    schema = plan.inputs if isinstance(plan.inputs, Mapping) else {}
    required, told = schema.get("required", ()), schema.get("properties", {})
    assert isinstance(required, Sequence)
    assert isinstance(told, Mapping)
    for name in map(str, required):
        about = told.get(name)
        has_default = isinstance(about, Mapping) and "default" in about
        if name not in inputs and not has_default:
            yield f'the input "{name}" is missing, and has no default: say {name}=VALUE'


def _mocks(tests: Iterable[spec.WorkflowTest], subject: Subject) -> Iterator[tuple[str, Mock]]:
    """Yield for each name the last success that the first test which has one says of it."""
    seen: set[str] = set()
    for name, told in ((name, told) for test in tests for name, told in test.mock.items()):
        places = subject.outline.find(name)
        if name in seen or not places:
            continue
        if not all(isinstance(each.step.verb, _ANSWERED) for each in places):
            continue
        attempts = told if isinstance(told, list) else [told]
        good = [each for each in attempts if each.error is None and each.decision in _YES]
        if good and next(unfit({name: good[-1]}, subject), None) is None:
            seen.add(name)
            yield name, good[-1]


def _told(trial: Trial, by: Mapping[str, By]) -> Preview:
    run = trial.run
    state, given_up = machine.status(run).value, ""
    if trial.is_endless:
        active = listed(sorted(run.active))
        state, given_up = "", f"it had not come to an end, and goes on with {active}"
    steps = sorted(run.steps.values(), key=lambda each: (not each.ended, each.ended, each.path))
    last = max((each.ended_at for each in steps if each.ended_at), default=run.started_at)
    return Preview(
        run.header.workflow, state, (run.ended_at or last) - run.started_at,
        tuple(_row(trial, each, by.get(each.path, By.NOBODY)) for each in steps),
        tuple(each.type for each in trial.emitted), _error(run.error), given_up,
    )  # fmt: skip


def _row(trial: Trial, step: StepRun, by: By) -> Row:
    verb = step.step.plan.verb
    what = verb.operation if isinstance(verb, Uses) else _word(type(verb).__name__)
    at = None if step.ended_at is None else step.ended_at - trial.run.started_at
    error = "" if step.reason else _error(step.error)
    return Row(step.path, what, step.state.value, at, step.reason, step.attempt, by, error)


def _word(name: str) -> str:
    """Return the name of a class as a key of the language: `ForEach` as `for_each`."""
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in name).lstrip("_")


def _error(told: Mapping[str, Json] | None) -> str:
    return "" if told is None else f"{told['type']}: {told['detail']}"
