"""What a protected environment puts before each workflow of its source."""

from dataclasses import replace
from datetime import timedelta

import pytest

from engine.core import bounds, codec, machine
from engine.core.binding import Bound
from engine.core.change.reach import reach
from engine.core.commit import Commit, Unit
from engine.core.compiler import Laid, compile_survey, laid, protection_of, survey
from engine.core.event import Cancel, Decided
from engine.core.facts import Catalogue
from engine.core.plan import Approve, Block, Plan, Wait
from engine.core.run import Run
from engine.core.state import RunStatus
from tests.core.catalogue import CATALOGUE
from tests.core.runs import NOW, SECOND, alarm, begin, header, launched, ok, states, tell

HEAD = "apiVersion: sark/v1\nkind: {}\nname: {}\n"
SAY = "{uses: echo.say@1, with: {message: hi}}"
DEPLOY = f"""timeout: 10m
steps:
  build: {SAY}
  ship: {{needs: [build], uses: echo.say@1, with: {{message: hi}}}}
  look: {SAY}
  tidy: {{needs: {{build: done}}, uses: echo.say@1, with: {{message: hi}}}}
on_failure:
  - {{match: {{any: true}}, steps: {{alert: {SAY}}}}}
finally:
  steps: {{record: {SAY}}}
"""
BOTH = "{by: [group:ops, user:ann], wait: 5m, expires: 1h}"


def compiled(protection: str, **workflows: str) -> dict[str, Laid]:
    """Return what workflows come to in `prod`, by name."""
    texts = {name: HEAD.format("Workflow", name) + text for name, text in workflows.items()}
    texts["prod"] = HEAD.format("Environment", "prod") + f"protection: {protection}\n"
    texts["test"] = HEAD.format("Environment", "test")
    surveys = [survey(f"{name}.yaml", text.encode()) for name, text in texts.items()]
    commit = Commit([each for file in surveys for each in file.documents], None, "prod")
    units: list[Unit] = [compile_survey(each, Catalogue(CATALOGUE), commit) for each in surveys]
    documents = [each for unit in units for each in unit.documents]
    assert [] == [each for unit in units for each in unit.diagnostics]
    found = [each for each in documents if each.plan]
    return laid(found, {}, protection_of(documents, "prod"))


def deploy(protection: str = BOTH) -> Plan:
    return compiled(protection, deploy=DEPLOY)["deploy"].plan


def decided(run: Run, by: str, *, approved: bool = True) -> Decided:
    step = run.steps["protection.approve"]
    return Decided(step.path, by, approved, step.progress.asked)  # type: ignore[union-attr]


def test_people_are_asked_before_the_first_step() -> None:
    """
    Nothing begins before the question is answered and the pause is over; then all goes as ever.
    """
    run, first = begin(deploy())

    assert [] == launched(first)
    [ask] = first.asks
    assert (("group:ops", "user:ann"), 1, ("initiator",)) == (ask.by, ask.min, ask.exclude)
    assert (NOW + timedelta(hours=1), "Let a run of demo into prod?") == (ask.expires, ask.show)
    assert [] == launched(tell(run, decided(run, "ann")))
    let_in = tell(run, alarm(machine.owed(run), "protection.wait"), after=timedelta(minutes=5))
    assert ["build", "look"] == launched(let_in)


@pytest.mark.parametrize(
    ("protection", "verbs"),
    [
        ("{by: [group:ops]}", {"approve": Approve}),
        ("{wait: 10m}", {"wait": Wait}),
        (BOTH, {"wait": Wait, "approve": Approve}),
    ],
)
def test_what_is_not_written_is_not_waited_for(protection: str, verbs: dict[str, type]) -> None:
    """
    Who names nobody has a pause alone, who names no pause a question alone.
    """
    first = deploy(protection).root.steps[0]

    assert isinstance(first.verb, Block)
    assert verbs == {each.id: type(each.verb) for each in first.verb.body.steps}


@pytest.mark.parametrize("how", ["rejected", "expired", "cancelled"])
def test_a_run_that_is_not_let_in_does_nothing_at_all(how: str) -> None:
    """
    Neither a handler nor `finally` runs of what was kept out: they touch the environment too.
    """
    run, _ = begin(deploy("{by: [group:ops], expires: 1h}"))
    match how:
        case "rejected":
            last = tell(run, decided(run, "ann", approved=False))
        case "expired":
            last = tell(
                run, alarm(machine.owed(run), "protection.approve"), after=timedelta(hours=1)
            )
        case _:
            last = tell(run, Cancel("ann", ""))

    assert last.ended
    assert [] == launched(last)
    assert {"cancelled"} == {states(run)[name] for name in ("build", "ship", "look", "tidy")}
    assert {"build", "ship", "look", "tidy", "protection", "protection.approve"} == set(run.steps)
    told = {"rejected": "sark.rejected", "expired": "sark.expired", "cancelled": None}
    assert told[how] == (run.error or {}).get("type")
    ends = {"cancelled": RunStatus.CANCELLED}
    assert ends.get(how, RunStatus.FAILED) == run.outcome


