"""`sark fmt --explicit-needs`: which inferred edges are written, and that nothing changes."""

import re
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.core import machine
from engine.core.diagnostic import has_errors
from engine.core.document import MAX_BYTES, Document, load
from engine.core.event import Alarm, Cancel, Event, Failed, Succeeded
from engine.core.facts import Catalogue
from engine.core.format import Unproved, needs, proof, spell_out
from engine.core.plan import Rollback, Scope, Step
from engine.core.run import Run
from tests.core.catalogue import CATALOGUE
from tests.core.runs import NOW, begin, edge, plan, scope, step

START = """\
apiVersion: sark/v1
kind: Workflow
name: demo
"""
MAPPING = f"""\
{START}\
steps:
  one:
    uses: echo.say@1
    with: {{message: hi}}
  no:
    uses: echo.say@1
    with: {{message: hi}}
"""
LIST = f"""\
{START}\
steps:
  - id: one
    uses: echo.say@1
    with: {{message: hi}}
  - id: no
    uses: echo.say@1
    with: {{message: "{{{{ steps.one.outputs.message }}}}"}}
"""
FINALLY = f"""\
{MAPPING}\
finally:
  steps:
    last:
      uses: echo.say@1
      with: {{message: "{{{{ steps.one.outputs.message | default('') }}}}"}}
"""
WRITTEN = [
    ("what a step reads", MAPPING, "two:\n    READ one", "two:\n    needs: [one]\n    READ one"),
    ("what has a default", MAPPING, "two:\n    MAY one", "two:\n    needs: [one]\n    MAY one"),
    ("below the name", MAPPING, "two:\n    name: Two\n    READ one",
     "two:\n    name: Two\n    needs: [one]\n    READ one"),
    ("above the comment", MAPPING, "two:\n\n    # why\n\n    READ one",
     "two:\n    needs: [one]\n    # why\n\n    READ one"),
    ("on one line", MAPPING, "two: {READ one}", "two: {needs: [one], READ one}"),
    ("beside others", MAPPING, "two:\n    needs: ['no'] # x\n    READ one",
     "two:\n    needs: ['no', one] # x\n    READ one"),
    ("in a list of lines", MAPPING, "two:\n    needs:\n    - 'no' # x\n    # y\n    READ one",
     "two:\n    needs:\n      - 'no' # x\n      - one\n    # y\n    READ one"),
    ("in a mapping", MAPPING, "two:\n    needs: {'no': succeeded}\n    READ one",
     "two:\n    needs: {'no': succeeded, one: ok}\n    READ one"),
    ("in empty brackets", MAPPING, "two:\n    needs: []\n    READ one",
     "two:\n    needs: [one]\n    READ one"),
    ("with quotes that it needs", MAPPING,
     "two:\n    READ no",
     'two:\n    needs: ["no"]\n    READ no'),
    ("in finally", FINALLY, "  two:\n      READ last",
     "  two:\n      needs: [last]\n      READ last"),
    ("further up in a list", LIST, "- id: two\n    READ one",
     "- id: two\n    needs: [one]\n    READ one"),
]  # fmt: skip

LEFT = [
    ("the order of a list", LIST, "- id: two\n    READ no"),
    ("what is written", MAPPING, "two:\n    needs: [one]\n    READ one"),
    ("after an optional step", MAPPING.replace("  no:", "    optional: true\n  no:"),
     "two:\n    MAY one"),
    ("after a failure", MAPPING, "two:\n    needs: {'no': done}\n    READ one"),
    ("under join", f"{MAPPING}  b:\n    uses: echo.say@1\n    with: {{message: hi}}\n",
     "two:\n    needs: ['no', b]\n    join: any\n    MAY one"),
]  # fmt: skip


def spec(start: str, step: str) -> bytes:
    """Return a spec that ends with this step. `READ x` in it reads the step x; `MAY x` may."""

    def value(match: re.Match[str]) -> str:
        default = " | default('')" if match[1] == "MAY" else ""
        read = f"{{{{ steps.{match[2]}.outputs.message{default} }}}}"
        return f'set: {{y: {{type: string, value: "{read}"}}}}'

    written = re.sub(r"(READ|MAY) (\w+)", value, step)
    return f"{start}  {written}\n".encode()


@pytest.mark.parametrize(
    ("start", "before", "after"), [e[1:] for e in WRITTEN], ids=[e[0] for e in WRITTEN]
)
def test_an_inferred_edge_is_written(start: str, before: str, after: str) -> None:
    """
    A step says itself whom it waits for, in the form that its needs have; comments stay.
    """
    made, found = spell_out(spec(start, before), "a.yaml", CATALOGUE)

    assert spec(start, after).decode() == made.decode()
    assert (made, False) == (spell_out(made, "a.yaml", CATALOGUE)[0], has_errors(found))


@pytest.mark.parametrize(("start", "step"), [e[1:] for e in LEFT], ids=[e[0] for e in LEFT])
def test_an_edge_that_would_mean_something_else_is_left(start: str, step: str) -> None:
    """
    An edge is not written where `needs` has no word for it.
    """
    text = spec(start, step)

    assert text.decode() == spell_out(text, "a.yaml", CATALOGUE)[0].decode()


def test_each_document_has_its_own_edges() -> None:
    """
    A file may hold several workflows.
    """
    before = spec(MAPPING, "two:\n    READ one"), spec(MAPPING, "two:\n    MAY one")
    after = [each.replace(b"set:", b"needs: [one]\n    set:") for each in before]
    text, other = (b"---\n".join((a, b.replace(b"demo", b"b"))) for a, b in (before, after))

    assert other.decode() == spell_out(text, "a.yaml", CATALOGUE)[0].decode()


