"""The compiler under texts that nobody meant, and code that must reach its operation untouched."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.core.codec import decode, encode
from engine.core.compiler import compile_file
from engine.core.compiler.literal import with_code_quoted
from engine.core.expression import compile_value
from engine.core.facts import Catalogue
from tests.core.cases import FOLDER, NAMES
from tests.core.catalogue import CATALOGUE

LINES = [line for name in NAMES for line in (FOLDER / f"{name}.yaml").read_text().splitlines()]
TEXTS = [(FOLDER / f"{name}.yaml").read_text() for name in NAMES]
WORDS = [
    "steps", "{{", "}}", "inputs", ":", "[", "]", "- ", "outputs", "|", "null", "0", "'", ".",
    "self", "item", "error", "event", "compensate", "finally", "for_each", "repeat", "switch",
]  # fmt: skip
SHELL = Catalogue(CATALOGUE)["shell.run@1"]


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """Return a spec with a few lines or words of it replaced."""
    lines = draw(st.sampled_from(TEXTS)).splitlines()
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        if draw(st.booleans()):
            lines[at] = draw(st.sampled_from(LINES))
        else:
            cut = draw(st.integers(0, len(lines[at])))
            end = draw(st.integers(cut, len(lines[at])))
            lines[at] = lines[at][:cut] + draw(st.sampled_from(WORDS)) + lines[at][end:]
    return "\n".join(lines)


@settings(max_examples=300, deadline=None)
@given(damaged())
def test_whatever_is_written_is_a_plan_or_a_finding(text: str) -> None:
    """
    No text makes the compiler fail; a workflow has no plan exactly where it has an error.
    """
    unit = compile_file("demo.yaml", text.encode(), CATALOGUE)

    plans = [each.plan for each in unit.workflows]
    assert all(plan is None or decode(encode(plan)) == plan for plan in plans)
    assert unit.diagnostics or all(plan is not None for plan in plans)
    last = len(text.splitlines()) + 1
    assert all(1 <= each.span.line <= last and each.span.column >= 1 for each in unit.diagnostics)


@given(st.text(alphabet="{}%#'\"\\a -\n", max_size=30))
@example("docker inspect --format '{{.State}}'")
@example("{{")
@example("{{ '{{' }}")
def test_code_reaches_its_operation_as_it_is_written(script: str) -> None:
    """
    Braces in a script are the script's, whatever they look like.
    """
    arguments = with_code_quoted({"script": script, "argv": [script, "{{ x }}"]}, SHELL)

    told = compile_value(arguments).evaluate({"x": "filled"})

    assert told == {"script": script, "argv": [script, "filled"]}
