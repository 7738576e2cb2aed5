"""Findings as people and programs see them."""

import json
from dataclasses import replace
from typing import Any

import pytest

from engine.core import rendering
from engine.core.diagnostic import Diagnostic, Edit, Related, Severity, Span
from engine.core.rendering.excerpt import line_starts

FILE = "workflows/billing/refund-sync.yaml"
LINES = "".join(f"# {number}\n" for number in range(1, 8))
SOURCE = f"{LINES}steps:\n" + "# x\n" * 15 + "steps:\n      tiemout: 2m\n"


def at(line: int, column: int, end: int, file: str = FILE) -> Span:
    return Span(file, line, column, end)


DUPLICATE = Diagnostic(
    "duplicate-key",
    'key "steps" appears twice',
    at(24, 1, 6),
    hint="YAML would silently keep only the last one; merge the two lists",
    related=(Related(at(8, 1, 6), "first defined here"),),
)
UNKNOWN = Diagnostic(
    "unknown-key",
    'unknown field "tiemout" in step "export"',
    at(25, 7, 14),
    hint='did you mean "timeout"?',
)


def text(*findings: Diagnostic, source: str = SOURCE, color: bool = False) -> str:
    return rendering.as_text(findings, {FILE: source}, color)


def test_blocks_look_like_those_of_rustc() -> None:
    """
    Code, place, source line, marks with their words, and help; one blank line between.
    """
    expected = """\
error[duplicate-key]: key "steps" appears twice
  --> workflows/billing/refund-sync.yaml:24:1
   |
 8 | steps:
   | ----- first defined here
...
24 | steps:
   | ^^^^^ and again here
   |
   = help: YAML would silently keep only the last one; merge the two lists

error[unknown-key]: unknown field "tiemout" in step "export"
  --> workflows/billing/refund-sync.yaml:25:7
   |
25 |       tiemout: 2m
   |       ^^^^^^^ did you mean "timeout"?
"""

    assert expected == text(DUPLICATE, UNKNOWN)


def test_no_finding_is_no_text() -> None:
    """
    Nothing to say, nothing said.
    """
    assert text() == ""


def test_expected_help_and_other_files_stand_below() -> None:
    """
    A second place in another file has no excerpt; what was expected comes before the help.
    """
    finding = Diagnostic(
        "duplicate-name",
        "there are two workflows `w`",
        at(1, 3, 4),
        Severity.WARNING,
        "rename one",
        "a name of its own",
        (Related(at(3, 1, 2, "other.yaml"), "the first is here"),),
    )
    expected = f"""\
warning[duplicate-name]: there are two workflows `w`
 --> {FILE}:1:3
  |
1 | # 1
  |   ^
  |
 ::: other.yaml:3:1 the first is here
  = expected: a name of its own
  = help: rename one
"""

    assert expected == text(finding)


def test_places_on_neighbouring_lines_and_on_one_line() -> None:
    """
    Nothing is left out between neighbours, and a line is shown once.
    """
    finding = Diagnostic(
        "two-verbs",
        "two",
        at(3, 3, 4),
        Severity.INFO,
        related=(Related(at(3, 1, 2), "one"), Related(at(2, 1, 2), "other")),
    )
    expected = f"""\
info[two-verbs]: two
 --> {FILE}:3:3
  |
2 | # 2
  | - other
3 | # 3
  | - one
  |   ^
"""

    assert expected == text(finding)


ODD_LINES = [
    ("a\tb: \x1b[2Jx", at(1, 6, 10), "a    b: <U+001B>[2Jx", " " * 8 + "^" * 11),
    ("日本: x", at(1, 1, 3), "日本: x", "^^^^"),
    ("e\u0301: x", at(1, 4, 5), "e\u0301: x", " " * 2 + "^"),
    ("a: \u202eb", at(1, 4, 5), "a: <U+202E>b", "   ^^^^^^^^"),
    ("\ufeffa: b", at(1, 1, 2), "a: b", "^"),
    ("a: b\r", at(1, 1, 2), "a: b", "^"),
    ("a:", at(1, 3, 3), "a:", "  ^"),
    ("a:", at(1, 9, 12), "a:", "  ^"),
    ("x" * 200, at(1, 101, 103), "…" + "x" * 120 + "…", " " * 41 + "^^"),
    ("x" * 200, at(1, 1, 201), "x" * 120 + "…", "^" * 120),
]


@pytest.mark.parametrize(("line", "span", "shown", "marks"), ODD_LINES)
def test_source_lines_are_shown_safely(line: str, span: Span, shown: str, marks: str) -> None:
    """
    Nothing in a line moves the cursor, and the marks stand below what they mark.
    """
    lines = text(Diagnostic("x", "m", span), source=line).splitlines()

    assert [f"1 | {shown}", f"  | {marks}"] == lines[3:]


