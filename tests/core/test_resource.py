"""The documents that workflows share, each held against what its keys mean."""

import pytest

from engine.core.commit import Kind, Unit
from engine.core.compiler import compile_file
from tests.core.catalogue import CATALOGUE

STEPS = "steps: {a: {uses: echo.say@1, with: {message: hi}}}\n"
CONNECTION = "adapter: http\nsecrets: [token]\nwith: {{auth: {{bearer: '{}'}}}}\n"


def compiled(kind: str, rest: str) -> Unit:
    text = f"apiVersion: sark/v1\nkind: {kind}\nname: x\n{rest}"
    return compile_file("x.yaml", text.encode(), CATALOGUE)


@pytest.mark.parametrize(
    ("kind", "rest"),
    [
        ("Calendar", "timezone: Europe/Oslo\nexcept: ['2026-12-24']\nalso: ['2026-12-27']\n"),
        ("CircuitBreaker", "window: 2m\nfailure_ratio: 0.5\n"),
        ("Connection", CONNECTION.format("{{ secrets.token }}")),
        ("Pool", "adapters: [http, shell.run, echo.say@1]\n"),
        ("Pool", ""),
        ("Environment", "variables: {REGION: eu}\n"),
        ("Environment", "protection: {by: ['group:ops'], wait: 5m}\n"),
        ("Environment", f"revision: '{'9f' * 20}'\npromotion: {{from: staging, soak: 1h}}\n"),
        ("WorkflowTest", "workflow: demo\nexpect: {}\n"),
        ("PolicyTest", "after: {file: demo.yaml}\nexpect: []\n"),
    ],
)
def test_a_right_document_says_all_that_it_says(kind: str, rest: str) -> None:
    """
    It is kept by its kind and name, with its keys as they are written and their defaults.
    """
    unit = compiled(kind, rest)

    assert () == unit.diagnostics
    [told] = unit.documents
    assert (Kind(kind), "x", None) == (told.kind, told.name, told.plan)
    assert told.facts is not None


@pytest.mark.parametrize(
    ("kind", "rest", "code", "place"),
    [
        ("Calendar", "timezone: Europe/Olso\n", "unknown-timezone", "4:11"),
        (
            "Workflow",
            "triggers: {t: {type: schedule, every: 1h, timezone: Olso}}\n" + STEPS,
            "unknown-timezone",
            "4:53",
        ),
        (
            "Workflow",
            "objectives: [{id: x, finish_before: '07:00', timezone: Olso}]\n" + STEPS,
            "unknown-timezone",
            "4:56",
        ),
        ("Calendar", "except: ['2026-02-30']\n", "bad-value", "4:10"),
        ("Calendar", "also: ['2026-12-24', '2026-02-30']\n", "bad-value", "4:22"),
        ("Calendar", "except: ['2026-12-24']\nalso: ['2026-12-24']\n", "bad-value", "5:8"),
        ("CircuitBreaker", "window: 0s\n", "bad-duration", "4:9"),
        ("CircuitBreaker", "open_for: 9999d\n", "bad-duration", "4:11"),
        ("Connection", "adapter: htpp\n", "unknown-adapter", "4:10"),
        ("Connection", CONNECTION.format("{{ secrets.tokn }}"), "unknown-secret", "6:27"),
        ("Connection", CONNECTION.format("{{ secrets }}"), "unknown-secret", "6:27"),
        ("Connection", CONNECTION.format("{{ run.id }}"), "unknown-name", "6:27"),
        ("Pool", "adapters: [http, htttp]\n", "unknown-adapter", "4:18"),
        ("Environment", "protection: {min: 2}\n", "no-effect", "4:1"),
        ("Environment", "protection: {by: ['user:a'], min: 2}\n", "nobody-decides", "4:35"),
        ("Environment", "protection: {by: [initiator]}\n", "nobody-decides", "4:18"),
        ("Environment", "protection: {by: ['group:a'], expires: 0s}\n", "bad-duration", "4:40"),
        ("Environment", "protection: {wait: 9999d}\n", "bad-duration", "4:20"),
        ("Environment", "promotion: {from: x}\n", "bad-value", "4:19"),
        ("Environment", "promotion: {from: a, soak: 9999d}\n", "bad-duration", "4:28"),
    ],
)
def test_a_wrong_document_is_told_where(kind: str, rest: str, code: str, place: str) -> None:
    """
    What a model cannot know is checked too: zones, days, spans, adapters, secrets.
    """
    [found] = compiled(kind, rest).diagnostics

    assert (code, place) == (found.code, f"{found.span.line}:{found.span.column}")


def test_a_misspelt_adapter_has_a_hint() -> None:
    """
    The nearest name is proposed, and the adapters that are there.
    """
    [found] = compiled("Connection", "adapter: htpp\n").diagnostics

    assert ('did you mean "http"?', "count, echo, file, http, pick, shell, table") == (
        found.hint,
        found.expected,
    )


LOOKING = """apiVersion: sark/v1
kind: Workflow
name: look
triggers: {t: {type: file, connection: inbox, paths: ["*"]}}
steps: {a: {uses: echo.say@1, with: {message: hi}}}
---
apiVersion: sark/v1
kind: Connection
name: inbox
adapter: ADAPTER
with: {rut: incoming}
"""


@pytest.mark.parametrize(
    ("adapter", "left_out", "codes"),
    [
        ("file", "", ["missing-argument", "unknown-argument"]),
        ("file.list@1", "", ["missing-argument", "unknown-argument"]),
        ("file.fetch", "", ["no-listing", "unknown-argument"]),
        ("fyle", "", ["unknown-adapter"]),
        ("file", "file.list@1", []),
    ],
)
def test_a_connection_of_a_file_trigger(adapter: str, left_out: str, codes: list[str]) -> None:
    """
    Its arguments are those of what lists files, where there is such an operation, or of its own
    adapter.
    """
    known = {name: each for name, each in CATALOGUE.items() if name != left_out}
    unit = compile_file("x.yaml", LOOKING.replace("ADAPTER", adapter).encode(), known)

    assert codes == [each.code for each in unit.diagnostics]