def test_a_document_without_steps_keeps_its_place() -> None:
    """
    A pool beside a workflow is put in the one style, and the workflow's edges are written.
    """
    pool = "apiVersion: sark/v1\nkind: Pool\nname: p\n"
    flow = START + "steps:\n  a:\n    set:\n      x: {type: integer, value: 1}\n"
    flow += '  b:\n    set:\n      y: {type: integer, value: "{{ steps.a.outputs.x }}"}\n'

    made, found = spell_out(f"{pool}---\n{flow}".encode(), "a.yaml", CATALOGUE)

    assert ([], True) == (found, made.decode().startswith(f"{pool}---\n"))
    assert "needs: [a]" in made.decode()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: *x\n", "alias"),
        (START, "missing-key"),
        (START.replace("Workflow", "Pol"), "unknown-kind"),
    ],
)
def test_a_file_with_errors_is_left_alone(text: str, code: str) -> None:
    """
    What does not compile has no edges; its errors are told.
    """
    made, found = spell_out(text.encode(), "a.yaml", CATALOGUE)

    assert text.encode() == made
    assert code in [each.code for each in found]


@pytest.mark.parametrize("labels", ["{}", "{a: b,c: d,e: f}"])
def test_a_file_that_would_be_too_large_is_left_alone(labels: str) -> None:
    """
    Neither the edges nor the style make a spec larger than one may be.
    """
    text = spec(MAPPING, f"two:\n    READ one\nlabels: {labels}")
    text = b"#\n" * ((MAX_BYTES - len(text)) // 2) + text
    made, found = spell_out(text, "a.yaml", CATALOGUE)

    assert text == made
    assert ["file-too-large"] == [each.code for each in found]


def test_another_plan_is_not_written() -> None:
    """
    Were there a mistake in what is written, no file would suffer: the plans are compared.
    """
    for made in (MAPPING.encode(), b"kind: Pool\n"):
        with pytest.raises(Unproved, match="would wait"):
            proof.check_plans(["another"], [], made, Catalogue(CATALOGUE))


def test_an_edge_to_a_step_that_can_be_undone_is_left() -> None:
    """
    A rolled back step is neither succeeded nor skipped, yet what may read it runs after it.
    """
    one = replace(step("s0"), compensation=scope(step("")))
    made = plan(scope(one, step("s1", edge(0, "done", inferred=True))))

    assert {} == needs.inferred(made, document(made.root)).by_path


@st.composite
def steps(draw: st.DrawFn) -> list[Step]:
    """Return steps as the compiler makes them: what is inferred asks for any end."""
    made: list[Step] = []
    for position in range(draw(st.integers(2, 6))):
        edges = []
        for each in sorted(draw(st.sets(st.integers(0, position - 1), max_size=3)) if made else ()):
            inferred = draw(st.booleans())
            word = (
                "done" if inferred else draw(st.sampled_from(["ok", "succeeded", "failed", "done"]))
            )
            edges.append(edge(each, word, data=draw(st.booleans()), inferred=inferred))
        one = step(
            f"s{position}", *edges,
            condition=draw(st.sampled_from([None, None, None, "false", "1"])),
            optional=draw(st.integers(0, 3)) == 0,
            join=draw(st.sampled_from([0, 0, 0, 1])),
        )  # fmt: skip
        if draw(st.booleans()):
            one = replace(one, compensation=scope(step("")))
        elif made and made[-1].compensation is not None and draw(st.booleans()):
            one = replace(one, verb=Rollback((made[-1].id,)), after=(edge(position - 1),), join=0)
        made.append(one)
    return made


def document(root: Scope) -> Document:
    """Return a document that a plan with these steps could come from."""
    names = "".join(f"  {each.id}:\n" for each in root.steps)
    documents, _ = load(f"steps:\n{names}finally:\n  steps: {{a: }}\n".encode(), "demo.yaml")
    return documents[0]


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps(), st.data())
def test_a_written_edge_runs_as_the_inferred_one(made: list[Step], draw: st.DataObject) -> None:
    """
    Whatever succeeds, fails, is undone or cancelled: each step comes to the same end, for the
    same reason, at the same event.
    """
    one = plan(scope(*made))
    other = needs.inferred(one, document(one.root)).plan
    runs = [begin(each)[0] for each in (one, other)]
    now = NOW
    while runs[0].ended_at is None:
        assert ends(runs[0]) == ends(runs[1])
        event = picked(runs[0], draw)
        now = event.at if isinstance(event, Alarm) else now
        for run in runs:
            machine.advance(run, event, now)

    assert ends(runs[0]) == ends(runs[1])
    assert machine.status(runs[0]) == machine.status(runs[1])


def picked(run: Run, draw: st.DataObject) -> Event:
    owed = machine.owed(run)
    if draw.draw(st.integers(0, 30)) == 0 and run.cancelled is None:
        return Cancel("ann", "")
    if not owed.launches:
        alarm = min(owed.alarms, key=lambda each: each.at)
        return Alarm(alarm.path, alarm.at)
    launch = draw.draw(st.sampled_from(owed.launches))
    if draw.draw(st.integers(0, 2)):
        return Succeeded(launch.path, launch.attempt, {})
    error = {"type": "t", "detail": "d", "class": "permanent"}
    return Failed(launch.path, launch.attempt, error)


def ends(run: Run) -> Mapping[str, object]:
    return {path: (each.state, each.reason) for path, each in run.steps.items()}
