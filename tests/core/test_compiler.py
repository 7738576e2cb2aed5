"""Specs compiled: each case is a pair of files in `plans/` (see `tests.core.cases`)."""

import json

import pytest

from engine.core import document, reader
from engine.core.codec import decode
from engine.core.compiler import compile_file
from engine.core.compiler.codes import CODES, errors_page
from tests.core.cases import ERRORS, FOLDER, NAMES, compiled, expected, unit_of
from tests.core.catalogue import CATALOGUE

# Too long for a file, between files, or told by the tests of the expressions.
IN_OTHER_TESTS = {
    "connection-adapter",
    "connection-argument",
    "over-budget",
    "policy-call",
    "policy-fact",
    "policy-rule",
    "policy-syntax",
    "policy-test",
    "policy-value",
    "policy-word",
    "test-coverage",
    "test-failed",
    "test-file",
    "test-mock",
    "test-step",
    "test-unanswered",
    "test-unstarted",
    "test-unused",
    "too-many-steps",
    "duplicate-name",
    "duplicate-route",
    "look-alike",
    "unknown-workflow",
    "pool-refuses",
    "unknown-pool",
    "unknown-breaker",
    "unknown-calendar",
    "unknown-connection",
    "unknown-environment",
    "bad-code",
    "empty-file",
    "unknown-adapter",
    "unknown-timezone",
    "unused-document",
    "missing-file",
    "missing-variable",
    "no-environment",
    "template-in-variable",
    "unknown-variable",
    "variable-types",
    "bad-file",
    "call-cycle",
    "call-depth",
    "trigger-cycle",
    "event-nobody-emits",
    "expression-arguments",
    "expression-limit",
    "expression-type",
    "never-equal",
    "template-open",
    "template-statement",
    "template-trim",
    "unknown-function",
}
PLANS = [name for name in NAMES if (FOLDER / f"{name}.plan.json").exists()]
HEAD = "apiVersion: sark/v1\nkind: Workflow\nname: demo\n"


@pytest.mark.parametrize("name", NAMES)
def test_a_spec_compiles_to_what_is_written_beside_it(name: str) -> None:
    """
    The plan and every finding, with place and words, are exactly those of the case's files.
    """
    assert expected(name) == json.loads(json.dumps(compiled(name)))


def test_every_case_has_a_spec() -> None:
    """
    No file of expectations is left over from a case that is gone.
    """
    specs = {path.name.split(".")[0] for path in FOLDER.iterdir()}

    assert set(NAMES) == specs


def test_every_finding_has_an_explanation_and_every_rule_a_case() -> None:
    """
    What the compiler says can be looked up, and nothing can be looked up that it never says.
    """
    told = {each["code"] for name in NAMES for each in expected(name).get("findings.json", ())}
    elsewhere = {*document.CODES, *reader.CODES, *IN_OTHER_TESTS}

    assert (set(), set()) == (told - set(CODES), set(CODES) - told - elsewhere)


def test_the_page_of_findings_is_what_the_codes_say() -> None:
    """
    `docs/reference/errors.md` holds every code; `python -m tests.core.cases` writes it.
    """
    assert errors_page() == ERRORS.read_text()


@pytest.mark.parametrize("name", PLANS)
def test_layout_and_comments_do_not_change_a_plan(name: str) -> None:
    """
    Blank lines and comments move every line, and the digest stays what it was.
    """
    text = (FOLDER / f"{name}.yaml").read_text()
    moved = "# moved\n\n" + text.replace("\n\n", "\n# a comment\n\n")

    [workflow] = unit_of("elsewhere.yml", moved.encode()).workflows

    assert workflow.plan is not None
    assert expected(name)["plan.json"]["digest"] == workflow.plan.digest


@pytest.mark.parametrize("name", PLANS)
def test_a_stored_plan_is_the_compiled_one(name: str) -> None:
    """
    What is read back from the database is the plan that the compiler gave.
    """
    text = (FOLDER / f"{name}.yaml").read_bytes()

    [workflow] = unit_of(f"{name}.yaml", text).workflows

    assert decode(expected(name)["plan.json"]) == workflow.plan


@pytest.mark.parametrize(("count", "codes"), [(2000, []), (2001, ["too-many-steps"])])
def test_a_plan_has_at_most_2000_steps(count: int, codes: list[str]) -> None:
    """
    The steps of `finally` count too.
    """
    steps = "".join(f"  s{i}: {{set: {{x: {{value: 1}}}}}}\n" for i in range(count - 1))
    last = "finally: {steps: {last: {set: {x: {value: 1}}}}}\n"

    unit = compile_file("demo.yaml", f"{HEAD}steps:\n{steps}{last}".encode(), CATALOGUE)

    assert codes == [each.code for each in unit.diagnostics]


def test_a_misspelt_key_hides_no_other_finding() -> None:
    """
    Of a file with a key that is not known all else is told that is wrong with it, at its place.
    """
    text = (
        "apiVersion: sark/v1\nkind: Workflow\nname: w\ndescripton: d\nsteps:\n"
        "  a: {uses: http.request@1, wiht: {mehtod: GET, url: 'https://{{ inputs.host }}'}}\n"
    )
    unit = compile_file("w.yaml", text.encode(), CATALOGUE)

    told = [(each.code, each.span.line, each.span.column) for each in unit.diagnostics]
    assert {
        ("unknown-key", 4, 1), ("unknown-key", 6, 29), ("unknown-argument", 6, 36),
        ("unknown-input", 6, 66),
    } <= set(told)  # fmt: skip