def test_a_line_that_is_not_there_is_left_empty() -> None:
    """
    A finding about a file that was not handed over, or a line behind its end, still has its block.
    """
    missing = Diagnostic("x", "m", at(1, 1, 1, "gone.yaml"))

    assert text(missing) == "error[x]: m\n --> gone.yaml:1:1\n  |\n1 |\n  | ^\n"
    assert f"error[x]: m\n  --> {FILE}:99:1\n   |\n99 |\n   | ^\n" == text(
        Diagnostic("x", "m", at(99, 1, 1))
    )


def test_messages_and_names_cannot_speak_to_the_terminal() -> None:
    """
    Escapes in a message, a hint or a file's name come out as their numbers.
    """
    finding = Diagnostic("x", "a\x1bb\nc", at(1, 1, 1, "f\x1b.yaml"), hint="h\x1b")

    shown = text(finding)

    assert "\x1b" not in shown
    assert "error[x]: a<U+001B>b<U+000A>c\n" in shown
    assert "--> f<U+001B>.yaml:1:1" in shown
    assert "= help: h<U+001B>" in shown


def test_colour_is_only_added() -> None:
    """
    Without its colours the coloured text is the plain one.
    """
    import re

    coloured = text(DUPLICATE, UNKNOWN, color=True)

    assert "\x1b[1;31merror[duplicate-key]\x1b[0m" in coloured
    assert text(DUPLICATE, UNKNOWN) == re.sub(r"\x1b\[[0-9;]*m", "", coloured)


def test_json_is_what_the_command_promises() -> None:
    """
    `sark check --format json` has exactly these keys.
    """
    finding = {
        "code": "unknown-key",
        "severity": "error",
        "message": 'unknown field "tiemout" in step "export"',
        "file": FILE,
        "line": 25,
        "column": 7,
        "hint": 'did you mean "timeout"?',
        "fix": None,
    }

    assert {"findings": [finding], "files": 3} == json.loads(rendering.as_json([UNKNOWN], 3))
    assert json.loads(rendering.as_json([], 0)) == {"findings": [], "files": 0}


def test_sarif_has_rules_levels_places_and_related_places() -> None:
    """
    The log is what code scanning reads: SARIF 2.1.0, one run, columns in code points.
    """
    odd = Diagnostic("a-b", "m", Span("a b/é.yaml", 1, 1), Severity.WARNING)

    log: dict[str, Any] = json.loads(rendering.as_sarif([DUPLICATE, odd]))

    run = log["runs"][0]
    assert (log["version"], run["columnKind"]) == ("2.1.0", "unicodeCodePoints")
    assert run["tool"]["driver"]["rules"] == [{"id": "a-b"}, {"id": "duplicate-key"}]
    first, second = run["results"]
    assert (first["ruleId"], first["ruleIndex"], first["level"]) == ("duplicate-key", 1, "error")
    assert (second["ruleId"], second["ruleIndex"], second["level"]) == ("a-b", 0, "warning")
    region = {"startLine": 24, "startColumn": 1, "endColumn": 6}
    where = {"artifactLocation": {"uri": FILE}, "region": region}
    assert [{"physicalLocation": where}] == first["locations"]
    assert first["relatedLocations"][0]["message"]["text"] == "first defined here"
    place = second["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "a%20b/%C3%A9.yaml"
    assert place["region"] == {"startLine": 1, "startColumn": 1}


def test_github_annotations_are_escaped() -> None:
    """
    Whatever a file is called or a message says, it stays inside its own annotation.
    """
    finding = Diagnostic(
        "x", "50% a:b,c\r\n::error::d\x1b", Span("a:b,c%\r\n.yaml", 3, 2, 5), Severity.WARNING, "h"
    )
    expected = (
        "::warning file=a%3Ab%2Cc%25%0D%0A.yaml,line=3,col=2,endColumn=5,title=x"
        "::50%25 a:b,c<U+000D>%0A::error::d<U+001B>%0Ah\n"
    )

    assert expected == rendering.as_github([finding])
    assert (
        rendering.as_github([Diagnostic("x", "m", Span("f", 1, 1), Severity.INFO)])
        == "::notice file=f,line=1,col=1,title=x::m\n"
    )


def test_programs_are_handed_the_fix() -> None:
    """
    Where mending is mechanical, JSON and SARIF say which stretch to replace, and by what.
    """
    place = UNKNOWN.span
    fix = Edit(Span(FILE, place.line, place.column, place.end), "timeout", is_sure=True)
    finding = replace(UNKNOWN, fix=fix)

    told = json.loads(rendering.as_json([finding], 1))["findings"][0]["fix"]
    (result,) = json.loads(rendering.as_sarif([finding]))["runs"][0]["results"]
    (change,) = result["fixes"][0]["artifactChanges"]

    where = {"line": place.line, "column": place.column, "end": place.end}
    assert {**where, "text": "timeout", "sure": True} == told
    region = {"startLine": place.line, "startColumn": place.column, "endColumn": place.end}
    assert [{"deletedRegion": region, "insertedContent": {"text": "timeout"}}] == change[
        "replacements"
    ]


def test_lines_begin_where_editors_begin_them() -> None:
    """
    A line ends with any of the three ends that there are, and with nothing else.
    """
    assert [0, 2, 5, 7] == line_starts("a\nb\r\nc\r\x0bd")
