"""`timeout.heartbeat`: beside which operations it stands, and what a silence does to a run."""

from dataclasses import replace
from datetime import timedelta

import pytest

from engine.core.compiler import compile_file
from engine.core.diagnostic import Severity
from engine.core.event import Failed
from engine.core.facts import Catalogue
from engine.core.plan import Plan
from engine.core.values import Json
from tests.core.catalogue import CATALOGUE
from tests.core.runs import RETRY, begin, launched, only, step, tell, uses, whole

OPERATIONS = Catalogue(
    {**CATALOGUE, "file.fetch@1": replace(CATALOGUE["file.fetch@1"], progress="A piece.")}
)
HEAD = "apiVersion: sark/v1\nkind: Workflow\nname: demo\n"
FETCH = "uses: file.fetch@1, with: {url: 'https://far.example/x'}"
ECHO = "uses: echo.say@1, with: {message: hi}"
SILENT: dict[str, Json] = {
    "type": "sark.heartbeat_timeout", "detail": "no progress", "class": "transient"
}  # fmt: skip


def found(text: str) -> list[tuple[Severity, str, int]]:
    unit = compile_file("demo.yaml", (HEAD + text).encode(), OPERATIONS)
    return [(each.severity, each.code, each.span.line) for each in unit.diagnostics]


def heartbeats(text: str) -> dict[str, timedelta | None]:
    unit = compile_file("demo.yaml", (HEAD + text).encode(), OPERATIONS)
    [made] = [each.plan for each in unit.documents]
    assert isinstance(made, Plan)
    return {each.id: each.timeout.heartbeat for each in made.root.steps}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"steps:\n  a: {{{FETCH}, timeout: {{heartbeat: 30s}}}}", []),
        (
            f"steps:\n  a: {{{ECHO}, timeout: {{heartbeat: 30s}}}}",
            [(Severity.ERROR, "silent-operation", 5)],
        ),
        (
            f"steps:\n  a: {{{FETCH}, timeout: {{heartbeat: 5m}}}}",
            [(Severity.WARNING, "timeout-order", 5)],
        ),
        (
            "steps:\n  a: {uses: no.such@1, timeout: {heartbeat: 30s}}",
            [(Severity.ERROR, "unknown-operation", 5)],
        ),
    ],
)
def test_only_what_can_be_heard_has_a_heartbeat(
    text: str, expected: list[tuple[Severity, str, int]]
) -> None:
    """
    A heartbeat that nobody would hear, or that is longer than an attempt, is found before merge.
    """
    assert expected == found(text)


def test_the_defaults_are_for_those_that_report() -> None:
    """
    A heartbeat in `defaults` is that of the steps whose operation reports progress.
    """
    text = (
        "defaults: {timeout: {heartbeat: 30s}}\n"
        f"steps:\n  a: {{{FETCH}}}\n  b: {{{ECHO}}}\n  c: {{{FETCH}, timeout: 1m}}"
    )

    assert [] == found(text)
    assert {"a": timedelta(seconds=30), "b": None, "c": None} == heartbeats(text)


def test_a_silent_attempt_is_made_again() -> None:
    """
    What a silent attempt has done is unknown: it is made again where that does no harm.
    """
    run, _ = begin(whole(step("a", retry=RETRY)))
    tell(run, Failed("a", 1, SILENT))

    assert ("waiting", True) == (run.steps["a"].state.value, run.steps["a"].doubt)


def test_a_silent_step_has_timed_out_and_is_undone() -> None:
    """
    Nobody knows whether it took effect, so it is undone; `timed_out` says what happened.
    """
    verb = uses(repeatable=False)
    run, _ = begin(whole(step("a", verb=verb, compensation=only())))
    decision = tell(run, Failed("a", 1, {**SILENT, "class": "unknown"}))

    assert ["a.compensate"] == launched(decision)
    assert run.steps["a"].timed_out