def test_the_time_of_a_run_begins_when_it_is_let_in() -> None:
    """
    A workflow with ten minutes has them after an hour of waiting, and no more than them.
    """
    run, first = begin(deploy("{by: [group:ops], expires: 1h}"))
    assert NOW + timedelta(hours=1, minutes=10) == run.root.deadline
    late = timedelta(minutes=59)

    tell(run, decided(run, "ann"), after=late)
    ended = tell(run, alarm(machine.owed(run), ""), after=late + timedelta(minutes=10))

    assert NOW + late + timedelta(minutes=10) == run.root.deadline
    assert tell(run, alarm(first, ""), after=timedelta(hours=2)).echo
    assert run.timed_out
    assert ["on_failure.alert"] == launched(ended)


def test_what_a_run_starts_or_calls_is_not_asked_again() -> None:
    """
    Who let in the caller has let in what it calls, and the runs that it starts.
    """
    made = compiled(
        BOTH,
        deploy=f"steps: {{a: {{call: child}}, b: {{call: child, detach: true}}, c: {SAY}}}\n",
        child=f"steps: {{x: {SAY}}}\n",
    )
    called = replace(header(), trigger={"id": "call", "type": "call", "event": {}})
    run, first = machine.begin(Bound(made["child"].plan), called, NOW)

    assert ["x"] == launched(first)
    assert "skipped" == states(run)["protection"]
    caller = made["deploy"].plan.root.steps[1].verb
    assert made["child"].bare.root == caller.body  # type: ignore[union-attr]


def test_what_holds_a_run_is_in_its_plan() -> None:
    """
    The digest covers it, the bounds count it, and policies see who is asked.
    """
    made = compiled(BOTH, deploy=DEPLOY)["deploy"]

    assert codec.digest(made.bare) != made.plan.digest
    assert made.plan == codec.decode(codec.encode(made.plan))
    assert ("protection.approve",) == reach(made.plan, Catalogue(CATALOGUE)).asks
    longer = bounds.of(made.plan).duration - bounds.of(made.bare).duration
    assert timedelta(hours=1) == longer
    other = compiled(BOTH.replace("1h", "2h"), deploy=DEPLOY)["deploy"]
    assert made.bare == other.bare
    assert made.plan.digest != other.plan.digest


def test_an_environment_of_no_protection_holds_nothing() -> None:
    """
    Plans are what they were where a source is bound to another environment, or to none.
    """
    text = HEAD.format("Environment", "prod") + f"protection: {BOTH}\n---\n"
    text += HEAD.format("Environment", "test") + "---\n" + HEAD.format("Environment", "broken")
    documents = list(survey("a.yaml", (text + "nonsense: 1\n").encode()).documents)

    assert protection_of(documents, "prod") is not None
    for each in ("test", "broken", "gone", ""):
        assert protection_of(documents, each) is None


def test_what_has_not_changed_is_not_laid_again() -> None:
    """
    A protection that changes lays itself before plans that are kept; one that does not, nothing.
    """
    made = compiled(BOTH, deploy=DEPLOY)
    documents = list(survey("a.yaml", b"").documents)
    assert [] == documents
    text = HEAD.format("Workflow", "deploy") + DEPLOY
    surveyed = survey("deploy.yaml", text.encode())
    unit = compile_survey(surveyed, Catalogue(CATALOGUE), Commit(surveyed.documents))
    gate = made["deploy"].protection

    first = laid(unit.documents, {}, gate)
    again = laid(unit.documents, first, gate)
    bare = laid(unit.documents, again)

    assert first["deploy"] is again["deploy"]
    assert first["deploy"].bare is bare["deploy"].bare
    assert codec.digest(first["deploy"].bare) == bare["deploy"].plan.digest


def test_a_protection_survives_a_restart() -> None:
    """
    A worker that takes over a run finds it held, with its question and its end.
    """
    run, first = begin(deploy())
    told = machine.owed(run)

    assert first.asks == told.asks
    assert set(first.alarms) == set(told.alarms)
    tell(run, decided(run, "ann"), after=SECOND)
    later = tell(run, alarm(machine.owed(run), "protection.wait"), after=timedelta(minutes=5))
    assert set(later.alarms) <= set(machine.owed(run).alarms)
    assert [] != launched(tell(run, ok("build")))
